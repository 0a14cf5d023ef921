/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that do not block: of backends that offer plan_submit. Where it is NULL runs block, and are tried by all other cases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "conformance/heap.h"
#include "conformance/instance.h"
#include "conformance/process.h"
#include "conformance/submits.h"

static const uint64_t millisecond = 1000000;

/* ---- tables whose plan_run is something else */

struct conf_submitted conf_submitted;

void conf_table_make(pln_backend *table, const pln_backend *backend, conf_plan_run *run)
{
    *table = *backend;
    table->plan_run = run;
    conf_submitted.real = backend;
    conf_submitted.runs = 0;
}

pln_status conf_await(pln_plan *plan, pln_failure *failure)
{
    static const uint64_t limits[] = {0, 0, 1000, 5 * millisecond, UINT64_MAX};
    pln_status status = PLN_TIMED_OUT;
    for (size_t i = 0; status == PLN_TIMED_OUT && i < sizeof limits / sizeof *limits; i++)
        status = conf_submitted.real->plan_wait(plan, limits[i], failure);
    if (status == PLN_TIMED_OUT)
        status = pln_failed(failure, PLN_FAILED, -1, "plan_wait without a limit (UINT64_MAX) returned PLN_TIMED_OUT");
    return status;
}

pln_status conf_run_submitted(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    if (conf_submitted.runs++ % 2)
        return conf_submitted.real->plan_run(plan, run, failure);
    const pln_status status = conf_submitted.real->plan_submit(plan, run, failure);
    return status == PLN_OK ? conf_await(plan, failure) : status;
}

/* Two plans are on their way, of which the second reads what the first writes; it is waited for first. */
static pln_status run_in_order(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    pln_status status = conf_submitted.real->plan_submit(plan, run, failure);
    if (status != PLN_OK)
        return status;
    status = conf_submitted.real->plan_submit(conf_submitted.second, run, failure);
    if (status == PLN_OK)
        status = conf_await(conf_submitted.second, failure);
    const pln_status first = conf_await(plan, failure);
    return status == PLN_OK ? first : status;
}

/* NULL, and a refusal, of backends whose runs block. */
static struct conf_case *begin(const struct conf_bench *bench, char *why, size_t bytes)
{
    snprintf(why, bytes, "refused: plan_submit is NULL, runs block");
    return bench->backend->plan_submit ? malloc(sizeof(struct conf_case)) : NULL;
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
    struct conf_case *c = begin(bench, why, bytes);
    pln_backend table;
    uint32_t index;
    if (!c || !conf_first_taken(&bench->target, test->group, 1, c, &index, why, bytes)) {
        free(c);
        return CONF_REFUSED;
    }
    struct conf_target target = bench->target;
    conf_table_make(&table, bench->backend, conf_run_submitted);
    target.backend = &table;
    enum conf_verdict verdict =
        conf_check(&target, &bench->oracle, conf_groups[test->group].fill, index, c, why, bytes);
    struct conf_instance in = {.target = &target};
    conf_submitted.runs = 0;
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
    conf_submitted.second = plans[1];
    free(part);
    return status;
}

enum conf_verdict conf_try_order(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct conf_case *c = begin(bench, why, bytes);
    struct conf_target target = bench->target;
    struct conf_instance in = {.target = &target}, right = {.target = &bench->oracle};
    pln_backend table;
    pln_failure failure = {.size = sizeof failure};
    (void)test;
    if (!c)
        return CONF_REFUSED;
    conf_table_make(&table, bench->backend, run_in_order);
    target.backend = &table;
    conf_submitted.second = NULL;
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
    if (conf_submitted.second)
        bench->backend->plan_destroy(&conf_submitted.second);
    conf_instance_close(&in);
    conf_instance_close(&right);
    conf_free(c);
    free(c);
    return verdict;
}

/* ---- how long a look takes */

bool conf_fill_long(struct conf_case *c, uint32_t index)
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
        status = conf_submitted.real->plan_run(in->plan, run, failure);
        const double ran = clock_seconds();
        if (status == PLN_OK)
            status = conf_submitted.real->plan_submit(in->plan, run, failure);
        const double submitted = clock_seconds();
        if (status != PLN_OK)
            break;
        status = conf_submitted.real->plan_wait(in->plan, i % 2 ? millisecond : 0, failure);
        const double looked = clock_seconds();
        if (status == PLN_TIMED_OUT)
            status = conf_await(in->plan, failure);
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
    struct conf_case *c = begin(bench, why, bytes);
    struct conf_instance in = {.target = &bench->target};
    pln_failure failure = {.size = sizeof failure};
    struct times t = {0};
    (void)test;
    if (!c)
        return CONF_REFUSED;
    conf_submitted.real = bench->backend;
    conf_begin(c, 0, 0);
    conf_fill_long(c, 0);
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
