/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 5: what a device does when it is refused something, and whether it is right afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/bench.h"
#include "conformance/heap.h"
#include "conformance/instance.h"
#include "conformance/violation.h"

enum { MOST_TRIES = 400 };

/* Opens with each allocation failing in turn: a sentence, and nothing is left. */
static enum conf_verdict try_open(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    (void)test;
    for (uint32_t k = 1; k < MOST_TRIES; k++) {
        struct conf_host *host = conf_host_create(1, 0);
        struct conf_target t;
        if (!host)
            return CONF_FAILED;
        conf_host_refuse(host, k);
        const bool opened = conf_bench_target(bench, NULL, host, &t, why, bytes), refused = conf_host_refused(host);
        if (opened)
            conf_bench_close_target(&t);
        const uint32_t live = conf_host_live(host);
        conf_host_destroy(&host);
        if (live) {
            snprintf(why, bytes, "device_open without memory (allocation %u) leaves %u blocks", k, live);
            return CONF_FAILED;
        }
        if (!refused)
            return opened ? CONF_PASSED : CONF_FAILED;
        if (conf_take_violation(why, bytes))
            return CONF_FAILED;
    }
    return CONF_PASSED;
}

/* A case opened on the target under a fault; *asked: the fault struck. Closed again. */
static enum conf_verdict open_under(struct conf_bench *bench, const struct conf_case *c, pln_status *status, char *why,
                                    size_t bytes)
{
    struct conf_instance in = {.target = &bench->target};
    pln_failure error = {.size = sizeof error};
    const enum conf_verdict verdict = conf_instance_view(&in, c, why, bytes);
    *status = PLN_OK;
    if (verdict == CONF_PASSED)
        *status = conf_instance_allocate(&in, c, &error);
    if (verdict == CONF_PASSED && *status == PLN_OK)
        *status = conf_instance_plan(&in, c, &error);
    if (*status != PLN_OK)
        snprintf(why, bytes, "%s", error.message);
    conf_instance_close(&in);
    return verdict;
}

/* Whether the device is right after all that. */
static enum conf_verdict check_after(struct conf_bench *bench, const struct conf_test *test, uint32_t index,
                                     const struct conf_case *c, char *why, size_t bytes)
{
    return conf_check(&bench->target, &bench->oracle, conf_groups[test->group].fill, index, c, why, bytes);
}

/* A call that did not succeed keeps nothing of the host's; `what` it was. */
static enum conf_verdict check_blocks(const struct conf_bench *bench, uint32_t before, const char *what, char *why,
                                      size_t bytes)
{
    const uint32_t live = conf_host_live(bench->host);
    if (live == before)
        return CONF_PASSED;
    snprintf(why, bytes, "%s left %u blocks of host->allocate", what, live - before);
    return CONF_FAILED;
}

/* The end of a trial of that case, which it frees. */
static enum conf_verdict finish(struct conf_bench *bench, const struct conf_test *test, uint32_t index,
                                struct conf_case *c, enum conf_verdict verdict, char *why, size_t bytes)
{
    if (verdict == CONF_PASSED)
        verdict = check_after(bench, test, index, c, why, bytes);
    conf_free(c);
    free(c);
    return verdict;
}

static enum conf_verdict try_memory(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct conf_case *c = malloc(sizeof *c);
    uint32_t index;
    if (!c || !conf_first_taken(&bench->target, test->group, 1, c, &index, why, bytes)) {
        free(c);
        return CONF_REFUSED;
    }
    enum conf_verdict verdict = CONF_PASSED;
    const uint32_t live = conf_host_live(bench->host);
    for (uint32_t k = 1; verdict == CONF_PASSED && k < MOST_TRIES; k++) {
        pln_status status;
        conf_host_refuse(bench->host, k);
        verdict = open_under(bench, c, &status, why, bytes);
        const bool refused = conf_host_refused(bench->host);
        conf_host_refuse(bench->host, 0);
        if (verdict == CONF_PASSED && conf_host_live(bench->host) != live) {
            snprintf(why, bytes, "without memory (allocation %u) %u blocks of host->allocate are left", k,
                     conf_host_live(bench->host) - live);
            verdict = CONF_FAILED;
        } else if (verdict == CONF_PASSED && status != PLN_OK && !refused) {
            verdict = CONF_FAILED; /* it failed by itself */
        } else if (status != PLN_OK && status != PLN_NO_MEMORY && status != PLN_FAILED) {
            snprintf(why, bytes, "without memory (allocation %u) the status is %d", k, (int)status);
            verdict = CONF_FAILED;
        }
        if (!refused)
            break;
    }
    return finish(bench, test, index, c, verdict, why, bytes);
}

/* A plan whose making is cancelled at its first question; entries that ask nothing are done. */
static enum conf_verdict try_cancel(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct conf_case *c = malloc(sizeof *c);
    uint32_t index;
    if (!c || !conf_first_taken(&bench->target, test->group, 1, c, &index, why, bytes)) {
        free(c);
        return CONF_REFUSED;
    }
    pln_status status;
    const uint32_t live = conf_host_live(bench->host);
    conf_host_cancel(bench->host, 1);
    enum conf_verdict verdict = open_under(bench, c, &status, why, bytes);
    conf_host_cancel(bench->host, 0);
    if (status != PLN_OK && status != PLN_CANCELLED) {
        snprintf(why, bytes, "a call that was cancelled returned status %d", (int)status);
        verdict = CONF_FAILED;
    } else if (check_blocks(bench, live, "a call that was cancelled", why, bytes) != CONF_PASSED) {
        verdict = CONF_FAILED;
    }
    return finish(bench, test, index, c, verdict, why, bytes);
}

/* plan_create is given what supports refuses, behind what it takes: it fails, names the node, and leaves nothing. */
static enum conf_verdict try_refused(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { TIMES = 5 };
    struct conf_case *c = malloc(sizeof *c);
    uint32_t index;
    if (!c || !conf_first_taken(&bench->target, test->group, 0, c, &index, why, bytes)) {
        free(c);
        return CONF_REFUSED;
    }
    struct conf_instance in = {.target = &bench->target};
    pln_failure error = {.size = sizeof error};
    const uint32_t live = conf_host_live(bench->host), op = c->nodes[c->n_nodes - 1].op;
    enum conf_verdict verdict = conf_instance_view(&in, c, why, bytes);
    c->nodes[c->n_nodes - 1].op = 9999;
    const bool made = verdict == CONF_PASSED && conf_instance_allocate(&in, c, &error) == PLN_OK;
    uint64_t heap = 0;
    for (uint32_t i = 0; made && verdict == CONF_PASSED && i < TIMES; i++) {
        if (conf_instance_plan(&in, c, &error) == PLN_OK) {
            snprintf(why, bytes, "plan_create took a node that supports refuses");
            verdict = CONF_FAILED;
        }
        heap = i ? heap : conf_heap_live();
    }
    if (made && verdict == CONF_PASSED && conf_heap_live() >= heap + TIMES - 1) {
        snprintf(why, bytes, "each plan_create that failed left blocks of malloc");
        verdict = CONF_FAILED;
    }
    c->nodes[c->n_nodes - 1].op = op;
    conf_instance_close(&in);
    if (verdict == CONF_PASSED)
        verdict = check_blocks(bench, live, "a plan_create that failed", why, bytes);
    return finish(bench, test, index, c, verdict, why, bytes);
}

const struct conf_trial conf_faults[] = {
    {"a device without memory", try_open, 0},           {"plans without memory", try_memory, 0},
    {"a plan that is cancelled", try_cancel, 0},        {"a plan of a node that is refused", try_refused, 0},
    {"entries that fail in turn", conf_try_entries, 0}, {"a device that is lost", conf_try_lost, 0},
    {"calls that come late", conf_try_late, 0},         {"wrong bits", conf_try_bits, 0},
};
const uint32_t conf_n_faults = sizeof conf_faults / sizeof *conf_faults;
