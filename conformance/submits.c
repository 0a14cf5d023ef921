/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that do not block, runs that are cancelled, and health: of backends that offer them. A backend whose plan_submit is
 * NULL blocks, and is tried by all other cases.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "conformance/bench.h"
#include "conformance/heap.h"
#include "conformance/instance.h"
#include "conformance/process.h"

static const uint64_t millisecond = 1000000;

/* ---- tables whose plan_run is something else */

static const pln_backend *real;  /* of the table that is in use */
static pln_plan *second;         /* what run_in_order submits behind its plan */
static uint32_t runs_of_a_table; /* since it was made */

static void make_table(pln_backend *table, const pln_backend *backend,
                       pln_status (*run)(pln_plan *, const pln_run *, pln_failure *))
{
    *table = *backend;
    table->plan_run = run;
    real = backend;
    runs_of_a_table = 0;
}

/* Looks first, then waits with a limit, then without. */
static pln_status await(pln_plan *plan, pln_failure *failure)
{
    static const uint64_t limits[] = {0, 0, 1000, 5 * millisecond, UINT64_MAX};
    pln_status status = PLN_TIMED_OUT;
    for (size_t i = 0; status == PLN_TIMED_OUT && i < sizeof limits / sizeof *limits; i++)
        status = real->plan_wait(plan, limits[i], failure);
    if (status == PLN_TIMED_OUT)
        status = pln_failed(failure, PLN_FAILED, -1, "plan_wait without a limit (UINT64_MAX) returned PLN_TIMED_OUT");
    return status;
}

/* Submitted and waited for, but every second time, when it blocks. */
static pln_status run_submitted(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    if (runs_of_a_table++ % 2)
        return real->plan_run(plan, run, failure);
    const pln_status status = real->plan_submit(plan, run, failure);
    return status == PLN_OK ? await(plan, failure) : status;
}

/* Two plans are on their way, of which the second reads what the first writes; it is waited for first. */
static pln_status run_in_order(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    pln_status status = real->plan_submit(plan, run, failure);
    if (status != PLN_OK)
        return status;
    status = real->plan_submit(second, run, failure);
    if (status == PLN_OK)
        status = await(second, failure);
    const pln_status first = await(plan, failure);
    return status == PLN_OK ? first : status;
}

/* Many submitted runs of a plan, of which each leaves nothing. */
static enum conf_verdict check_leaks(struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    enum { RUNS = 24, WARM = 5 };
    const bool own = in->target->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY; /* no driver below */
    pln_failure failure = {.size = sizeof failure};
    uint64_t heap = 0;
    uint32_t grown = 0, pages = 0;
    for (uint32_t i = 0; i < 2 * RUNS; i++) { /* half of them block */
        if (conf_instance_run(in, c, &failure) != PLN_OK) {
            snprintf(why, bytes, "run %u: %s", i, failure.message);
            return CONF_FAILED;
        }
        if (i == 2 * WARM)
            heap = conf_heap_live();
        grown += i % 2 == 0 && i > 2 * WARM && conf_pages() > pages;
        pages = conf_pages();
    }
    const char *left = conf_heap_live() >= heap + RUNS - WARM - 1 ? "blocks of malloc"
                       : own && grown >= RUNS - WARM - 1          ? "memory of the system (a thread's, or mmap)"
                                                                  : NULL;
    if (left)
        snprintf(why, bytes, "each submitted run leaves %s", left);
    return left ? CONF_FAILED : CONF_PASSED;
}

enum conf_verdict conf_try_submits(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct conf_case *c = malloc(sizeof *c);
    pln_backend table;
    uint32_t index;
    snprintf(why, bytes, "refused: plan_submit is NULL, runs block");
    if (!c || !bench->backend->plan_submit ||
        !conf_first_taken(&bench->target, test->group, 1, c, &index, why, bytes)) {
        free(c);
        return CONF_REFUSED;
    }
    struct conf_target target = bench->target;
    make_table(&table, bench->backend, run_submitted);
    target.backend = &table;
    enum conf_verdict verdict =
        conf_check(&target, &bench->oracle, conf_groups[test->group].fill, index, c, why, bytes);
    struct conf_instance in = {.target = &target};
    runs_of_a_table = 0;
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&in, c, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = check_leaks(&in, c, why, bytes);
    conf_instance_close(&in);
    conf_free(c);
    free(c);
    return verdict;
}

/* ---- two plans in one memory */

static int32_t add_product(struct conf_case *c, pln_dim rows, int32_t x, uint32_t k, uint32_t n)
{
    const pln_linear_params params = {0};
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR, &params, sizeof params, PLN_LINEAR_INPUTS, 1);
    node->inputs[PLN_LINEAR_INPUT_X] = x;
    node->inputs[PLN_LINEAR_INPUT_WEIGHT] = conf_constant(c, n, k, 1 / (float)k, false);
    return node->outputs[PLN_LINEAR_OUTPUT_Y] = conf_output(c, rows, n);
}

static bool fill_two(struct conf_case *c, uint32_t index)
{
    enum { ROWS = 150, WIDE = 300 };
    const pln_dim rows = conf_rows(c, ROWS);
    snprintf(c->name, sizeof c->name, "two products, a plan each");
    const int32_t y = add_product(c, rows, conf_input(c, rows, WIDE, 0, 1), WIDE, WIDE);
    add_product(c, rows, y, WIDE, WIDE);
    return index == 0;
}

/* A plan of each node of the case, whose first is that of `in`. */
static pln_status plan_each(struct conf_instance *in, const struct conf_case *c, pln_failure *failure)
{
    struct conf_case *part = malloc(sizeof *part);
    if (!part)
        return PLN_NO_MEMORY;
    pln_plan *plans[2] = {NULL, NULL};
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < 2; i++) {
        *part = *c;
        part->n_nodes = 1;
        part->nodes[0] = c->nodes[i];
        status = conf_instance_plan(in, part, failure);
        plans[i] = in->plan;
        in->plan = NULL;
    }
    in->plan = plans[0];
    second = plans[1];
    free(part);
    return status;
}

enum conf_verdict conf_try_order(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct conf_case *c = malloc(sizeof *c);
    struct conf_target target = bench->target;
    struct conf_instance in = {.target = &target}, right = {.target = &bench->oracle};
    pln_backend table;
    pln_failure failure = {.size = sizeof failure};
    (void)test;
    snprintf(why, bytes, "refused: plan_submit is NULL, runs block");
    if (!c || !bench->backend->plan_submit) {
        free(c);
        return CONF_REFUSED;
    }
    make_table(&table, bench->backend, run_in_order);
    target.backend = &table;
    second = NULL;
    conf_begin(c, 0, 0);
    fill_two(c, 0);
    enum conf_verdict verdict = conf_instance_view(&in, c, why, bytes);
    if (verdict == CONF_PASSED &&
        (conf_instance_allocate(&in, c, &failure) != PLN_OK || plan_each(&in, c, &failure) != PLN_OK)) {
        snprintf(why, bytes, "%s", failure.message);
        verdict = CONF_FAILED;
    }
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&right, c, why, bytes);
    for (uint32_t round = 0; verdict == CONF_PASSED && round < CONF_ROUNDS; round++)
        verdict = conf_check_round(&in, &right, fill_two, 0, c, round, why, bytes);
    if (second)
        bench->backend->plan_destroy(&second);
    conf_instance_close(&in);
    conf_instance_close(&right);
    conf_free(c);
    free(c);
    return verdict;
}

/* ---- how long a look takes */

static bool fill_long(struct conf_case *c, uint32_t index)
{
    enum { ROWS = 600, WIDE = 400 };
    const pln_dim rows = conf_rows(c, ROWS);
    snprintf(c->name, sizeof c->name, "a long product");
    add_product(c, rows, conf_input(c, rows, WIDE, 0, 1), WIDE, WIDE);
    return index == 0;
}

/* Seconds of the quickest of some tries. */
struct times {
    double whole, submit, looks[2]; /* at once, and of a millisecond */
};

static double quicker(double a, double b)
{
    return a < b ? a : b;
}

static pln_status take_times(struct conf_instance *in, const pln_run *run, struct times *t, pln_failure *failure)
{
    enum { TRIES = 6 };
    pln_status status = PLN_OK;
    *t = (struct times){1e9, 1e9, {1e9, 1e9}};
    for (uint32_t i = 0; status == PLN_OK && i < TRIES; i++) {
        const double begin = clock_seconds();
        status = real->plan_run(in->plan, run, failure);
        const double ran = clock_seconds();
        if (status == PLN_OK)
            status = real->plan_submit(in->plan, run, failure);
        const double submitted = clock_seconds();
        if (status != PLN_OK)
            break;
        status = real->plan_wait(in->plan, i % 2 ? millisecond : 0, failure);
        const double looked = clock_seconds();
        if (status == PLN_TIMED_OUT)
            status = await(in->plan, failure);
        t->whole = quicker(t->whole, ran - begin);
        t->submit = quicker(t->submit, submitted - ran);
        t->looks[i % 2] = quicker(t->looks[i % 2], looked - submitted);
    }
    return status;
}

/* A look that takes as long as the run waits for it. Of several tries the quickest counts, so a busy machine fails nobody;
 * a run of a few milliseconds tells nothing, nor one that plan_submit itself makes. */
enum conf_verdict conf_try_looks(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    static const double least = 0.01;
    struct conf_case *c = malloc(sizeof *c);
    struct conf_instance in = {.target = &bench->target};
    pln_failure failure = {.size = sizeof failure};
    struct times t = {0};
    (void)test;
    snprintf(why, bytes, "refused: plan_submit is NULL, runs block");
    if (!c || !bench->backend->plan_submit) {
        free(c);
        return CONF_REFUSED;
    }
    real = bench->backend;
    conf_begin(c, 0, 0);
    fill_long(c, 0);
    enum conf_verdict verdict = conf_instance_open(&in, c, why, bytes);
    const pln_run run = {.size = sizeof run, .n_dims = c->n_symbols, .dims = c->numbers};
    if (verdict == CONF_PASSED &&
        (conf_instance_run(&in, c, &failure) != PLN_OK || take_times(&in, &run, &t, &failure) != PLN_OK)) {
        snprintf(why, bytes, "%s", failure.message);
        verdict = CONF_FAILED;
    }
    const double look = t.looks[0] > t.looks[1] ? t.looks[0] : t.looks[1];
    if (verdict == CONF_PASSED && t.whole > least && t.submit < t.whole / 4 && look > t.whole / 2) {
        snprintf(why, bytes, "plan_wait of at most a millisecond took %.0f ms, the run itself %.0f", look * 1e3,
                 t.whole * 1e3);
        verdict = CONF_FAILED;
    }
    conf_instance_close(&in);
    conf_free(c);
    free(c);
    return verdict;
}

/* ---- cancelling */

static bool is_through(pln_status status)
{
    return status == PLN_OK || status == PLN_CANCELLED;
}

/* A blocking run on a thread. */
struct racer {
    struct conf_instance *in;
    const struct conf_case *c;
    pln_status status;
    pln_failure failure;
    atomic_bool over;
};

static void *race(void *argument)
{
    struct racer *r = argument;
    r->status = conf_instance_run(r->in, r->c, &r->failure);
    atomic_store(&r->over, true);
    return NULL;
}

/* Asks again and again, as the host does: a question may come before the run has begun. */
static pln_status cancel_blocking(struct conf_instance *in, const struct conf_case *c, pln_failure *failure)
{
    struct racer r = {.in = in, .c = c, .failure.size = sizeof r.failure};
    pthread_t thread;
    if (pthread_create(&thread, NULL, race, &r) != 0)
        return PLN_OK;
    while (!atomic_load(&r.over)) {
        in->target->backend->plan_cancel(in->plan);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    pthread_join(thread, NULL);
    *failure = r.failure;
    return r.status;
}

static pln_status run_cancelled(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    const pln_status status = real->plan_submit(plan, run, failure);
    if (status != PLN_OK)
        return status;
    real->plan_cancel(plan);
    return await(plan, failure);
}

/* Cancelled once while it runs, then once more as if nothing had been. */
static enum conf_verdict cancel_round(struct conf_instance *in, struct conf_instance *right, const struct conf_case *c,
                                      conf_fill *fill, uint32_t index, bool submitted, char *why, size_t bytes)
{
    pln_failure failure = {.size = sizeof failure};
    pln_backend table;
    struct conf_target target = *in->target;
    const struct conf_target *own = in->target;
    pln_status status;
    if (submitted) {
        make_table(&table, own->backend, run_cancelled);
        target.backend = &table;
        in->target = &target;
        status = conf_instance_run(in, c, &failure);
        in->target = own;
    } else {
        status = cancel_blocking(in, c, &failure);
    }
    if (!is_through(status)) {
        snprintf(why, bytes, "a run that was cancelled ended in status %d, neither PLN_OK nor PLN_CANCELLED: %s",
                 (int)status, failure.message);
        return CONF_FAILED;
    }
    char seen[CONF_WHY / 2] = "";
    enum conf_verdict verdict = CONF_PASSED;
    if (own->backend->plan_submit) {
        make_table(&table, own->backend, run_submitted);
        target.backend = &table;
        in->target = &target;
        verdict = conf_check_round(in, right, fill, index, c, 0, seen, sizeof seen);
        in->target = own;
    }
    if (verdict == CONF_PASSED)
        verdict = conf_check_round(in, right, fill, index, c, 0, seen, sizeof seen);
    if (verdict == CONF_PASSED)
        return verdict;
    snprintf(why, bytes, "a run after one that was cancelled: %s", seen);
    return CONF_FAILED;
}

enum conf_verdict conf_try_cancels(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { ROUNDS = 4 };
    struct conf_case *c = malloc(sizeof *c);
    struct conf_instance in = {.target = &bench->target}, right = {.target = &bench->oracle};
    conf_fill *fill = conf_groups[test->group].fill;
    uint32_t index;
    snprintf(why, bytes, "refused: plan_cancel is NULL, runs go on to their end");
    if (!c || !bench->backend->plan_cancel ||
        !conf_first_taken(&bench->target, test->group, 1, c, &index, why, bytes)) {
        free(c);
        return CONF_REFUSED;
    }
    enum conf_verdict verdict = conf_instance_open(&in, c, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&right, c, why, bytes);
    if (verdict == CONF_PASSED) {
        char seen[CONF_WHY / 2] = "";
        bench->backend->plan_cancel(in.plan);
        verdict = conf_check_round(&in, &right, fill, index, c, 0, seen, sizeof seen);
        if (verdict != CONF_PASSED)
            snprintf(why, bytes, "plan_cancel before a run is not in vain: %s", seen);
    }
    for (uint32_t i = 0; verdict == CONF_PASSED && i < ROUNDS; i++)
        verdict = cancel_round(&in, &right, c, fill, index, i % 2 && bench->backend->plan_submit, why, bytes);
    conf_instance_close(&in);
    conf_instance_close(&right);
    conf_free(c);
    free(c);
    return verdict;
}

/* ---- a long run that is cancelled, and one beside it that is not */

static pln_status told; /* by the run that was cancelled */

static pln_status run_and_cancel(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    return told = run_cancelled(plan, run, failure);
}

struct canceller {
    pln_plan *plan;
    atomic_bool over;
};

static void *cancel_often(void *argument)
{
    struct canceller *c = argument;
    while (!atomic_load(&c->over)) {
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        real->plan_cancel(c->plan);
    }
    return NULL;
}

/* The same for a run that blocks. */
static pln_status run_beside_cancel(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    struct canceller c = {.plan = plan};
    pthread_t thread;
    const bool threaded = pthread_create(&thread, NULL, cancel_often, &c) == 0;
    told = real->plan_run(plan, run, failure);
    atomic_store(&c.over, true);
    if (threaded)
        pthread_join(thread, NULL);
    return told;
}

/* The second plan is submitted first, and is the one that is cancelled. */
static pln_status run_behind_cancelled(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    pln_failure other = {.size = sizeof other};
    pln_status status = real->plan_submit(second, run, failure);
    if (status != PLN_OK)
        return status;
    status = real->plan_submit(plan, run, failure);
    real->plan_cancel(second);
    if (status == PLN_OK)
        status = await(plan, failure);
    told = await(second, &other);
    return status;
}

/* One round under a plan_run of those above. What says PLN_OK is right; the rest is CANCELLED. */
static enum conf_verdict check_cancelled(struct conf_instance *in, struct conf_instance *right,
                                         const struct conf_case *c,
                                         pln_status (*run)(pln_plan *, const pln_run *, pln_failure *), char *why,
                                         size_t bytes)
{
    pln_backend table;
    struct conf_target target = *in->target;
    const struct conf_target *own = in->target;
    char seen[CONF_WHY / 2] = "";
    make_table(&table, own->backend, run);
    target.backend = &table;
    in->target = &target;
    const enum conf_verdict verdict = conf_check_round(in, right, fill_long, 0, c, 0, seen, sizeof seen);
    in->target = own;
    const bool other = run == run_behind_cancelled;
    if (is_through(told) && (verdict == CONF_PASSED || (!other && told == PLN_CANCELLED)))
        return CONF_PASSED;
    snprintf(why, bytes, "%s: %s",
             other ? "a run behind one that was cancelled" : "a run that was cancelled, and says it was not", seen);
    return CONF_FAILED;
}

enum conf_verdict conf_try_cancelled(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct conf_case *c = malloc(sizeof *c);
    struct conf_instance in = {.target = &bench->target}, beside = in, right = {.target = &bench->oracle};
    const bool submits = bench->backend->plan_submit;
    (void)test;
    snprintf(why, bytes, "refused: plan_cancel is NULL, runs go on to their end");
    if (!c || !bench->backend->plan_cancel) {
        free(c);
        return CONF_REFUSED;
    }
    conf_begin(c, 0, 0);
    fill_long(c, 0);
    enum conf_verdict verdict = conf_instance_open(&in, c, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&right, c, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = check_cancelled(&in, &right, c, run_beside_cancel, why, bytes);
    if (verdict == CONF_PASSED && submits)
        verdict = check_cancelled(&in, &right, c, run_and_cancel, why, bytes);
    if (verdict == CONF_PASSED && submits)
        verdict = conf_instance_open(&beside, c, why, bytes);
    second = beside.plan;
    if (verdict == CONF_PASSED && submits)
        verdict = check_cancelled(&in, &right, c, run_behind_cancelled, why, bytes);
    conf_instance_close(&beside);
    conf_instance_close(&in);
    conf_instance_close(&right);
    conf_free(c);
    free(c);
    return verdict;
}

/* ---- health */

struct asked {
    const struct conf_target *target;
    pln_status status;
    pln_failure failure;
};

static void *ask(void *argument)
{
    struct asked *a = argument;
    a->status = a->target->backend->device_health(a->target->device, &a->failure);
    return NULL;
}

/* Nothing was lost, and it says so, to any thread. */
enum conf_verdict conf_try_health(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct asked here = {.target = &bench->target, .failure.size = sizeof here.failure}, there = here;
    pthread_t thread;
    (void)test;
    if (!bench->backend->device_health) {
        snprintf(why, bytes, "refused: device_health is NULL");
        return CONF_REFUSED;
    }
    ask(&here);
    if (pthread_create(&thread, NULL, ask, &there) == 0)
        pthread_join(thread, NULL);
    enum { TIMES = 8 };
    const uint64_t heap = conf_heap_live();
    for (uint32_t i = 0; here.status == PLN_OK && i < TIMES; i++)
        ask(&here);
    if (conf_heap_live() >= heap + TIMES) {
        snprintf(why, bytes, "each device_health leaves blocks of malloc");
        return CONF_FAILED;
    }
    const struct asked *ill = here.status != PLN_OK ? &here : there.status != PLN_OK ? &there : NULL;
    if (!ill)
        return CONF_PASSED;
    snprintf(why, bytes, "device_health of a device that works returned status %d: %s", (int)ill->status,
             ill->failure.message);
    return CONF_FAILED;
}
