/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an open file, gives what a program of its own says of it; or tells that program what to write. The process is given an empty environment (HDF5 takes
 * orders from its own variables), its own group (so that a Ctrl-C at the terminal is ours to answer), signals as they are
 * by default, the file, and a pipe. It is waited for by its number, so children of the calling program are none of ours;
 * where that program ignores SIGCHLD or waits for all of them, nothing is lost: what the pipe said decides.
 */
#define _GNU_SOURCE /* pipe2 */
#include "checkpoint/hdf5_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/hdf5_wire.h"

enum { SILENCE_MS = 120000, ABOVE = 16 }; /* descriptors of ours lie above those that the program gets */

/* Descriptors that the program gets, and what it is to write (NULL: nothing). -1: none. */
struct given {
    int in, out, file;
    const char *written;
};

/* 0, or what errno would be. */
static int fill_actions(posix_spawn_file_actions_t *actions, const struct given *g)
{
    int problem = g->in < 0 ? posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
                            : posix_spawn_file_actions_adddup2(actions, g->in, STDIN_FILENO);
    problem = problem ? problem : posix_spawn_file_actions_adddup2(actions, g->out, STDOUT_FILENO);
    problem = problem ? problem : posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    return problem || g->file < 0 ? problem : posix_spawn_file_actions_adddup2(actions, g->file, HDF5_FILE);
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int problem = posix_spawnattr_setsigmask(attributes, &none);
    problem = problem ? problem : posix_spawnattr_setsigdefault(attributes, &all);
    problem = problem ? problem : posix_spawnattr_setpgroup(attributes, 0);
    return problem ? problem
                   : posix_spawnattr_setflags(attributes,
                                              POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

/* Where the loader looks for libraries is not HDF5's to know, and the program may need it. */
static int spawn(pid_t *process, const char *path, const struct given *g)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char name[] = HDF5_PROGRAM, loader[4096] = "LD_LIBRARY_PATH=";
    char *const arguments[] = {name, (char *)(uintptr_t)g->written, NULL};
    char *environment[] = {NULL, NULL};
    const char *libraries = getenv("LD_LIBRARY_PATH");
    if (libraries && strlen(libraries) < sizeof loader - strlen(loader))
        environment[0] = strcat(loader, libraries);
    int problem = posix_spawn_file_actions_init(&actions);
    if (problem)
        return problem;
    problem = posix_spawnattr_init(&attributes);
    if (!problem) {
        problem = fill_actions(&actions, g);
        problem = problem ? problem : fill_attributes(&attributes);
        problem = problem ? problem : posix_spawn(process, path, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

/* The same descriptor where none that the program gets can be, closed on exec. */
static int move_above(int descriptor)
{
    const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, ABOVE);
    const int problem = errno;
    close(descriptor);
    errno = problem;
    return moved;
}

/* Takes in and file of g, which are closed. */
static bool begin(struct hdf5_process *p, const char *path, struct given *g)
{
    int ends[2], problem = errno;
    *p = (struct hdf5_process){.process = -1, .from = -1, .to = p->to, .silence_ms = SILENCE_MS};
    g->out = -1;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        p->from = ends[0];
        g->out = move_above(ends[1]);
        problem = g->out < 0 ? errno : spawn(&p->process, path, g);
    } else {
        problem = errno;
    }
    const int all[] = {g->in, g->out, g->file};
    for (int i = 0; i < 3; i++)
        if (all[i] >= 0)
            close(all[i]);
    if (!problem)
        return true;
    p->process = -1;
    hdf5_process_end(p);
    errno = problem;
    return false;
}

bool hdf5_process_begin(struct hdf5_process *p, const char *path, int file)
{
    struct given g = {.in = -1, .file = fcntl(file, F_DUPFD_CLOEXEC, ABOVE)};
    p->to = -1;
    return g.file >= 0 && begin(p, path, &g);
}

/* A socket, since a write into a pipe that nobody reads any more would end the calling program. */
bool hdf5_process_begin_writing(struct hdf5_process *p, const char *path, const char *out)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    struct given g = {.in = move_above(ends[1]), .file = -1, .written = out};
    p->to = ends[0];
    if (g.in >= 0)
        return begin(p, path, &g);
    const int problem = errno;
    close(ends[0]);
    errno = problem;
    return false;
}

bool hdf5_process_write(void *context, const void *bytes, size_t n)
{
    const struct hdf5_process *p = context;
    for (const char *next = bytes; n;) {
        const ssize_t sent = send(p->to, next, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        next += sent;
        n -= (size_t)sent;
    }
    return true;
}

void hdf5_process_finish(struct hdf5_process *p)
{
    if (p->to >= 0)
        close(p->to);
    p->to = -1;
}

bool hdf5_process_read(void *context, void *to, size_t bytes)
{
    struct hdf5_process *p = context;
    for (char *next = to; bytes;) {
        struct pollfd ready = {.fd = p->from, .events = POLLIN};
        const int waited = poll(&ready, 1, p->silence_ms);
        if (waited < 0 && errno == EINTR)
            continue;
        p->hangs = waited == 0;
        if (waited <= 0)
            return false;
        const ssize_t n = read(p->from, next, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        next += n;
        bytes -= (size_t)n;
    }
    return true;
}

void hdf5_process_end(struct hdf5_process *p)
{
    hdf5_process_finish(p);
    if (p->from >= 0)
        close(p->from);
    p->from = -1;
    if (p->process <= 0)
        return;
    kill(p->process, SIGKILL); /* one that has ended is there until it is waited for, unless somebody else did */
    while (waitpid(p->process, NULL, 0) < 0 && errno == EINTR)
        ;
    p->process = -1;
}
