/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a path, gives its bytes mapped; a handler of SIGBUS puts zeros where a file has ended meanwhile.
 */
#define _DEFAULT_SOURCE /* madvise: glibc's posix_madvise ignores "don't need" */
#include "common/mapped.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fail.h"
#include "common/regular.h"
#include "common/round.h"

/* A handler may look at any time, so entries stay for the life of the process and are used again. */
struct mapped {
    struct mapped *next;       /* set once, before the entry can be found */
    _Atomic uintptr_t begin;   /* 0: the entry is free */
    _Atomic size_t bytes;      /* in the file */
    _Atomic size_t page_bytes; /* in whole pages */
    atomic_bool cut;           /* the handler was here */
    int fd;
    char *path;
};

static struct mapped *_Atomic entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below, and of taking and freeing entries */
static unsigned open_files;
static bool installed;
static struct sigaction previous;

static struct mapped *find(uintptr_t address)
{
    for (struct mapped *m = atomic_load(&entries); m; m = m->next) {
        const uintptr_t begin = atomic_load(&m->begin);
        if (begin && address >= begin && address - begin < atomic_load(&m->page_bytes))
            return m;
    }
    return NULL;
}

/* ---- the handler */

static void pass_on(int number, siginfo_t *info, void *context)
{
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(number, info, context);
    else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        previous.sa_handler(number);
    else
        sigaction(SIGBUS, &previous, NULL); /* the access is made again, and ends as it would have without us */
}

/* From the page of the access to the end there is no file any more. */
static void put_zeros(int number, siginfo_t *info, void *context)
{
    const int error = errno;
    const uintptr_t address = (uintptr_t)info->si_addr;
    struct mapped *m = info->si_code == BUS_ADRERR ? find(address) : NULL;
    if (m) {
        const uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
        const size_t rest = atomic_load(&m->page_bytes) - (page - atomic_load(&m->begin));
        atomic_store(&m->cut, true);
        if (mmap((void *)page, rest, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            m = NULL;
    }
    if (!m)
        pass_on(number, info, context);
    errno = error;
}

static void install(void)
{
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    ours.sa_sigaction = put_zeros;
    sigemptyset(&ours.sa_mask);
    if (!installed)
        installed = sigaction(SIGBUS, &ours, &previous) == 0;
}

/* If somebody put a handler over ours, theirs may lead to ours: it stays. */
static void uninstall(void)
{
    struct sigaction now;
    if (installed && sigaction(SIGBUS, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO && now.sa_sigaction == put_zeros)
        installed = sigaction(SIGBUS, &previous, NULL) != 0;
}

/* ---- files */

/* A free entry, or a new one; under the lock. */
static struct mapped *take_entry(void)
{
    struct mapped *m = atomic_load(&entries);
    while (m && (atomic_load(&m->begin) || m->path))
        m = m->next;
    if (m || !(m = calloc(1, sizeof *m)))
        return m;
    m->next = atomic_load(&entries);
    atomic_store(&entries, m);
    return m;
}

static pln_status map(int fd, const char *path, size_t bytes, struct mapped **file, pln_error *error)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *name = strdup(path);
    pthread_mutex_lock(&lock);
    struct mapped *m = name ? take_entry() : NULL;
    void *begin = m ? mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    const int why = m ? errno : ENOMEM;
    if (begin != MAP_FAILED) {
        m->fd = fd;
        m->path = name;
        atomic_store(&m->cut, false);
        atomic_store(&m->bytes, bytes);
        atomic_store(&m->page_bytes, round_up(bytes, page));
        atomic_store(&m->begin, (uintptr_t)begin);
        open_files++;
        install();
    }
    pthread_mutex_unlock(&lock);
    if (begin != MAP_FAILED) {
        *file = m;
        return PLN_OK;
    }
    free(name);
    return why == ENOMEM ? pln_fail(error, PLN_NO_MEMORY, "%s: no memory to map it", path)
                         : pln_fail(error, PLN_BAD_MODEL, "%s: cannot be mapped: %s", path, strerror(why));
}

pln_status mapped_open(const char *path, struct mapped **file, pln_error *error)
{
    int fd;
    uint64_t bytes;
    pln_status status = regular_open(path, &fd, &bytes, error);
    if (status != PLN_OK)
        return status;
    if (bytes == 0 || bytes > SIZE_MAX / 2)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: %s", path, bytes ? "too large to be mapped" : "the file is empty");
    else
        status = map(fd, path, (size_t)bytes, file, error);
    if (status != PLN_OK)
        close(fd);
    return status;
}

void mapped_close(struct mapped **file)
{
    struct mapped *m = *file;
    *file = NULL;
    if (!m)
        return;
    pthread_mutex_lock(&lock);
    const uintptr_t begin = atomic_exchange(&m->begin, 0);
    munmap((void *)begin, atomic_load(&m->bytes));
    close(m->fd);
    free(m->path);
    m->path = NULL;
    if (--open_files == 0)
        uninstall();
    pthread_mutex_unlock(&lock);
}

const unsigned char *mapped_bytes(const struct mapped *file, size_t *bytes)
{
    *bytes = atomic_load(&file->bytes);
    return (const unsigned char *)atomic_load(&file->begin);
}

const char *mapped_path(const struct mapped *file)
{
    return file->path;
}

int mapped_descriptor(const struct mapped *file)
{
    return file->fd;
}

/* The end of the last page reads as zero without a signal, so the size is asked for too. */
static bool is_whole(const struct mapped *m)
{
    struct stat about;
    return !atomic_load(&m->cut) && fstat(m->fd, &about) == 0 && (uint64_t)about.st_size >= atomic_load(&m->bytes);
}

pln_status mapped_check(const struct mapped *file, pln_error *error)
{
    return is_whole(file) ? PLN_OK
                          : pln_fail(error, PLN_BAD_MODEL, "%s: became shorter while it was in use", file->path);
}

bool mapped_is_whole(const void *data)
{
    const struct mapped *m = find((uintptr_t)data);
    return !m || is_whole(m);
}

void mapped_release_pages(const struct mapped *file)
{
    madvise((void *)atomic_load(&file->begin), atomic_load(&file->bytes), MADV_DONTNEED);
}
