/* SPDX-License-Identifier: Apache-2.0
 *
 * Loaded before the C library: the k-th request for memory of the process fails (FAILING_AT=k), and with FAILING_ON=1
 * all after it too; FAILING_SAY=1 writes to stderr who asked. With FAILING_REPORT=FILE nothing fails: the file gets how
 * many requests there were, then for each place in the program that made some (its callers are what tells places apart)
 * the number of its first one.
 */
#define _GNU_SOURCE /* mmap's flags, execinfo */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

/* glibc's own, under the names that nothing replaces */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

enum { CALLERS = 10, PLACES = 1 << 16 };

static bool armed, keeps_failing, says;
static uint64_t fails_at;
static atomic_uint_fast64_t requests;
static const char *report;
static struct place {
    uint64_t hash, first; /* 0: a free slot */
} places[PLACES];
static _Thread_local bool inside; /* what asks here is this file */

static void note_place(uint64_t request)
{
    void *callers[CALLERS];
    inside = true;
    const int n = backtrace(callers, CALLERS);
    inside = false;
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < n; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)callers[i]) * 0x100000001b3u;
    size_t slot = hash % PLACES;
    for (size_t i = 0; i < PLACES && places[slot].first && places[slot].hash != hash; i++)
        slot = (slot + 1) % PLACES;
    if (!places[slot].first)
        places[slot] = (struct place){hash, request};
}

/* Whether this request is to fail. */
static bool fails(void)
{
    if (!armed || inside)
        return false;
    const uint64_t request = atomic_fetch_add(&requests, 1) + 1;
    if (report)
        note_place(request);
    if (request != fails_at && !(keeps_failing && fails_at && request > fails_at))
        return false;
    if (says) {
        void *callers[32];
        inside = true;
        backtrace_symbols_fd(callers, backtrace(callers, 32), STDERR_FILENO);
        inside = false;
    }
    errno = ENOMEM;
    return true;
}

VISIBLE void *malloc(size_t bytes)
{
    return fails() ? NULL : __libc_malloc(bytes);
}

VISIBLE void *calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __libc_calloc(n, bytes);
}

VISIBLE void *realloc(void *memory, size_t bytes)
{
    return bytes && fails() ? NULL : __libc_realloc(memory, bytes);
}

VISIBLE void *aligned_alloc(size_t alignment, size_t bytes)
{
    return fails() ? NULL : __libc_memalign(alignment, bytes);
}

VISIBLE int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    const int before = errno;
    void *got = fails() ? NULL : __libc_memalign(alignment, bytes);
    errno = before; /* the answer is returned */
    if (!got)
        return ENOMEM;
    *memory = got;
    return 0;
}

VISIBLE void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
    return fails() ? MAP_FAILED : (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}

__attribute__((constructor)) static void arm(void)
{
    void *callers[CALLERS];
    const char *at = getenv("FAILING_AT");
    fails_at = at ? strtoull(at, NULL, 10) : 0;
    keeps_failing = getenv("FAILING_ON");
    says = getenv("FAILING_SAY");
    report = getenv("FAILING_REPORT");
    backtrace(callers, CALLERS); /* the first call loads a library */
    armed = fails_at || report;
}

__attribute__((destructor)) static void tell(void)
{
    armed = false;
    const int file = report ? open(report, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (file < 0)
        return;
    dprintf(file, "%llu\n", (unsigned long long)requests);
    for (size_t i = 0; i < PLACES; i++)
        if (places[i].first)
            dprintf(file, "%llu\n", (unsigned long long)places[i].first);
    close(file);
}
