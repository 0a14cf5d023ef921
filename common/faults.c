/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads rules, counts calls.
 */
#include "common/faults.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/fail.h"

enum { MOST_RULES = 32 };

static const char *const entry_names[FAULT_ENTRIES] = {
    [FAULT_DEVICE_COUNT] = "device_count",
    [FAULT_DEVICE_INFO] = "device_info",
    [FAULT_DEVICE_OPEN] = "device_open",
    [FAULT_DEVICE_CLOSE] = "device_close",
    [FAULT_SUPPORTS] = "supports",
    [FAULT_CONSTANT_CREATE] = "constant_create",
    [FAULT_CONSTANT_DESTROY] = "constant_destroy",
    [FAULT_PLAN_CREATE] = "plan_create",
    [FAULT_PLAN_RUN] = "plan_run",
    [FAULT_PLAN_DESTROY] = "plan_destroy",
    [FAULT_BUFFER_CREATE] = "buffer_create",
    [FAULT_BUFFER_DESTROY] = "buffer_destroy",
    [FAULT_BUFFER_WRITE] = "buffer_write",
    [FAULT_BUFFER_READ] = "buffer_read",
    [FAULT_PLAN_TIMING] = "plan_timing",
    [FAULT_PLAN_INFO] = "plan_info",
    [FAULT_PLAN_WAIT] = "plan_wait",
    [FAULT_DEVICE_HEALTH] = "device_health",
};

enum what { FAIL, MEMORY, SILENT, LOST, DELAY, BITS, WHATS };
static const char *const what_names[WHATS] = {"fail", "memory", "silent", "lost", "delay=", "bits"};

struct rule {
    char backend[24]; /* "": any */
    enum fault_entry entry;
    uint64_t first; /* 0: all */
    bool later;
    enum what what;
    uint32_t delay_ms;
    uint64_t met; /* calls that the rule looked at */
};

struct faults {
    pthread_mutex_t lock; /* of met and calls */
    uint32_t n;
    struct rule rules[MOST_RULES];
    uint64_t calls[FAULT_ENTRIES];
};

const char *fault_entry_name(enum fault_entry entry)
{
    return entry_names[entry];
}

static bool find_entry(const char *text, size_t n, enum fault_entry *entry)
{
    for (int i = 0; i < FAULT_ENTRIES; i++)
        if (strlen(entry_names[i]) == n && memcmp(entry_names[i], text, n) == 0) {
            *entry = (enum fault_entry)i;
            return true;
        }
    return false;
}

static bool find_what(const char *text, struct rule *rule)
{
    for (int i = 0; i < WHATS; i++) {
        const size_t n = strlen(what_names[i]);
        if (strncmp(text, what_names[i], n) != 0)
            continue;
        char *end = (char *)(uintptr_t)(text + n);
        rule->what = (enum what)i;
        if (i != DELAY)
            return !*end;
        rule->delay_ms = (uint32_t)strtoul(end, &end, 10);
        return isdigit((unsigned char)text[n]) && !*end;
    }
    return false;
}

/* "vulkan.plan_run:3+=lost" without blanks. */
static bool read_rule(const char *text, struct rule *rule)
{
    const char *equals = strchr(text, '='), *dot = memchr(text, '.', strcspn(text, "=")), *name = dot ? dot + 1 : text;
    if (!equals || (dot && (size_t)(dot - text) >= sizeof rule->backend))
        return false;
    *rule = (struct rule){0};
    if (dot)
        memcpy(rule->backend, text, (size_t)(dot - text));
    const size_t length = strcspn(name, ":=");
    if (!find_entry(name, length, &rule->entry))
        return false;
    const char *at = name + length;
    if (*at == ':') {
        char *end = NULL;
        rule->first = isdigit((unsigned char)at[1]) ? strtoull(at + 1, &end, 10) : 0;
        if (!rule->first)
            return false;
        rule->later = *end == '+';
        at = end + rule->later;
    }
    return at == equals && find_what(equals + 1, rule);
}

pln_status faults_create(const char *text, struct faults **faults, pln_error *error)
{
    struct faults *f = NULL;
    *faults = NULL;
    for (const char *at = text ? text : ""; *(at += strspn(at, " \t\n"));) {
        char word[96];
        const size_t n = strcspn(at, " \t\n");
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word), at);
        if (!f && !(f = calloc(1, sizeof *f)))
            return pln_fail(error, PLN_NO_MEMORY, "no memory for faults");
        if (n >= sizeof word || f->n == MOST_RULES || !read_rule(word, &f->rules[f->n])) {
            free(f);
            return pln_fail(error, PLN_INVALID,
                            "fault \"%s\" is not [BACKEND.]ENTRY[:K[+]]=WHAT, or one of more than %d", word,
                            MOST_RULES);
        }
        f->n++;
        at += n;
    }
    if (f)
        pthread_mutex_init(&f->lock, NULL);
    *faults = f;
    return PLN_OK;
}

void faults_destroy(struct faults **faults)
{
    if (*faults)
        pthread_mutex_destroy(&(*faults)->lock);
    free(*faults);
    *faults = NULL;
}

static void apply(const struct rule *rule, struct fault *fault, uint32_t *delay_ms)
{
    static const pln_status statuses[WHATS] = {
        [FAIL] = PLN_FAILED, [MEMORY] = PLN_NO_MEMORY, [SILENT] = PLN_FAILED, [LOST] = PLN_DEVICE_LOST};
    if (statuses[rule->what] != PLN_OK)
        fault->status = statuses[rule->what];
    fault->silent |= rule->what == SILENT;
    fault->bits |= rule->what == BITS;
    *delay_ms += rule->delay_ms;
}

struct fault faults_meet(struct faults *faults, const char *backend, enum fault_entry entry)
{
    struct fault fault = {.status = PLN_OK};
    uint32_t delay_ms = 0;
    if (!faults)
        return fault;
    pthread_mutex_lock(&faults->lock);
    faults->calls[entry]++;
    for (uint32_t i = 0; i < faults->n; i++) {
        struct rule *rule = &faults->rules[i];
        if (rule->entry != entry || (*rule->backend && strcmp(rule->backend, backend) != 0))
            continue;
        rule->met++;
        if (!rule->first || rule->met == rule->first || (rule->later && rule->met > rule->first))
            apply(rule, &fault, &delay_ms);
    }
    pthread_mutex_unlock(&faults->lock);
    if (delay_ms)
        nanosleep(&(struct timespec){delay_ms / 1000, (long)(delay_ms % 1000) * 1000000}, NULL);
    return fault;
}

uint64_t faults_calls(struct faults *faults, enum fault_entry entry)
{
    if (!faults)
        return 0;
    pthread_mutex_lock(&faults->lock);
    const uint64_t n = faults->calls[entry];
    pthread_mutex_unlock(&faults->lock);
    return n;
}
