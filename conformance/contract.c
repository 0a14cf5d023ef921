/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 0: what the contract asks of every device, whatever it computes.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/bench.h"
#include "conformance/heap.h"

static enum conf_verdict fail(char *why, size_t bytes, const char *sentence)
{
    snprintf(why, bytes, "%s", sentence);
    return CONF_FAILED;
}

static enum conf_verdict try_versions(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    (void)test;
    if (bench->query(PLN_ABI_VERSION + 1, PLN_ABI_VERSION + 5))
        return fail(why, bytes, "pln_backend_query served versions that are later than its own");
    const pln_backend *all = bench->query(1, PLN_ABI_VERSION + 5), *again = bench->query(1, PLN_ABI_VERSION + 5);
    if (!all || all != again)
        return fail(why, bytes, "pln_backend_query did not serve a range that its version lies in, the same twice");
    return CONF_PASSED;
}

static enum conf_verdict try_past(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    uint32_t n = 0;
    pln_failure error = {.size = sizeof error};
    pln_device_description info = {.size = sizeof info};
    pln_device *device = NULL;
    const pln_opening opening = {.size = sizeof opening, .host = conf_host_table(bench->host)};
    (void)test;
    if (bench->backend->device_count(&n, &error) != PLN_OK)
        return fail(why, bytes, error.message);
    if (bench->backend->device_info(n, NULL, &info, &error) == PLN_OK)
        return fail(why, bytes, "device_info tells of a device that is not counted");
    if (bench->backend->device_open(n, &opening, &device, &error) == PLN_OK) {
        bench->backend->device_close(&device);
        return fail(why, bytes, "device_open opens a device that is not counted");
    }
    return CONF_PASSED;
}

/* Opens with an option more; false where that is not refused as it should be. */
static bool refuses(struct conf_bench *bench, const pln_setting *option, char *why, size_t bytes)
{
    struct conf_host *host = conf_host_create(1, 0);
    struct conf_target t;
    const bool opened = host && conf_bench_target(bench, option, host, &t, why, bytes);
    const pln_status status = bench->hello.status;
    if (opened)
        conf_bench_close_target(&t);
    const uint32_t live = host ? conf_host_live(host) : 0;
    conf_host_destroy(&host);
    if (opened || status != PLN_INVALID)
        snprintf(why, bytes, "device_open with %s=%s %s", option->key, option->value,
                 opened ? "opened" : "did not return PLN_INVALID");
    else if (live)
        snprintf(why, bytes, "device_open refused %s=%s and kept %u blocks of host->allocate", option->key,
                 option->value, live);
    return !opened && status == PLN_INVALID && !live;
}

static enum conf_verdict try_unknown_key(struct conf_bench *bench, const struct conf_test *test, char *why,
                                         size_t bytes)
{
    const pln_setting option = {.size = sizeof option, .key = "no-such-option-of-any-device", .value = "1"};
    (void)test;
    return refuses(bench, &option, why, bytes) ? CONF_PASSED : CONF_FAILED;
}

static enum conf_verdict try_unknown_values(struct conf_bench *bench, const struct conf_test *test, char *why,
                                            size_t bytes)
{
    (void)test;
    for (uint32_t i = 0; i < bench->target.info.n_settings; i++) {
        const pln_setting_info *s = conf_setting(&bench->target.info, i);
        const pln_setting option = {.size = sizeof option, .key = s->key, .value = "no-such-value"};
        if (strchr(s->values, '|') && !refuses(bench, &option, why, bytes))
            return CONF_FAILED;
    }
    return CONF_PASSED;
}

/* Numbers outside of what was told, and what is no number. */
static enum conf_verdict try_numbers(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    (void)test;
    for (uint32_t i = 0; i < bench->target.info.n_settings; i++) {
        const pln_setting_info *s = conf_setting(&bench->target.info, i);
        char beyond[32];
        if (s->size < sizeof *s || strcmp(s->values, "NUMBER") != 0 || !s->most)
            continue;
        snprintf(beyond, sizeof beyond, "%llu", (unsigned long long)s->most + 1);
        const char *const wrong[] = {s->most < UINT64_MAX ? beyond : "-1", "", "3x", s->least ? "0" : "-1"};
        for (size_t j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            const pln_setting option = {.size = sizeof option, .key = s->key, .value = wrong[j]};
            if (!refuses(bench, &option, why, bytes))
                return CONF_FAILED;
        }
    }
    return CONF_PASSED;
}

/* device_close accepts a device that is none. */
static enum conf_verdict try_nothing(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    pln_device *none = NULL;
    (void)test, (void)why, (void)bytes;
    bench->backend->device_close(&none);
    return CONF_PASSED;
}

/* What was written comes back, wherever it lies, and what is beside it stays. */
static bool keeps(struct conf_bench *bench, pln_buffer *buffer, uint64_t element, uint64_t at, uint64_t count)
{
    enum { MOST = 300 };
    const pln_backend *b = bench->backend;
    const uint64_t wide = element;
    uint32_t ones[MOST], now[MOST];
    pln_failure error = {.size = sizeof error};
    for (uint32_t i = 0; i < MOST; i++) {
        const float x = (float)i + 0.5f;
        memcpy(&ones[i], &x, sizeof x);
    }
    if (b->buffer_write(bench->target.device, buffer, 0, PLN_F32, MOST, ones, &error) != PLN_OK)
        return false;
    uint32_t other[MOST];
    for (uint32_t i = 0; i < MOST; i++) {
        const float x = -(float)i;
        memcpy(&other[i], &x, sizeof x);
    }
    if (b->buffer_write(bench->target.device, buffer, at * wide, PLN_F32, count, other, &error) != PLN_OK ||
        b->buffer_read(bench->target.device, buffer, 0, PLN_F32, MOST, now, &error) != PLN_OK)
        return false;
    for (uint32_t i = 0; i < MOST; i++)
        if (now[i] != (i >= at && i < at + count ? other[i - at] : ones[i]))
            return false;
    return b->buffer_read(bench->target.device, buffer, at * wide, PLN_F32, count, now, &error) == PLN_OK &&
           memcmp(now, other, count * sizeof *now) == 0;
}

static enum conf_verdict try_buffers(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    static const uint64_t parts[][2] = {{0, 300}, {0, 1}, {7, 100}, {299, 1}, {1, 299}, {64, 128}, {5, 0}};
    const uint64_t element = bench->target.info.f32_bytes;
    pln_buffer *a = NULL, *b = NULL;
    pln_failure error = {.size = sizeof error};
    (void)test;
    if (!bench->backend->buffer_create)
        return CONF_PASSED;
    if (bench->backend->buffer_create(bench->target.device, 300 * element, &a, &error) != PLN_OK ||
        bench->backend->buffer_create(bench->target.device, 300 * element, &b, &error) != PLN_OK) {
        snprintf(why, bytes, "%s", error.message);
        if (a)
            bench->backend->buffer_destroy(bench->target.device, &a);
        return CONF_FAILED;
    }
    enum conf_verdict verdict = CONF_PASSED;
    for (size_t i = 0; verdict == CONF_PASSED && i < sizeof parts / sizeof *parts; i++)
        if (!keeps(bench, i % 2 ? a : b, element, parts[i][0], parts[i][1])) {
            snprintf(why, bytes, "%llu elements written at element %llu of a buffer do not come back alone",
                     (unsigned long long)parts[i][1], (unsigned long long)parts[i][0]);
            verdict = CONF_FAILED;
        }
    bench->backend->buffer_destroy(bench->target.device, &a);
    bench->backend->buffer_destroy(bench->target.device, &b);
    return verdict;
}

/* Rounds of open and close: after the first ones, in which drivers load, nothing grows. */
static enum conf_verdict try_rounds(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { ROUNDS = 12, WARM = 3 };
    const bool own = bench->target.info.flags & PLN_DEVICE_FLAG_HOST_MEMORY; /* no driver below */
    uint32_t descriptors = 0, threads = 0, pages = 0, grown = 0;
    uint64_t heap = 0;
    (void)test;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct conf_host *host = conf_host_create(1, 0);
        struct conf_target t;
        uint32_t n;
        pln_failure error = {.size = sizeof error};
        bench->backend->device_count(&n, &error);
        if (!host || !conf_bench_target(bench, NULL, host, &t, why, bytes)) {
            conf_host_destroy(&host);
            return CONF_FAILED;
        }
        conf_bench_close_target(&t);
        const uint32_t live = conf_host_live(host);
        conf_host_destroy(&host);
        if (live) {
            snprintf(why, bytes, "%u blocks of host->allocate are left after device_close", live);
            return CONF_FAILED;
        }
        if (i == WARM) {
            descriptors = conf_descriptors();
            threads = conf_threads();
            heap = conf_heap_live();
        }
        grown += own && i > WARM && conf_pages() > pages;
        pages = conf_pages();
    }
    const uint32_t rounds = ROUNDS - 1 - WARM;
    if (conf_heap_live() >= heap + rounds)
        return fail(why, bytes, "each open and close leaves blocks of malloc");
    if (conf_descriptors() >= descriptors + rounds)
        return fail(why, bytes, "each open and close leaves a descriptor");
    if (conf_threads() >= threads + rounds)
        return fail(why, bytes, "each open and close leaves a thread");
    if (grown >= rounds)
        return fail(why, bytes, "each open and close leaves memory of the system (mmap)");
    return CONF_PASSED;
}

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
static enum conf_verdict try_health(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
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

const struct conf_trial conf_contract[] = {
    {"versions that are asked for", try_versions, 0},
    {"a device past the last", try_past, 0},
    {"an option that is none", try_unknown_key, 0},
    {"a value that an option has not", try_unknown_values, 0},
    {"a number that an option has not", try_numbers, 0},
    {"closing no device", try_nothing, 0},
    {"buffers", try_buffers, 0},
    {"rounds of open and close", try_rounds, 0},
    {"health", try_health, 0},
};
const uint32_t conf_n_contract = sizeof conf_contract / sizeof *conf_contract;

/* The device that was opened first is closed while a later one goes on. */
static enum conf_verdict close_first(struct conf_bench *bench, char *why, size_t bytes)
{
    struct conf_host *host = conf_host_create(bench->plugin->threads, 0);
    struct conf_case *c = malloc(sizeof *c);
    struct conf_target later = {0};
    enum conf_verdict verdict =
        host && c && conf_bench_target(bench, NULL, host, &later, why, bytes) ? CONF_PASSED : CONF_FAILED;
    conf_bench_close_target(&bench->target);
    for (uint32_t g = 0; verdict == CONF_PASSED && g < conf_n_groups; g++) {
        uint32_t index;
        char seen[CONF_WHY / 2];
        if (!conf_groups[g].op || !conf_first_taken(&later, g, 1, c, &index, seen, sizeof seen))
            continue;
        verdict = conf_check(&later, &bench->oracle, conf_groups[g].fill, index, c, seen, sizeof seen);
        if (verdict != CONF_PASSED)
            snprintf(why, bytes, "with the device closed that was opened first, another one fails: %s", seen);
        conf_free(c);
        break;
    }
    if (later.device)
        conf_bench_close_target(&later);
    conf_host_destroy(&host);
    free(c);
    return verdict;
}

enum conf_verdict conf_try_end(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    unsigned char taken[CONF_ASKED];
    (void)test;
    conf_bench_ask(bench, taken);
    const bool same = memcmp(taken, bench->taken, sizeof taken) == 0;
    for (uint32_t i = 0; i < CONF_HALVES; i++)
        conf_bench_close_target(&bench->halves[i]);
    const enum conf_verdict verdict = close_first(bench, why, bytes);
    bench->oracle.backend->device_close(&bench->oracle.device);
    conf_host_check(bench->host);
    if (!same)
        return fail(why, bytes, "supports is not pure: it answers otherwise than when the device was opened");
    if (conf_host_live(bench->host)) {
        snprintf(why, bytes, "%u blocks of host->allocate are left when all is closed", conf_host_live(bench->host));
        return CONF_FAILED;
    }
    return verdict;
}
