/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads a plugin step by step, so that what breaks is named, and opens devices on it.
 */
#include "conformance/bench.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backends/reference/reference.h"
#include "conformance/heap.h"
#include "conformance/instance.h"
#include "conformance/violation.h"

const char *const conf_step_names[CONF_STEPS] = {
    [CONF_LOAD] = "dlopen",        [CONF_QUERY] = "pln_backend_query", [CONF_TABLE] = "table",
    [CONF_COUNT] = "device_count", [CONF_INFO] = "device_info",        [CONF_OPEN] = "device_open",
};

static bool fail(struct conf_bench *bench, enum conf_step step, pln_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(bench->hello.why, sizeof bench->hello.why, format, arguments);
    va_end(arguments);
    conf_take_violation(bench->hello.why, sizeof bench->hello.why);
    bench->hello.step = step;
    bench->hello.status = status;
    return false;
}

enum { MOST_SETTINGS = 64 };
static const uint64_t most_memory = (uint64_t)1 << 56;

static bool load(struct conf_bench *bench)
{
    if (strcmp(bench->plugin->path, "reference") == 0) {
        bench->query = pln_reference_query;
        return true;
    }
    void *library = dlopen(bench->plugin->path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return fail(bench, CONF_LOAD, PLN_FAILED, "%s", dlerror());
    void *symbol = dlsym(library, PLN_BACKEND_SYMBOL);
    if (!symbol)
        return fail(bench, CONF_LOAD, PLN_FAILED, "it exports no %s", PLN_BACKEND_SYMBOL);
    memcpy(&bench->query, &symbol, sizeof bench->query);
    conf_heap_follow(symbol);
    return true;
}

/* Why a table is none, or NULL. What is behind its end is not there. */
static const char *refusal_of_table(const pln_backend *table)
{
    const uint32_t required = offsetof(pln_backend, plan_destroy) + sizeof table->plan_destroy;
    pln_backend whole = {0};
    if (table->size < required || table->size > 1 << 16)
        return "its size is none of a table: sizeof (pln_backend) is meant";
    memcpy(&whole, table, table->size < sizeof whole ? table->size : sizeof whole);
    const pln_backend *t = &whole;
    const bool some = t->buffer_create || t->buffer_destroy || t->buffer_write || t->buffer_read;
    if (t->abi != PLN_ABI_VERSION)
        return "its abi is not the version that was asked for";
    if (!t->name || !t->name[0] || !t->version)
        return "it has no name, or no version";
    if (!t->device_count || !t->device_info || !t->device_open || !t->device_close || !t->supports ||
        !t->constant_create || !t->constant_destroy || !t->plan_create || !t->plan_run || !t->plan_destroy)
        return "an entry that is required is NULL";
    if (some && !(t->buffer_create && t->buffer_destroy && t->buffer_write && t->buffer_read))
        return "of the four buffer entries some are there and some are NULL";
    if (!t->plan_submit != !t->plan_wait)
        return "of plan_submit and plan_wait one is there and one is NULL";
    return NULL;
}

static bool read_table(struct conf_bench *bench)
{
    conf_guard_enter(conf_step_names[CONF_QUERY]);
    const pln_backend *table = bench->query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    conf_guard_leave();
    if (!table)
        return fail(bench, CONF_QUERY, PLN_FAILED, "it serves no version %u", PLN_ABI_VERSION);
    const char *why = refusal_of_table(table);
    if (why)
        return fail(bench, CONF_TABLE, PLN_FAILED, "%s", why);
    snprintf(bench->hello.backend, sizeof bench->hello.backend, "%s", table->name);
    bench->backend = conf_guard(table);
    return true;
}

static bool count_devices(struct conf_bench *bench)
{
    enum { MOST = 4096 };
    uint32_t n = 0, again = 0;
    pln_failure error = {.size = sizeof error};
    if (bench->backend->device_count(&n, &error) != PLN_OK)
        return fail(bench, CONF_COUNT, PLN_FAILED, "%s", error.message);
    if (bench->backend->device_count(&again, &error) != PLN_OK || again != n || n > MOST)
        return fail(bench, CONF_COUNT, PLN_FAILED, "%u devices, and asked again %u", n, again);
    if (bench->plugin->device >= n)
        return fail(bench, CONF_COUNT, PLN_NO_DEVICE, "there is no device %u, of %u", bench->plugin->device, n);
    return true;
}

/* "f32|bf16" has bf16. */
static bool has_word(const char *values, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = values; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, word, n) == 0 && (at[n] == '\0' || at[n] == '|'))
            return true;
    return false;
}

static const char *refusal_of_settings(const pln_device_description *info)
{
    const uint32_t least = offsetof(pln_setting_info, usual);
    if (info->n_settings > MOST_SETTINGS || (info->n_settings && !info->settings))
        return "its settings are too many, or not there";
    for (uint32_t i = 0; i < info->n_settings; i++) {
        const pln_setting_info *s = conf_setting(info, i);
        if (info->setting_stride < least || s->size < least || s->size > info->setting_stride)
            return "a setting has a size that its stride does not allow";
        if (!s->key || !s->key[0] || strlen(s->key) > 31 || strpbrk(s->key, "=.") || !s->values || !s->help)
            return "a setting has no key that can be one, no values, or no help";
        if (s->size < sizeof *s)
            continue;
        if (strchr(s->values, '|') &&
            ((s->usual && !has_word(s->values, s->usual)) || (s->present && !has_word(s->values, s->present))))
            return "what is usual, or present, of a setting is none of its values";
        if (s->most && s->least > s->most)
            return "the least number of a setting is more than the most";
    }
    return NULL;
}

/* What is wrong with what a device tells of itself, or NULL. */
static const char *refusal_of_info(const pln_backend *b, const pln_device_description *info)
{
    const bool host = info->flags & PLN_DEVICE_FLAG_HOST_MEMORY;
    if (info->kind < PLN_DEVICE_KIND_CPU || info->kind > PLN_DEVICE_KIND_OTHER)
        return "its kind is none";
    if (!(info->dtypes & 1u << PLN_F32) || !(info->dtypes & 1u << PLN_I32))
        return "its dtypes are without f32 or i32";
    if (info->f32_bytes != 4 && info->f32_bytes != 8)
        return "its f32_bytes are neither 4 nor 8";
    if (!info->alignment || info->alignment & (info->alignment - 1) || info->alignment > 1 << 20)
        return "its alignment is no power of two, or more than a mebibyte";
    if (!info->row_multiple || info->row_multiple > 1 << 16)
        return "its row_multiple is 0, or more than 65536";
    if (host && info->f32_bytes != 4)
        return "it works on host memory, where f32 has 4 bytes";
    if (!host && !b->buffer_create)
        return "it has memory of its own, and no buffer entries";
    if (!info->name[0])
        return "it has no name";
    if (info->flags & PLN_MUST_KNOW)
        return "it has a flag that no host knows";
    if (info->memory_bytes > most_memory || info->free_bytes > most_memory)
        return "it says that it has more memory than can be";
    if (info->memory_bytes && info->free_bytes > info->memory_bytes)
        return "its free_bytes are more than its memory_bytes";
    return refusal_of_settings(info);
}

static bool read_info(struct conf_bench *bench)
{
    pln_device_description info = {.size = sizeof info}, again = info;
    pln_failure error = {.size = sizeof error};
    const uint32_t i = bench->plugin->device;
    if (bench->backend->device_info(i, NULL, &info, &error) != PLN_OK ||
        bench->backend->device_info(i, NULL, &again, &error) != PLN_OK)
        return fail(bench, CONF_INFO, PLN_FAILED, "%s", error.message);
    char why[CONF_WHY];
    if (conf_take_violation(why, sizeof why))
        return fail(bench, CONF_INFO, PLN_FAILED, "%s", why);
    snprintf(bench->hello.name, sizeof bench->hello.name, "%s", info.name);
    snprintf(bench->hello.driver, sizeof bench->hello.driver, "%s", info.driver);
    snprintf(bench->hello.version, sizeof bench->hello.version, "%s", info.version);
    if (info.flags & PLN_DEVICE_FLAG_UNUSABLE)
        return fail(bench, CONF_INFO, PLN_NO_DEVICE, "it is not usable: %s",
                    info.reason[0] ? info.reason : "and it does not say why");
    const char *wrong = refusal_of_info(bench->backend, &info);
    if (wrong)
        return fail(bench, CONF_INFO, PLN_FAILED, "%s", wrong);
    if (strcmp(info.name, again.name) != 0 || info.flags != again.flags || info.dtypes != again.dtypes ||
        info.n_settings != again.n_settings)
        return fail(bench, CONF_INFO, PLN_FAILED, "asked twice, it tells two things");
    bench->closed = info;
    return true;
}

bool conf_bench_target(struct conf_bench *bench, const pln_setting *more, struct conf_host *host,
                       struct conf_target *target, char *why, size_t bytes)
{
    pln_setting options[CONF_OPTIONS + 1];
    pln_failure error = {.size = sizeof error};
    const struct conf_plugin *p = bench->plugin;
    memcpy(options, p->options, sizeof p->options);
    if (more)
        options[p->n_options] = *more;
    *target = (struct conf_target){.backend = bench->backend, .host = host, .info.size = sizeof target->info};
    const pln_opening opening = {.size = sizeof opening,
                                 .host = conf_host_table(host),
                                 .n_settings = p->n_options + (more != NULL),
                                 .setting_stride = sizeof *options,
                                 .settings = options};
    pln_status status = bench->backend->device_open(p->device, &opening, &target->device, &error);
    if (status == PLN_OK)
        status = bench->backend->device_info(p->device, target->device, &target->info, &error);
    if (status != PLN_OK) {
        conf_bench_close_target(target);
        snprintf(why, bytes, "%s", error.message);
    }
    bench->hello.status = status;
    return status == PLN_OK;
}

void conf_bench_close_target(struct conf_target *target)
{
    if (target->device)
        target->backend->device_close(&target->device);
}

/* Whether the user gave the key. */
static bool is_given(const struct conf_plugin *p, const char *key)
{
    for (uint32_t i = 0; i < p->n_options; i++)
        if (strcmp(p->options[i].key, key) == 0)
            return true;
    return false;
}

const pln_setting_info *conf_setting(const pln_device_description *info, uint32_t i)
{
    return (const pln_setting_info *)(const void *)((const char *)(const void *)info->settings +
                                                    (size_t)i * info->setting_stride);
}

static void find_halves(struct conf_bench *bench, const pln_device_description *info)
{
    static const struct {
        const char *word;
        uint32_t dtype;
    } words[] = {{"f16", PLN_F16}, {"bf16", PLN_BF16}};
    struct conf_hello *hello = &bench->hello;
    for (uint32_t s = 0; s < info->n_settings; s++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            const pln_setting_info *setting = conf_setting(info, s);
            if (!has_word(setting->values, words[i].word) || hello->n_halves == CONF_HALVES ||
                is_given(bench->plugin, setting->key))
                continue;
            struct conf_half *half = &hello->halves[hello->n_halves++];
            half->dtype = words[i].dtype;
            snprintf(half->key, sizeof half->key, "%s", setting->key);
            snprintf(half->value, sizeof half->value, "%s", words[i].word);
        }
}

/* Opened without options it is what it said that it would be. */
static const char *refusal_of_change(const pln_device_description *before, const pln_device_description *now)
{
    if (strcmp(before->name, now->name) != 0 || before->kind != now->kind || before->flags != now->flags ||
        before->dtypes != now->dtypes || before->f32_bytes != now->f32_bytes || before->alignment != now->alignment)
        return "opened without options it is another device than device_info said: kind, flags, dtypes, f32_bytes, "
               "alignment or name differ";
    return NULL;
}

static bool open_device(struct conf_bench *bench)
{
    static const pln_setting precise = {.size = sizeof precise, .key = "precision", .value = "f64"};
    struct conf_target *o = &bench->oracle;
    pln_failure error = {.size = sizeof error};
    char why[CONF_WHY];
    bench->host = conf_host_create(bench->plugin->threads, 0);
    bench->oracle_host = conf_host_create(bench->plugin->threads, 0);
    if (!bench->host || !bench->oracle_host)
        return fail(bench, CONF_OPEN, PLN_NO_MEMORY, "no memory for a host");
    conf_host_trust(bench->oracle_host);
    if (!conf_bench_target(bench, NULL, bench->host, &bench->target, why, sizeof why))
        return fail(bench, CONF_OPEN, bench->hello.status, "%s", why);
    const char *wrong = refusal_of_info(bench->backend, &bench->target.info);
    if (!wrong && !bench->plugin->n_options)
        wrong = refusal_of_change(&bench->closed, &bench->target.info);
    if (wrong)
        return fail(bench, CONF_OPEN, PLN_FAILED, "%s", wrong);
    find_halves(bench, &bench->target.info);
    *o = (struct conf_target){.backend = pln_reference_query(PLN_ABI_VERSION, PLN_ABI_VERSION),
                              .host = bench->oracle_host,
                              .info.size = sizeof o->info};
    const pln_opening opening = {.size = sizeof opening,
                                 .host = conf_host_table(o->host),
                                 .n_settings = 1,
                                 .setting_stride = sizeof precise,
                                 .settings = &precise};
    if (o->backend->device_open(0, &opening, &o->device, &error) != PLN_OK ||
        o->backend->device_info(0, o->device, &o->info, &error) != PLN_OK)
        return fail(bench, CONF_OPEN, PLN_FAILED, "the reference: %s", error.message);
    return true;
}

bool conf_bench_has_no_driver(const struct conf_bench *bench)
{
    return bench->target.info.flags & PLN_DEVICE_FLAG_HOST_MEMORY;
}

static bool take_step(struct conf_bench *bench, enum conf_step step, bool (*run)(struct conf_bench *))
{
    char why[CONF_WHY];
    conf_guard_enter(conf_step_names[step]);
    if (!run(bench))
        return false;
    conf_guard_leave();
    conf_output_check(conf_bench_has_no_driver(bench));
    conf_process_compare(&bench->process, conf_bench_has_no_driver(bench));
    return !conf_take_violation(why, sizeof why) || fail(bench, step, PLN_FAILED, "%s", why);
}

void conf_bench_ask(const struct conf_bench *bench, unsigned char *taken)
{
    enum { OF_A_GROUP = 4 };
    static struct conf_case c;
    char why[CONF_WHY];
    memset(taken, 0, CONF_ASKED);
    for (uint32_t at = 0; at < conf_n_groups * OF_A_GROUP && at < CONF_ASKED; at++) {
        struct conf_instance in = {.target = &bench->target};
        conf_begin(&c, at % OF_A_GROUP, 0);
        if (conf_groups[at / OF_A_GROUP].fill(&c, at % OF_A_GROUP))
            taken[at] = conf_instance_view(&in, &c, why, sizeof why) == CONF_PASSED;
        conf_instance_close(&in);
        conf_free(&c);
    }
}

void conf_bench_open(struct conf_bench *bench, const struct conf_plugin *plugin)
{
    *bench = (struct conf_bench){.plugin = plugin};
    conf_process_look(&bench->process);
    if (take_step(bench, CONF_LOAD, load) && take_step(bench, CONF_TABLE, read_table) &&
        take_step(bench, CONF_COUNT, count_devices) && take_step(bench, CONF_INFO, read_info) &&
        take_step(bench, CONF_OPEN, open_device)) {
        bench->hello.step = CONF_STEPS;
        bench->hello.status = PLN_OK;
        conf_bench_ask(bench, bench->taken);
    }
}

bool conf_first_taken(const struct conf_target *target, uint32_t group, uint32_t skip, struct conf_case *c,
                      uint32_t *index, char *why, size_t bytes)
{
    for (uint32_t i = 0;; i++) {
        struct conf_instance in = {.target = target};
        conf_begin(c, i, 0);
        if (!conf_groups[group].fill(c, i))
            break;
        const enum conf_verdict verdict = conf_instance_view(&in, c, why, bytes);
        conf_instance_close(&in);
        if (verdict == CONF_PASSED && skip-- == 0) {
            *index = i;
            return true;
        }
        conf_free(c);
    }
    return false;
}
