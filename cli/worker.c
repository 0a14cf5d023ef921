/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends of the channel to a worker. A request is a function and its argument: after a fork addresses are the same.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, wait4, prctl */
#include "cli/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_SAID = 256 };

struct request {
    worker_task *task; /* NULL: end */
    size_t bytes;
};

struct reply {
    pln_status status;
    pln_error error;
};

/* Messages, in memory that all processes of the command share; they speak one at a time. */
struct said {
    uint32_t n;
    struct {
        uint64_t hash;
        int pid;
    } messages[MOST_SAID];
};
static struct said *said;

/* ---- messages */

bool worker_has_said(const char *message)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *s = message; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 1099511628211u;
    for (uint32_t i = 0; said && i < said->n; i++)
        if (said->messages[i].hash == hash && said->messages[i].pid != getpid())
            return true;
    if (said && said->n < MOST_SAID) {
        said->messages[said->n].hash = hash;
        said->messages[said->n++].pid = getpid();
    }
    return false;
}

static void share_messages(void)
{
    if (said)
        return;
    void *memory = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    said = memory == MAP_FAILED ? NULL : memory;
}

/* ---- the channel */

static bool send_all(int channel, const void *data, size_t bytes)
{
    for (const char *from = data; bytes;) {
        const ssize_t n = send(channel, from, bytes, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        from += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* An interrupt ends the waiting of the process that asks; a worker waits until it is ended. */
static bool receive_all(int channel, void *data, size_t bytes, bool patient)
{
    struct pollfd waited = {.fd = channel, .events = POLLIN};
    for (char *to = data; bytes;) {
        const int ready = poll(&waited, 1, patient ? -1 : 100);
        if (!patient && cli_interrupted())
            return false;
        if (!patient)
            cli_wait_tick();
        if (ready == 0 || (ready < 0 && errno == EINTR))
            continue;
        const ssize_t n = recv(channel, to, bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* ---- the worker's end */

static void serve(int channel, void *context)
{
    struct request request;
    struct reply reply;
    while (receive_all(channel, &request, sizeof request, true) && request.task) {
        void *argument = malloc(request.bytes + 1);
        if (!argument || !receive_all(channel, argument, request.bytes, true))
            _exit(1);
        reply = (struct reply){.error.node = -1};
        reply.status = request.task(context, argument, &reply.error);
        if (!send_all(channel, &reply, sizeof reply) || !send_all(channel, argument, request.bytes))
            _exit(1);
        free(argument);
    }
    fflush(NULL);
    _exit(0);
}

/* ---- the asking end */

static pln_status fail(pln_error *error, const char *sentence, const char *what)
{
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, sentence, what);
    return PLN_FAILED;
}

pln_status worker_start(struct worker *w, void *context, pln_error *error)
{
    int ends[2];
    const pid_t parent = getpid();
    share_messages();
    fflush(NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(error, "no channel to a process of its own: %s", strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also while it hangs in a driver */
        if (getppid() != parent)
            _exit(1);
        serve(ends[1], context);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return fail(error, "no process of its own: %s", strerror(errno));
    }
    *w = (struct worker){(int)child, ends[0]};
    return PLN_OK;
}

/* Reaps; says how it ended in status, and the most memory that it held. */
static double reap(struct worker *w, int *status)
{
    struct rusage usage = {0};
    close(w->channel);
    while (wait4(w->pid, status, 0, &usage) < 0 && errno == EINTR)
        continue;
    *w = (struct worker){0};
    return 1024 * (double)usage.ru_maxrss;
}

static pln_status fail_ended(struct worker *w, pln_error *error)
{
    char how[80];
    int status = 0;
    if (cli_interrupted())
        kill(w->pid, SIGKILL);
    reap(w, &status);
    if (cli_interrupted())
        return fail(error, "%s", "interrupted");
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "with exit code %d", WEXITSTATUS(status));
    return fail(error, "the device or its driver ended its process %s", how);
}

pln_status worker_ask(struct worker *w, worker_task *task, void *argument, size_t bytes, pln_error *error)
{
    const struct request request = {task, bytes};
    struct reply reply;
    if (!send_all(w->channel, &request, sizeof request) || !send_all(w->channel, argument, bytes) ||
        !receive_all(w->channel, &reply, sizeof reply, false) || !receive_all(w->channel, argument, bytes, false))
        return fail_ended(w, error);
    if (reply.status != PLN_OK)
        *error = reply.error;
    return reply.status;
}

double worker_end(struct worker *w)
{
    const struct request end = {0};
    int status;
    if (!w->pid)
        return 0;
    if (cli_interrupted() || !send_all(w->channel, &end, sizeof end))
        kill(w->pid, SIGKILL);
    return reap(w, &status);
}
