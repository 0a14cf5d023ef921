/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends of the channel to a worker, which is a fork: structs cross as they are.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, prctl, MAP_ANONYMOUS */
#include "conformance/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "conformance/instance.h"
#include "conformance/violation.h"

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

/* until: a time, 0 for ever. *late: it has passed. */
static bool receive_all(int channel, void *data, size_t bytes, double until, bool *late)
{
    struct pollfd waited = {.fd = channel, .events = POLLIN};
    for (char *to = data; bytes;) {
        const double left = until - clock_seconds();
        *late = until > 0 && left <= 0;
        const int ready = *late ? -1 : poll(&waited, 1, until > 0 ? (int)(left * 1e3) + 1 : -1);
        if (*late)
            return false;
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

static enum conf_verdict run_half(struct conf_bench *b, const struct conf_test *test, const struct conf_case *c,
                                  char *why, size_t bytes)
{
    const struct conf_half *half = &b->hello.halves[test->half];
    const pln_setting option = {.size = sizeof option, .key = half->key, .value = half->value};
    const double tolerance = conf_tolerance;
    struct conf_target *target = &b->halves[test->half];
    if (!target->device) {
        b->half_hosts[test->half] = conf_host_create(b->plugin->threads, 0);
        if (!b->half_hosts[test->half] || !conf_bench_target(b, &option, b->half_hosts[test->half], target, why, bytes))
            return b->hello.status == PLN_INVALID ? CONF_REFUSED : CONF_FAILED;
    }
    conf_tolerance = half->dtype == PLN_F16 ? 4e-3 : 3e-2;
    conf_half_unit = half->dtype == PLN_F16 ? 1.0 / 2048 : 1.0 / 256;
    const enum conf_verdict verdict =
        conf_check(target, &b->oracle, conf_half_groups[test->group], test->index, c, why, bytes);
    conf_tolerance = tolerance;
    return verdict;
}

/* What the device says of a case. */
static enum conf_verdict ask_case(struct conf_bench *b, const struct conf_case *c, char *why, size_t bytes)
{
    struct conf_instance in = {.target = &b->target};
    const enum conf_verdict verdict = conf_instance_view(&in, c, why, bytes);
    conf_instance_close(&in);
    return verdict;
}

static enum conf_verdict run_case(struct conf_bench *b, const struct conf_mode *mode, const struct conf_test *test,
                                  struct conf_answer *answer)
{
    static uint32_t kernels;
    static struct conf_case c;
    const bool half = test->kind == CONF_HALF;
    conf_fill *fill = half ? conf_half_groups[test->group] : conf_groups[test->group].fill;
    enum conf_verdict verdict;
    conf_ulp = 0;
    conf_begin(&c, test->index, 0);
    fill(&c, test->index);
    if (mode->claims)
        verdict = ask_case(b, &c, answer->why, sizeof answer->why);
    else if (mode->dump)
        verdict = conf_dump(&b->target, &c, mode->dump, &kernels, answer->why, sizeof answer->why);
    else if (mode->compile)
        verdict = conf_compile(&b->target, &c, &kernels, answer->why, sizeof answer->why);
    else if (half)
        verdict = run_half(b, test, &c, answer->why, sizeof answer->why);
    else
        verdict = conf_check(&b->target, &b->oracle, fill, test->index, &c, answer->why, sizeof answer->why);
    conf_free(&c);
    answer->ulp = conf_ulp;
    answer->kernels = kernels;
    return verdict;
}

static enum conf_verdict run_kind(struct conf_bench *b, const struct conf_mode *mode, const struct conf_test *test,
                                  struct conf_answer *a)
{
    switch (test->kind) {
    case CONF_CONTRACT:
        return conf_contract[test->index].run(b, test, a->why, sizeof a->why);
    case CONF_GROWTH:
        return conf_try_growth(b, test, a->why, sizeof a->why);
    case CONF_PLANS:
        return conf_plans[test->index].run(b, test, a->why, sizeof a->why);
    case CONF_FAULTS:
        return conf_faults[test->index].run(b, test, a->why, sizeof a->why);
    case CONF_SPEED:
        return conf_time(b, test, a);
    case CONF_END:
        return conf_try_end(b, test, a->why, sizeof a->why);
    default:
        return run_case(b, mode, test, a);
    }
}

/* A rule that was broken meanwhile fails the test, whatever its results are. */
static void run_test(struct conf_bench *b, const struct conf_mode *mode, const struct conf_test *test,
                     struct conf_answer *answer)
{
    *answer = (struct conf_answer){0};
    answer->verdict = run_kind(b, mode, test, answer);
    conf_host_check(b->host);
    conf_output_check(conf_bench_has_no_driver(b));
    conf_process_compare(&b->process, conf_bench_has_no_driver(b));
    if (conf_take_violation(answer->why, sizeof answer->why))
        answer->verdict = CONF_FAILED;
    if (answer->verdict == CONF_FAILED && !answer->why[0])
        snprintf(answer->why, sizeof answer->why, "it failed without a sentence");
}

static void serve(int channel, const struct conf_worker *w)
{
    static struct conf_bench bench;
    static struct conf_test test;
    static struct conf_answer answer;
    bool late;
    conf_output_begin();
    conf_guard_tell(w->entry);
    conf_bench_open(&bench, w->plugin);
    if (!send_all(channel, &bench.hello, sizeof bench.hello))
        _exit(1);
    while (receive_all(channel, &test, sizeof test, 0, &late)) {
        run_test(&bench, w->mode, &test, &answer);
        if (!send_all(channel, &answer, sizeof answer))
            _exit(1);
        if (test.kind == CONF_END)
            break;
    }
    if (test.kind == CONF_END)
        exit(0); /* as a program does, with all that a plugin has left to its end */
    _exit(0);
}

/* ---- the asking end */

bool conf_worker_start(struct conf_worker *w, struct conf_hello *hello)
{
    int ends[2];
    bool late = false;
    if (!w->entry) {
        void *memory = mmap(NULL, CONF_ENTRY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        w->entry = memory == MAP_FAILED ? NULL : memory;
    }
    if (!w->entry || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    memset(w->entry, 0, CONF_ENTRY);
    fflush(NULL);
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also while it hangs in a driver */
        if (getppid() != parent)
            _exit(1);
        serve(ends[1], w);
    }
    close(ends[1]);
    w->pid = child > 0 ? (int)child : 0;
    w->channel = ends[0];
    if (!w->pid) {
        close(ends[0]);
        return false;
    }
    *hello = (struct conf_hello){.step = CONF_LOAD};
    if (receive_all(w->channel, hello, sizeof *hello, clock_seconds() + w->limit, &late))
        return true;
    struct conf_answer answer;
    char entry[CONF_ENTRY];
    memcpy(entry, w->entry, sizeof entry);
    bool silent;
    conf_worker_ask(w, NULL, &answer, &silent);
    hello->status = PLN_FAILED;
    snprintf(hello->why, sizeof hello->why, "%s", answer.why);
    for (uint32_t i = 0; i < CONF_STEPS; i++)
        if (strcmp(entry, conf_step_names[i]) == 0)
            hello->step = (enum conf_step)i;
    return true;
}

/* Reaps what has ended, or ends it: "in plan_run: it ended its process with exit code 0". */
static void bury(struct conf_worker *w, bool silent, char *why, size_t bytes)
{
    int status = 0;
    char where[CONF_ENTRY + 8] = "";
    if (silent)
        kill(w->pid, SIGKILL);
    close(w->channel);
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (w->entry[0])
        snprintf(where, sizeof where, "in %.31s: ", w->entry);
    if (silent)
        snprintf(why, bytes, "%sno answer within %.0f s (a hang)", where, w->limit);
    else if (WIFSIGNALED(status))
        snprintf(why, bytes, "%sit ended its process by signal %d (%s)", where, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(why, bytes, "%sit ended its process with exit code %d", where, WEXITSTATUS(status));
    w->pid = 0;
}

bool conf_worker_ask(struct conf_worker *w, const struct conf_test *test, struct conf_answer *answer, bool *silent)
{
    *silent = false;
    if (test && send_all(w->channel, test, sizeof *test) &&
        receive_all(w->channel, answer, sizeof *answer, clock_seconds() + w->limit, silent))
        return true;
    struct pollfd open = {.fd = w->channel, .events = POLLIN};
    if (!test) /* a hello that did not come: ended or silent */
        *silent = poll(&open, 1, 0) == 0;
    *answer = (struct conf_answer){.verdict = CONF_FAILED};
    bury(w, *silent, answer->why, sizeof answer->why);
    return false;
}

bool conf_worker_end(struct conf_worker *w, char *why, size_t bytes)
{
    struct conf_answer nothing;
    bool late = false;
    int status = 0;
    if (!w->pid)
        return true;
    shutdown(w->channel, SHUT_WR);
    receive_all(w->channel, &nothing, sizeof nothing, clock_seconds() + w->limit, &late);
    if (late) {
        bury(w, true, why, bytes);
        return false;
    }
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(w->channel);
    w->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status))
        snprintf(why, bytes, "at the end of its process: signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(why, bytes, "at the end of its process: exit code %d", WEXITSTATUS(status));
    return false;
}
