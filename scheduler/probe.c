/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks a plugin what it is: in the program pleione-probe, which may crash, end or hang in its place, with a time limit.
 */
#define _GNU_SOURCE /* pipe2 */
#include "scheduler/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/beside.h"
#include "common/clock.h"
#include "common/fail.h"

extern char **environ;

enum { LARGEST = 1 << 20, ABOVE = 16 };

/* All that the program wrote. */
struct said {
    char *text; /* [LARGEST + 1] */
    size_t n;
    bool late;
    int state; /* of waitpid; -1: it is not known */
};

/* Group, signals and streams of its own: what it prints goes nowhere, but for its answer. */
static int spawn(pid_t *process, const char *program, const char *plugin, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char name[] = PROBE_PROGRAM;
    char *const arguments[] = {name, (char *)(uintptr_t)plugin, NULL};
    sigemptyset(&none);
    sigfillset(&all);
    int problem = posix_spawn_file_actions_init(&actions);
    if (problem)
        return problem;
    problem = posix_spawnattr_init(&attributes);
    if (!problem) {
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        problem = posix_spawn(process, program, &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

/* Until it ends, or the time is over. */
static void listen_to(int from, uint32_t limit_ms, struct said *said)
{
    const uint64_t end = clock_ns() / 1000000 + limit_ms;
    for (;;) {
        const uint64_t now = clock_ns() / 1000000;
        struct pollfd wanted = {.fd = from, .events = POLLIN};
        const int ready = now < end ? poll(&wanted, 1, (int)(end - now)) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        said->late = ready <= 0;
        if (ready <= 0 || said->n == LARGEST)
            return;
        const ssize_t got = read(from, said->text + said->n, LARGEST - said->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        said->n += (size_t)got;
    }
}

static bool run_program(const char *program, const char *plugin, uint32_t limit_ms, struct said *said)
{
    int ends[2];
    pid_t process;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    const int out = fcntl(ends[1], F_DUPFD_CLOEXEC, ABOVE);
    const int problem = out < 0 ? errno : spawn(&process, program, plugin, out);
    close(ends[1]);
    if (out >= 0)
        close(out);
    if (!problem) {
        listen_to(ends[0], limit_ms, said);
        kill(-process, SIGKILL); /* what it started, too; if it has ended it keeps its state */
        while (waitpid(process, &said->state, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    said->text[said->n] = '\0';
    return !problem;
}

/* The last line decides, `at` is the entry that it was in. */
static json_t *read_lines(struct said *said, char *at, size_t at_bytes)
{
    json_t *last = NULL;
    for (char *line = strtok(said->text, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *object = json_loads(line, 0, NULL);
        const char *entry = json_string_value(json_object_get(object, "at"));
        if (entry)
            snprintf(at, at_bytes, " in %s", entry);
        if (json_object_get(object, "answer") || json_object_get(object, "refused")) {
            json_decref(last);
            last = json_incref(object);
        }
        json_decref(object);
    }
    return last;
}

static json_t *explain(const struct said *said, const char *at, uint32_t limit_ms)
{
    char text[200];
    if (said->late)
        snprintf(text, sizeof text, "asked what it is, it did not answer within %u ms%s", limit_ms, at);
    else if (WIFSIGNALED(said->state))
        snprintf(text, sizeof text, "the device or its driver ended its process by signal %d%s", WTERMSIG(said->state),
                 at);
    else
        snprintf(text, sizeof text, "the device or its driver ended its process with exit code %d%s",
                 WIFEXITED(said->state) ? WEXITSTATUS(said->state) : -1, at);
    return json_pack("{s:s}", "refused", text);
}

static json_t *ask(pln_runtime *runtime, const char *program, const char *path)
{
    struct said said = {.text = malloc(LARGEST + 1), .state = -1};
    const char *cache = runtime->host.cache_directory(runtime);
    char at[64] = "";
    json_t *answer = NULL;
    if (!said.text || !run_program(program, path, runtime->probe_ms, &said)) {
        free(said.text);
        return NULL;
    }
    answer = read_lines(&said, at, sizeof at);
    const bool ended = answer != NULL;
    if (!ended)
        answer = explain(&said, at, runtime->probe_ms);
    free(said.text);
    if (answer && (said.late || json_object_get(answer, "answer")))
        probe_remember(cache, path, answer);
    return answer;
}

pln_status sched_probe(pln_runtime *runtime, const char *path, json_t **answer, pln_error *error)
{
    char program[PATH_MAX];
    *answer = NULL;
    if (!beside_find(PROBE_PROGRAM, "scheduler", program, sizeof program))
        return PLN_UNSUPPORTED;
    json_t *said = probe_recall(runtime->host.cache_directory(runtime), path);
    if (!said)
        said = ask(runtime, program, path);
    if (!said)
        return PLN_UNSUPPORTED;
    const char *refused = json_string_value(json_object_get(said, "refused"));
    *answer = json_incref(json_object_get(said, "answer"));
    const pln_status status = refused ? pln_fail(error, PLN_NO_DEVICE, "%s", refused) : PLN_OK;
    json_decref(said);
    return status;
}
