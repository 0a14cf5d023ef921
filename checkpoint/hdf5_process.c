/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an open file, gives what a program of its own says of it. The process is given an empty environment (HDF5 takes
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
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/hdf5_wire.h"

enum { SILENCE_MS = 120000, ABOVE = 16 }; /* descriptors of ours lie above those that the program gets */

/* 0, or what errno would be. */
static int fill_actions(posix_spawn_file_actions_t *actions, int file, int out)
{
    int problem = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    problem = problem ? problem : posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    problem = problem ? problem : posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    return problem ? problem : posix_spawn_file_actions_adddup2(actions, file, HDF5_FILE);
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
static int spawn(pid_t *process, const char *path, int file, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char name[] = HDF5_PROGRAM, loader[4096] = "LD_LIBRARY_PATH=";
    char *const arguments[] = {name, NULL};
    char *environment[] = {NULL, NULL};
    const char *libraries = getenv("LD_LIBRARY_PATH");
    if (libraries && strlen(libraries) < sizeof loader - strlen(loader))
        environment[0] = strcat(loader, libraries);
    int problem = posix_spawn_file_actions_init(&actions);
    if (problem)
        return problem;
    problem = posix_spawnattr_init(&attributes);
    if (!problem) {
        problem = fill_actions(&actions, file, out);
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

bool hdf5_process_begin(struct hdf5_process *p, const char *path, int file)
{
    int ends[2];
    *p = (struct hdf5_process){.process = -1, .from = -1, .silence_ms = SILENCE_MS};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    p->from = ends[0];
    const int out = move_above(ends[1]);
    const int given = out >= 0 ? fcntl(file, F_DUPFD_CLOEXEC, ABOVE) : -1;
    int problem = given < 0 ? errno : spawn(&p->process, path, given, out);
    if (given >= 0)
        close(given);
    if (out >= 0)
        close(out);
    if (!problem)
        return true;
    p->process = -1;
    hdf5_process_end(p);
    errno = problem;
    return false;
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
