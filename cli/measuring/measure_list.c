/* SPDX-License-Identifier: Apache-2.0
 *
 * From the list of devices, --device-option and --each to rows: which device takes which option.
 */
#include "cli/measuring/measure.h"

#include <stdlib.h>
#include <string.h>

static pln_status fail(pln_error *error, pln_status status, const char *sentence, const char *what)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, sentence, what);
    return status;
}

/* ---- what a row is made of */

void measure_each_option(struct measure_options *options, struct cli_options *to)
{
    const struct cli_option each = {"--each", CLI_REPEATED, &options->each, "KEY=A,B,C",
                                    "a row for each value: threads=1,2 or an option of a device; repeatable"};
    cli_add_options(to, &each, 1);
}

static bool parse_each(const char *text, struct measure_each *each)
{
    int used = 0;
    *each = (struct measure_each){0};
    if (sscanf(text, "%31[^=,]=%n", each->key, &used) != 1 || !used)
        return false;
    for (const char *s = text + used; each->n < MEASURE_VALUES; s++) {
        const size_t length = strcspn(s, ",");
        if (!length || length >= sizeof each->values[0])
            return false;
        memcpy(each->values[each->n++], s, length);
        s += length;
        if (!*s)
            return true;
    }
    return false;
}

/* Whether what is said once would be said twice: a value of a key, or the key itself. */
static const char *find_twice(const struct measure *m, const struct measure_each *each)
{
    for (uint32_t i = 0; &m->each[i] != each; i++)
        if (strcmp(m->each[i].key, each->key) == 0)
            return each->key;
    for (uint32_t i = 0; i < each->n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(each->values[i], each->values[j]) == 0)
                return each->values[i];
    return NULL;
}

static bool is_threads(const char *text)
{
    char *end;
    return *text >= '0' && *text <= '9' && strtoul(text, &end, 10) - 1 <= 1023 && !*end;
}

static pln_status parse_all_each(struct measure *m, const struct cli_list *list, pln_error *error)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (m->n_each == MEASURE_EACH || !parse_each(list->items[i], &m->each[m->n_each]))
            return fail(error, PLN_INVALID, "option --each: \"%s\" is not KEY=A,B,C", list->items[i]);
        const struct measure_each *each = &m->each[m->n_each++];
        const char *twice = find_twice(m, each);
        if (twice)
            return fail(error, PLN_INVALID, "option --each: \"%s\" is given twice", twice);
        for (uint32_t j = 0; strcmp(each->key, "threads") == 0 && j < each->n; j++)
            if (!is_threads(each->values[j]))
                return fail(error, PLN_INVALID, "option --each: \"%s\" is no number of threads", each->values[j]);
    }
    return PLN_OK;
}

/* An option for one backend must not be an error on the device beside it: each gets what it knows. */
static bool for_device(const char *option, const char *device)
{
    const char *dot = strchr(option, '.'), *equals = strchr(option, '=');
    const size_t n = strcspn(device, ":");
    return !dot || !equals || dot > equals || ((size_t)(dot - option) == n && strncmp(option, device, n) == 0);
}

static bool knows(const pln_device_info *info, const char *option)
{
    const char *dot = strchr(option, '.'), *equals = strchr(option, '=');
    const char *key = dot && equals && dot < equals ? dot + 1 : option;
    for (const pln_option_info *o = info->options; o && o->key; o++)
        if (equals && strlen(o->key) == (size_t)(equals - key) && strncmp(o->key, key, strlen(o->key)) == 0)
            return true;
    return false;
}

/* Threads of the team are what devices on the host's memory compute with. */
static bool takes_each(const pln_device_info *info, const char *name, const char *key)
{
    char option[40];
    if (strcmp(key, "threads") == 0)
        return info->flags & PLN_DEVICE_FLAG_HOST_MEMORY;
    snprintf(option, sizeof option, "%s=", key);
    return for_device(option, name) && knows(info, option);
}

/* ---- listing, in a process of its own for each name */

/* Rows of a name of the list, or of all devices of a backend. */
struct listing {
    char name[96];
    bool whole;
    uint32_t n;
    struct measured_place places[MEASURE_DEVICES];
};

static pln_status add_place(const struct measure *m, const struct measured_place *like, uint32_t combination,
                            struct listing *listing, pln_error *error)
{
    if (listing->n == MEASURE_DEVICES)
        return fail(error, PLN_INVALID, "%s", "too many devices side by side");
    struct measured_place *place = &listing->places[listing->n++];
    *place = *like;
    for (uint32_t i = 0; i < m->n_each; i++) {
        const struct measure_each *each = &m->each[i];
        if (!(place->takes >> i & 1))
            continue;
        place->values[i] = combination % each->n;
        combination /= each->n;
        const size_t used = strlen(place->label);
        snprintf(place->label + used, sizeof place->label - used, " %s=%s", each->key, each->values[place->values[i]]);
    }
    return PLN_OK;
}

/* The devices of a row. */
struct together {
    uint32_t n;
    const pln_device_entry *entries[MEASURE_TOGETHER];
};

static bool any_knows(const struct together *t, const char *option)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (for_device(option, t->entries[i]->name) && knows(&t->entries[i]->info, option))
            return true;
    return false;
}

static bool any_takes_each(const struct together *t, const char *key)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (takes_each(&t->entries[i]->info, t->entries[i]->name, key))
            return true;
    return false;
}

static void join_names(const struct together *t, const char *between, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < t->n && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? between : "", t->entries[i]->name);
}

static pln_status list_together(const struct measure *m, const struct together *t, struct listing *listing,
                                pln_error *error)
{
    const struct cli_list *given = &m->options->common.device_options;
    struct measured_place like = {.fixed = NULL};
    uint32_t rows = 1;
    pln_status status = PLN_OK;
    join_names(t, ",", like.device, sizeof like.device);
    join_names(t, "+", like.label, sizeof like.label);
    for (uint32_t i = 0; i < given->n; i++)
        if (any_knows(t, given->items[i]))
            like.options |= UINT64_C(1) << i;
    for (uint32_t i = 0; i < m->n_each; i++)
        if (any_takes_each(t, m->each[i].key)) {
            like.takes |= 1u << i;
            rows *= m->each[i].n;
        }
    for (uint32_t i = 0; status == PLN_OK && i < rows; i++)
        status = add_place(m, &like, i, listing, error);
    return status;
}

/* The devices of "onednn+cpu", each of which must be there. */
static pln_status open_together(pln_runtime *runtime, const char *name, pln_devices **probe, struct together *t,
                                pln_error *error)
{
    char list[sizeof((struct listing *)0)->name];
    snprintf(list, sizeof list, "%s", name);
    for (char *s = list; *s; s++)
        if (*s == '+')
            *s = ',';
    const pln_status status = pln_devices_open(runtime, list, NULL, 0, probe, error);
    if (status == PLN_OK && pln_devices_count(*probe) > MEASURE_TOGETHER)
        return fail(error, PLN_INVALID, "%s: too many devices in a row", name);
    for (uint32_t i = 0; status == PLN_OK && i < pln_devices_count(*probe); i++)
        t->entries[t->n++] = pln_devices_entry(*probe, i);
    return status;
}

/* A device that is named must be there; of a whole backend those that can be used are taken. */
static pln_status list_rows(void *context, void *argument, pln_error *error)
{
    const struct measure *m = context;
    struct listing *listing = argument;
    const pln_device_entry *const *entries;
    struct together together = {0};
    uint32_t n = 0;
    pln_runtime *runtime = NULL;
    pln_devices *probe = NULL;
    pln_status status = cli_create_runtime(1, &runtime, error);
    if (status == PLN_OK && listing->whole)
        status = pln_runtime_backend_devices(runtime, listing->name, &entries, &n, error);
    else if (status == PLN_OK)
        status = open_together(runtime, listing->name, &probe, &together, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        if (!(entries[i]->info.flags & PLN_DEVICE_FLAG_UNUSABLE))
            status = list_together(m, &(struct together){1, {entries[i]}}, listing, error);
    if (status == PLN_OK && probe)
        status = list_together(m, &together, listing, error);
    pln_devices_close(&probe);
    pln_runtime_destroy(&runtime);
    return status;
}

/* Whether there is a plugin of that name, but none of its devices can be used. */
static bool is_refused(const char *name)
{
    const pln_device_entry *const *entries;
    char backend[sizeof entries[0]->backend];
    pln_runtime *runtime = NULL;
    pln_error ignored;
    uint32_t n = 0;
    bool usable = false;
    snprintf(backend, sizeof backend, "%.*s", (int)strcspn(name, ":+"), name);
    if (cli_create_runtime(1, &runtime, &ignored) != PLN_OK ||
        pln_runtime_backend_devices(runtime, backend, &entries, &n, &ignored) != PLN_OK)
        n = 0;
    for (uint32_t i = 0; i < n; i++)
        usable |= !(entries[i]->info.flags & PLN_DEVICE_FLAG_UNUSABLE);
    pln_runtime_destroy(&runtime);
    return n && !usable;
}

/* A process that ends here, or a plugin that is refused, leaves a row that is lost; what else a device says of itself is the
 * caller's error. */
static pln_status list_name(struct measure *m, const char *name, bool whole, pln_error *error)
{
    struct listing listing = {.whole = whole};
    struct worker asked = {0};
    snprintf(listing.name, sizeof listing.name, "%s", name);
    pln_status status = worker_start(&asked, m, error);
    if (status == PLN_OK)
        status = worker_ask(&asked, list_rows, &listing, sizeof listing, error);
    const bool ended = status != PLN_OK && !asked.pid && !cli_interrupted();
    const bool lost = ended || (status == PLN_NO_DEVICE && is_refused(name));
    worker_end(&asked);
    if (lost) {
        listing.n = 1;
        snprintf(listing.places[0].device, sizeof listing.places[0].device, "%s", listing.name);
        snprintf(listing.places[0].label, sizeof listing.places[0].label, "%s", listing.name);
    } else if (status != PLN_OK) {
        return status;
    }
    for (uint32_t i = 0; i < listing.n; i++) {
        if (m->n == MEASURE_DEVICES)
            return fail(error, PLN_INVALID, "%s", "too many devices side by side");
        for (uint32_t j = 0; j < m->n; j++)
            if (strcmp(m->devices[j].place.label, listing.places[i].label) == 0)
                return fail(error, PLN_INVALID, "device %s is named twice", listing.places[i].device);
        struct measured_device *d = &m->devices[m->n++];
        d->place = listing.places[i];
        d->facts.dtype = "";
        if (lost)
            measure_lose(d, error);
    }
    return PLN_OK;
}

/* Names of backends are looked up without loading any. */
static pln_status list_all(struct measure *m, pln_error *error)
{
    const char *name;
    const pln_runtime_options alone = {.size = sizeof alone, .threads = 1};
    pln_runtime *runtime = NULL; /* it says nothing */
    pln_status status = pln_runtime_create(&alone, &runtime, error);
    for (uint32_t i = 0; status == PLN_OK && (name = pln_runtime_backend(runtime, i)); i++)
        status = list_name(m, name, true, error);
    pln_runtime_destroy(&runtime);
    return status;
}

static pln_status list_names(struct measure *m, pln_error *error)
{
    const char *list = m->options->common.device;
    if (!list || strcmp(list, "all") == 0)
        return list_all(m, error);
    pln_status status = PLN_OK;
    for (const char *s = list; status == PLN_OK; s++) {
        char name[sizeof((struct listing *)0)->name];
        const size_t length = strcspn(s, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, s);
        status = list_name(m, name, false, error);
        s += length;
        if (!*s)
            break;
    }
    return status;
}

/* What a lost row would have known is not known. */
static pln_status check_used(const struct measure *m, pln_error *error)
{
    const struct measure_options *o = m->options;
    uint64_t options = 0;
    uint32_t each = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        options |= m->devices[i].place.options;
        each |= m->devices[i].place.takes;
        if (measure_is_lost(&m->devices[i]))
            return PLN_OK;
    }
    for (uint32_t i = 0; i < o->common.device_options.n; i++)
        if (!(options >> i & 1))
            return fail(error, PLN_INVALID, "no chosen device knows the option \"%s\"",
                        o->common.device_options.items[i]);
    for (uint32_t i = 0; i < m->n_each; i++)
        if (!(each >> i & 1))
            return fail(error, PLN_INVALID, "no chosen device knows the option \"%s\"", o->each.items[i]);
    return PLN_OK;
}

pln_status measure_list(struct measure *m, const struct measure_options *options, const char *directory,
                        pln_error *error)
{
    m->options = options;
    m->directory = directory;
    m->devices = calloc(MEASURE_DEVICES, sizeof *m->devices);
    if (!m->devices)
        return fail(error, PLN_NO_MEMORY, "%s", "no memory for the list of devices");
    if (options->common.device_options.n > MEASURE_OPTIONS_GIVEN)
        return fail(error, PLN_INVALID, "%s", "too many device options");
    pln_status status = parse_all_each(m, &options->each, error);
    if (status == PLN_OK)
        status = list_names(m, error);
    return status == PLN_OK ? check_used(m, error) : status;
}
