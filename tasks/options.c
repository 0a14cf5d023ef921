/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of tasks: KEY=VALUE against the table of the task.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/fail.h"
#include "tasks/task.h"

/* ---- what a value may be */

/* The place of the value among the words between bars; -1: it is none of them. */
static int32_t find_word(const char *words, const char *value)
{
    const size_t bytes = strlen(value);
    int32_t place = 0;
    for (const char *at = words;; place++) {
        const char *end = strchr(at, '|');
        const size_t n = end ? (size_t)(end - at) : strlen(at);
        if (n == bytes && memcmp(at, value, n) == 0)
            return place;
        if (!end)
            return -1;
        at = end + 1;
    }
}

static bool is_range(const char *values)
{
    return *values >= '0' && *values <= '9' && strstr(values, "..");
}

/* The point of a bound, not those between bounds. */
static bool is_real(const char *values)
{
    for (const char *at = values; *at; at++)
        if (at[0] == '.' && at[1] != '.' && (at == values || at[-1] != '.'))
            return true;
    return false;
}

/* A decimal number and nothing behind it. */
static bool read_number(const char *value, double *x)
{
    char *end;
    if (strspn(value, "0123456789.eE+-") != strlen(value))
        return false;
    *x = strtod(value, &end);
    return end != value && !*end && isfinite(*x);
}

static bool is_in_range(const char *values, const char *value)
{
    const char *between = strstr(values, "..");
    const double least = strtod(values, NULL), most = between[2] ? strtod(between + 2, NULL) : HUGE_VAL;
    double x;
    if (!is_real(values) && (!*value || strspn(value, "0123456789") != strlen(value)))
        return false;
    return read_number(value, &x) && x >= least && x <= most;
}

/* ---- sentences */

/* "a, b or c" of words that `separator` stands between. */
static void list_words(char *out, size_t room, const char *words)
{
    size_t used = 0;
    for (const char *at = words; *at && used + 1 < room;) {
        const size_t n = strcspn(at, "|");
        const char *rest = at[n] ? at + n + 1 : "";
        const char *between = strchr(rest, '|') ? ", " : " or ";
        used += (size_t)snprintf(out + used, room - used, "%.*s%s", (int)n, at, *rest ? between : "");
        at = rest;
    }
}

static pln_status refuse_value(const pln_task_info *task, const pln_option_info *option, const char *value,
                               pln_error *error)
{
    char may[200] = "";
    if (!is_range(option->values))
        list_words(may, sizeof may, option->values);
    else {
        const char *between = strstr(option->values, "..");
        snprintf(may, sizeof may, "a %snumber %s %.*s%s%s", is_real(option->values) ? "" : "whole ",
                 between[2] ? "from" : "of at least", (int)(between - option->values), option->values,
                 between[2] ? " to " : "", between + 2);
    }
    return pln_fail(error, PLN_INVALID, "option %s of the task %s is \"%.100s\"; it may be %s", option->key, task->name,
                    value, may);
}

static pln_status refuse_key(const pln_task_info *task, const char *key, pln_error *error)
{
    char known[300] = "none";
    size_t used = 0;
    for (const pln_option_info *o = task->options; o->key && used < sizeof known; o++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", o == task->options ? "" : ", ", o->key);
    return pln_fail(error, PLN_INVALID, "the task %s has no option \"%.100s\"; it has %s", task->name, key, known);
}

static bool may_be(const pln_option_info *option, const char *value)
{
    if (is_range(option->values))
        return is_in_range(option->values, value);
    return !strchr(option->values, '|') || find_word(option->values, value) >= 0;
}

static const pln_option_info *find_option(const pln_task_info *task, const char *key)
{
    for (const pln_option_info *o = task->options; o->key; o++)
        if (strcmp(o->key, key) == 0)
            return o;
    return NULL;
}

pln_status task_check_options(const pln_task_info *info, const pln_option *options, uint32_t n_options,
                              pln_error *error)
{
    for (uint32_t i = 0; i < n_options; i++) {
        if (!options[i].key || !options[i].value)
            return pln_fail(error, PLN_INVALID, "option %u of the task %s has no key or no value", i, info->name);
        const pln_option_info *option = find_option(info, options[i].key);
        if (!option)
            return refuse_key(info, options[i].key, error);
        if (!may_be(option, options[i].value))
            return refuse_value(info, option, options[i].value, error);
    }
    return PLN_OK;
}

/* ---- look-ups */

const char *task_value(const struct task_setup *setup, const char *key)
{
    for (uint32_t i = 0; setup->asked && setup->info->options[i].key; i++)
        if (strcmp(setup->info->options[i].key, key) == 0)
            *setup->asked |= UINT64_C(1) << i;
    return pln_option_value(setup->options, setup->n_options, key);
}

pln_status task_check_asked(const struct task_setup *setup, uint64_t asked, pln_error *error)
{
    for (uint32_t i = 0; setup->info->options[i].key; i++)
        if (!(asked >> i & 1))
            return pln_fail(error, PLN_FAILED, "the task %s does not look at its option %s", setup->info->name,
                            setup->info->options[i].key);
    return PLN_OK;
}

uint32_t task_word(const struct task_setup *setup, const char *key, uint32_t unsaid)
{
    const char *value = task_value(setup, key);
    const pln_option_info *option = find_option(setup->info, key);
    return value && option ? (uint32_t)find_word(option->values, value) : unsaid;
}

uint32_t task_number(const struct task_setup *setup, const char *key, uint32_t unsaid)
{
    const char *value = task_value(setup, key);
    if (!value)
        return unsaid;
    errno = 0;
    const unsigned long long x = strtoull(value, NULL, 10);
    return errno || x > UINT32_MAX ? UINT32_MAX : (uint32_t)x;
}

double task_real(const struct task_setup *setup, const char *key, double unsaid)
{
    const char *value = task_value(setup, key);
    return value ? strtod(value, NULL) : unsaid;
}

bool task_flag(const struct task_setup *setup, const char *key)
{
    const char *value = task_value(setup, key);
    return value && strcmp(value, "yes") == 0;
}

/* ---- lists */

static pln_text trim(const char *begin, const char *end)
{
    while (begin < end && strchr(" \t\r\n", *begin))
        begin++;
    while (end > begin && strchr(" \t\r\n", end[-1]))
        end--;
    return (pln_text){begin, (size_t)(end - begin)};
}

uint32_t task_split(struct arena *memory, pln_text text, pln_text **items)
{
    const char *end = text.text + text.bytes;
    size_t commas = 0;
    for (const char *at = text.text; at < end; at++)
        commas += *at == ',';
    *items = arena_allocate(memory, (commas + 1) * sizeof **items);
    if (!*items || commas >= UINT32_MAX - 1)
        return UINT32_MAX;
    uint32_t n = 0;
    for (const char *at = text.text; at <= end;) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
        const pln_text item = trim(at, comma ? comma : end);
        if (item.bytes)
            (*items)[n++] = item;
        at = (comma ? comma : end) + 1;
    }
    return n;
}
