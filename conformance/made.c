/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 5: faults that the host's fault layer makes between itself and the backend, and whether the backend bears what
 * follows: it is left half used, closed while work was planned, opened again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/bench.h"
#include "conformance/instance.h"
#include "conformance/layer.h"

/* A device behind the layer, and a case that it takes. */
struct layered {
    struct conf_host *host;
    struct conf_target target;
    struct conf_case c;
    uint32_t index;
    conf_fill *fill;
};

static bool open_target(struct conf_bench *bench, struct conf_host *host, struct conf_target *target, char *why,
                        size_t bytes)
{
    const char *reason;
    const pln_backend *own = bench->backend, *layer = conf_layer(own, &reason);
    if (!layer) {
        snprintf(why, bytes, "%s", reason);
        return false;
    }
    bench->backend = layer;
    const bool opened = conf_bench_target(bench, NULL, host, target, why, bytes);
    bench->backend = own;
    return opened;
}

static void close_layered(struct layered *l)
{
    conf_layer_use(NULL);
    if (l->target.device)
        conf_bench_close_target(&l->target);
    conf_host_destroy(&l->host);
    conf_free(&l->c);
    free(l);
}

static struct layered *open_layered(struct conf_bench *bench, const struct conf_test *test, enum conf_verdict *verdict,
                                    char *why, size_t bytes)
{
    struct layered *l = calloc(1, sizeof *l);
    *verdict = CONF_FAILED;
    if (!l)
        return NULL;
    l->fill = conf_groups[test->group].fill;
    l->host = conf_host_create(bench->plugin->threads, 0);
    if (!l->host || !open_target(bench, l->host, &l->target, why, bytes)) {
        conf_host_destroy(&l->host);
        free(l);
        return NULL;
    }
    if (!conf_first_taken(&l->target, test->group, 1, &l->c, &l->index, why, bytes)) {
        close_layered(l);
        *verdict = CONF_REFUSED;
        return NULL;
    }
    *verdict = CONF_PASSED;
    return l;
}

/* Opens the case, runs it so often, closes it: the status of the entry that failed. */
static pln_status live_through(struct layered *l, uint32_t runs, char *why, size_t bytes)
{
    struct conf_instance in = {.target = &l->target};
    pln_failure error = {.size = sizeof error};
    pln_status status = conf_instance_view(&in, &l->c, why, bytes) == CONF_PASSED ? PLN_OK : PLN_FAILED;
    if (status == PLN_OK)
        status = conf_instance_allocate(&in, &l->c, &error);
    if (status == PLN_OK)
        status = conf_instance_plan(&in, &l->c, &error);
    for (uint32_t i = 0; status == PLN_OK && i < runs; i++)
        status = conf_instance_run(&in, &l->c, &error);
    if (error.message[0])
        snprintf(why, bytes, "%s", error.message);
    conf_instance_close(&in);
    return status;
}

static enum conf_verdict check_case(struct conf_bench *bench, struct layered *l, char *why, size_t bytes)
{
    return conf_check(&l->target, &bench->oracle, l->fill, l->index, &l->c, why, bytes);
}

/* Under the rule; *calls: of the entry that it names. */
static pln_status live_under(struct layered *l, const char *rule, enum fault_entry entry, uint32_t runs,
                             uint64_t *calls, char *why, size_t bytes)
{
    struct faults *faults;
    pln_error error;
    pln_status status = faults_create(rule, &faults, &error);
    if (status != PLN_OK) {
        snprintf(why, bytes, "%s", error.message);
        return status;
    }
    conf_layer_use(faults);
    status = live_through(l, runs, why, bytes);
    conf_layer_use(NULL);
    *calls = faults_calls(faults, entry);
    faults_destroy(&faults);
    return status;
}

/* Each entry of a request fails at each of its calls, the first few: what was made so far is destroyed, nothing is left, and
 * the same device makes the same request. */
static enum conf_verdict fail_entry(struct conf_bench *bench, struct layered *l, enum fault_entry entry, char *why,
                                    size_t bytes)
{
    enum { RUNS = 3, MOST_CALLS = 8 };
    const uint32_t before = conf_host_live(l->host);
    for (uint32_t k = 1; k <= MOST_CALLS; k++) {
        char rule[64];
        uint64_t calls = 0;
        snprintf(rule, sizeof rule, "%s:%u=fail", fault_entry_name(entry), k);
        const pln_status status = live_under(l, rule, entry, RUNS, &calls, why, bytes);
        if (calls < k)
            return status == PLN_OK ? CONF_PASSED : CONF_FAILED;
        const uint32_t live = conf_host_live(l->host);
        if (live != before) {
            snprintf(why, bytes, "call %u of %s failed, and %u blocks of host->allocate were left", k,
                     fault_entry_name(entry), live - before);
            return CONF_FAILED;
        }
        char after[CONF_WHY / 2] = "";
        if (k == 1 && check_case(bench, l, after, sizeof after) != CONF_PASSED) {
            snprintf(why, bytes, "after call %u of %s failed: %s", k, fault_entry_name(entry), after);
            return CONF_FAILED;
        }
    }
    return CONF_PASSED;
}

enum conf_verdict conf_try_entries(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    static const enum fault_entry entries[] = {FAULT_BUFFER_CREATE, FAULT_BUFFER_WRITE, FAULT_CONSTANT_CREATE,
                                               FAULT_PLAN_CREATE,   FAULT_PLAN_RUN,     FAULT_BUFFER_READ};
    enum conf_verdict verdict;
    struct layered *l = open_layered(bench, test, &verdict, why, bytes);
    for (size_t i = 0; verdict == CONF_PASSED && i < sizeof entries / sizeof *entries; i++)
        verdict = fail_entry(bench, l, entries[i], why, bytes);
    if (verdict == CONF_PASSED)
        verdict = check_case(bench, l, why, bytes);
    if (l)
        close_layered(l);
    return verdict;
}

/* ---- a lost device */

/* The case run once, its image kept: new, NULL if it failed. */
static uint32_t *run_and_keep(struct layered *l, uint32_t *words, char *why, size_t bytes)
{
    struct conf_instance in = {.target = &l->target};
    pln_failure error = {.size = sizeof error};
    uint32_t *kept = NULL;
    enum conf_verdict verdict = conf_instance_open(&in, &l->c, why, bytes);
    if (verdict == CONF_PASSED && conf_instance_run(&in, &l->c, &error) != PLN_OK) {
        snprintf(why, bytes, "%s", error.message);
        verdict = CONF_FAILED;
    }
    if (verdict == CONF_PASSED && (kept = malloc(in.words * sizeof *kept))) {
        memcpy(kept, in.after, in.words * sizeof *kept);
        *words = in.words;
    }
    conf_instance_close(&in);
    return kept;
}

/* Opens it once more, before the lost one is closed if it can be, which is closed then. False: why. */
static bool reopen(struct conf_bench *bench, struct layered *l, char *why, size_t bytes)
{
    struct conf_host *host = conf_host_create(bench->plugin->threads, 0);
    struct conf_target target = {0};
    bool opened = host && open_target(bench, host, &target, why, bytes);
    conf_bench_close_target(&l->target);
    const uint32_t live = conf_host_live(l->host);
    if (host && !opened)
        opened = open_target(bench, host, &target, why, bytes);
    conf_host_destroy(&l->host);
    l->host = host;
    l->target = target;
    if (live)
        snprintf(why, bytes, "a lost device left %u blocks of host->allocate when it was closed", live);
    return opened && !live;
}

/* The device is lost at run k of a request, and the same request made on it when it was opened again. */
static enum conf_verdict lose(struct conf_bench *bench, struct layered *l, uint32_t k, const uint32_t *right,
                              uint32_t words, char *why, size_t bytes)
{
    char rule[64];
    uint64_t calls;
    uint32_t n = 0;
    snprintf(rule, sizeof rule, "plan_run:%u=lost", k);
    if (live_under(l, rule, FAULT_PLAN_RUN, k, &calls, why, bytes) != PLN_DEVICE_LOST || !reopen(bench, l, why, bytes))
        return CONF_FAILED;
    uint32_t *now = run_and_keep(l, &n, why, bytes);
    const bool same = now && n == words && memcmp(now, right, n * sizeof *now) == 0;
    if (now && !same)
        snprintf(why, bytes, "a device that was lost at run %u and opened again gives the same request other bits", k);
    free(now);
    return same ? CONF_PASSED : CONF_FAILED;
}

enum conf_verdict conf_try_lost(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { MOST_RUNS = 3 };
    enum conf_verdict verdict;
    uint32_t words = 0;
    struct layered *l = open_layered(bench, test, &verdict, why, bytes);
    uint32_t *right = l ? run_and_keep(l, &words, why, bytes) : NULL;
    if (l && !right)
        verdict = CONF_FAILED;
    for (uint32_t k = 1; verdict == CONF_PASSED && k <= MOST_RUNS; k++)
        verdict = lose(bench, l, k, right, words, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = check_case(bench, l, why, bytes);
    free(right);
    if (l)
        close_layered(l);
    return verdict;
}

/* ---- late calls, wrong bits */

/* A busy host: every entry is called some time after it could have been. */
enum conf_verdict conf_try_late(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    static const char rules[] = "plan_run=delay=60 plan_wait=delay=10 constant_create=delay=10 plan_create=delay=10 "
                                "buffer_write=delay=10 buffer_read=delay=10 plan_destroy=delay=10";
    enum conf_verdict verdict;
    struct layered *l = open_layered(bench, test, &verdict, why, bytes);
    struct faults *faults = NULL;
    pln_error error;
    if (verdict == CONF_PASSED && faults_create(rules, &faults, &error) != PLN_OK) {
        snprintf(why, bytes, "%s", error.message);
        verdict = CONF_FAILED;
    }
    conf_layer_use(faults);
    if (verdict == CONF_PASSED)
        verdict = check_case(bench, l, why, bytes);
    conf_layer_use(NULL);
    faults_destroy(&faults);
    if (l)
        close_layered(l);
    return verdict;
}

/* A bit of the result is wrong in every third run: it is seen there, and nowhere else. */
enum conf_verdict conf_try_bits(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { RUNS = 6 };
    enum conf_verdict verdict;
    struct layered *l = open_layered(bench, test, &verdict, why, bytes);
    struct conf_instance in = {.target = l ? &l->target : NULL}, right = {.target = &bench->oracle};
    struct faults *faults = NULL;
    pln_error error;
    if (verdict == CONF_PASSED && faults_create("plan_run:2=bits plan_run:5=bits buffer_read:2=bits buffer_read:5=bits",
                                                &faults, &error) != PLN_OK)
        verdict = CONF_FAILED;
    conf_layer_use(faults); /* the seam looks for results when a plan is made */
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&in, &l->c, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&right, &l->c, why, bytes);
    for (uint32_t i = 0; verdict == CONF_PASSED && i < RUNS; i++) {
        char seen[CONF_WHY / 2] = "";
        const enum conf_verdict round = conf_check_round(&in, &right, l->fill, l->index, &l->c, 0, seen, sizeof seen);
        const bool spoilt = i % 3 == 1;
        verdict = (round == CONF_PASSED) != spoilt ? CONF_PASSED : CONF_FAILED;
        if (verdict == CONF_FAILED)
            snprintf(why, bytes, spoilt ? "a wrong bit of run %u is not seen%s" : "behind a wrong bit, run %u: %s", i,
                     seen);
    }
    conf_layer_use(NULL);
    faults_destroy(&faults);
    if (l)
        conf_instance_close(&in);
    conf_instance_close(&right);
    if (l)
        close_layered(l);
    return verdict;
}
