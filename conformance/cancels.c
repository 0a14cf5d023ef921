/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that are cancelled, blocking or submitted: each is through or says PLN_CANCELLED, and the next one, of the same plan
 * or of another, is right. Of backends that offer plan_cancel.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conformance/instance.h"
#include "conformance/submits.h"

/* NULL, and a refusal, of backends whose runs go on. */
static struct conf_case *begin(const struct conf_bench *bench, char *why, size_t bytes)
{
    snprintf(why, bytes, "refused: plan_cancel is NULL, runs go on to their end");
    return bench->backend->plan_cancel ? malloc(sizeof(struct conf_case)) : NULL;
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
    const pln_status status = conf_submitted.real->plan_submit(plan, run, failure);
    if (status != PLN_OK)
        return status;
    conf_submitted.real->plan_cancel(plan);
    return conf_await(plan, failure);
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
        conf_table_make(&table, own->backend, run_cancelled);
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
        conf_table_make(&table, own->backend, conf_run_submitted);
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
    struct conf_case *c = begin(bench, why, bytes);
    struct conf_instance in = {.target = &bench->target}, right = {.target = &bench->oracle};
    conf_fill *fill = conf_groups[test->group].fill;
    uint32_t index;
    if (!c || !conf_first_taken(&bench->target, test->group, 1, c, &index, why, bytes)) {
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
        conf_submitted.real->plan_cancel(c->plan);
    }
    return NULL;
}

/* The same for a run that blocks. */
static pln_status run_beside_cancel(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    struct canceller c = {.plan = plan};
    pthread_t thread;
    const bool threaded = pthread_create(&thread, NULL, cancel_often, &c) == 0;
    told = conf_submitted.real->plan_run(plan, run, failure);
    atomic_store(&c.over, true);
    if (threaded)
        pthread_join(thread, NULL);
    return told;
}

/* The second plan is submitted first, and is the one that is cancelled. */
static pln_status run_behind_cancelled(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    pln_failure other = {.size = sizeof other};
    pln_status status = conf_submitted.real->plan_submit(conf_submitted.second, run, failure);
    if (status != PLN_OK)
        return status;
    status = conf_submitted.real->plan_submit(plan, run, failure);
    conf_submitted.real->plan_cancel(conf_submitted.second);
    if (status == PLN_OK)
        status = conf_await(plan, failure);
    told = conf_await(conf_submitted.second, &other);
    return status;
}

/* One round under a plan_run of those above. What says PLN_OK is right; the rest is CANCELLED. */
static enum conf_verdict check_cancelled(struct conf_instance *in, struct conf_instance *right,
                                         const struct conf_case *c, conf_plan_run *run, char *why, size_t bytes)
{
    pln_backend table;
    struct conf_target target = *in->target;
    const struct conf_target *own = in->target;
    char seen[CONF_WHY / 2] = "";
    conf_table_make(&table, own->backend, run);
    target.backend = &table;
    in->target = &target;
    const enum conf_verdict verdict = conf_check_round(in, right, conf_fill_long, 0, c, 0, seen, sizeof seen);
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
    struct conf_case *c = begin(bench, why, bytes);
    struct conf_instance in = {.target = &bench->target}, beside = in, right = {.target = &bench->oracle};
    const bool submits = bench->backend->plan_submit;
    (void)test;
    if (!c)
        return CONF_REFUSED;
    conf_begin(c, 0, 0);
    conf_fill_long(c, 0);
    enum conf_verdict verdict = conf_instance_open(&in, c, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&right, c, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = check_cancelled(&in, &right, c, run_beside_cancel, why, bytes);
    if (verdict == CONF_PASSED && submits)
        verdict = check_cancelled(&in, &right, c, run_and_cancel, why, bytes);
    if (verdict == CONF_PASSED && submits)
        verdict = conf_instance_open(&beside, c, why, bytes);
    conf_submitted.second = beside.plan;
    if (verdict == CONF_PASSED && submits)
        verdict = check_cancelled(&in, &right, c, run_behind_cancelled, why, bytes);
    conf_instance_close(&beside);
    conf_instance_close(&in);
    conf_instance_close(&right);
    conf_free(c);
    free(c);
    return verdict;
}
