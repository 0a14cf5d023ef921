/* SPDX-License-Identifier: Apache-2.0
 *
 * From the list of devices, --device-option and --each to open rows: which device takes which option.
 */
#include "cli/measure.h"

#include <stdlib.h>
#include <string.h>

static pln_status fail(pln_error *error, pln_status status, const char *sentence, const char *what)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, sentence, what);
    return status;
}

/* ---- what a row is made of */

/* Which of the user's --device-option and --each were of use to some device. */
struct used {
    bool options[CLI_LIST], each[MEASURE_EACH];
};

void measure_each_option(struct measure_options *options, struct cli_option *option)
{
    *option = (struct cli_option){"--each", CLI_REPEATED, &options->each, "KEY=A,B,C",
                                  "a row for each value: threads=1,2 or an option of a device; repeatable"};
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

static pln_status parse_all_each(struct measure *m, const struct cli_list *list, pln_error *error)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (m->n_each == MEASURE_EACH || !parse_each(list->items[i], &m->each[m->n_each]))
            return fail(error, PLN_INVALID, "option --each: \"%s\" is not KEY=A,B,C", list->items[i]);
        const struct measure_each *each = &m->each[m->n_each++];
        for (uint32_t j = 0; strcmp(each->key, "threads") == 0 && j < each->n; j++)
            if (strtoul(each->values[j], NULL, 10) - 1 > 1023)
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
        return info->flags & PLN_DEVICE_HOST_MEMORY;
    snprintf(option, sizeof option, "%s=", key);
    return for_device(option, name) && knows(info, option);
}

/* ---- opening */

static pln_status team_of(struct measure *m, const struct measure_options *options, uint32_t threads,
                          const char *directory, const struct measured_team **team, pln_error *error)
{
    for (uint32_t i = 0; i < m->n_teams; i++)
        if (m->teams[i].threads == threads) {
            *team = &m->teams[i];
            return PLN_OK;
        }
    if (m->n_teams == MEASURE_TEAMS)
        return fail(error, PLN_INVALID, "%s", "too many numbers of threads side by side");
    struct measured_team *t = &m->teams[m->n_teams++];
    struct cli_common common = options->common;
    const pln_model_options model_options = {.seed = common.seed};
    common.threads = t->threads = threads;
    pln_status status = cli_open_runtime(&common, &t->runtime, error);
    if (status == PLN_OK)
        status = pln_model_open(t->runtime, directory, &model_options, &t->model, error);
    *team = t;
    return status;
}

/* The last one counts, as for the device. */
static bool asks_for_bf16(const struct cli_list *options)
{
    bool asked = false;
    for (uint32_t i = 0; i < options->n; i++) {
        const char *dot = strchr(options->items[i], '.'), *option = dot ? dot + 1 : options->items[i];
        asked = strncmp(option, "math=", 5) == 0 ? strcmp(option, "math=bf16") == 0 : asked;
    }
    return asked;
}

/* A row: the device with the options that it knows, and value number `combination` of each --each that it takes. */
static pln_status open_row(struct measure *m, const struct measure_options *options, const struct cli_common *common,
                           const char *name, const pln_device_info *info, uint32_t combination, const char *directory,
                           pln_error *error)
{
    char settings[MEASURE_EACH][72];
    struct cli_common own = *common;
    own.device = name;
    if (m->n_places == MEASURE_DEVICES)
        return fail(error, PLN_INVALID, "%s", "too many devices side by side");
    struct measured_place *place = &m->places[m->n_places++];
    snprintf(place->device, sizeof place->device, "%s", name);
    place->combination = combination;
    if (m->scope == MEASURE_LIST || (m->scope == MEASURE_ONE && combination != m->only))
        return PLN_OK;
    struct measured_device *d = &m->devices[m->n++];
    snprintf(d->label, sizeof d->label, "%s", name);
    for (uint32_t i = 0; i < m->n_each; i++) {
        const struct measure_each *each = &m->each[i];
        if (!takes_each(info, name, each->key))
            continue;
        snprintf(settings[i], sizeof settings[i], "%s=%s", each->key, each->values[combination % each->n]);
        const size_t used = strlen(d->label);
        snprintf(d->label + used, sizeof d->label - used, " %s", settings[i]);
        if (strcmp(each->key, "threads") == 0)
            own.threads = (uint32_t)strtoul(each->values[combination % each->n], NULL, 10);
        else if (own.device_options.n < CLI_LIST)
            own.device_options.items[own.device_options.n++] = settings[i];
        combination /= each->n;
    }
    d->bf16 = asks_for_bf16(&own.device_options);
    pln_status status = team_of(m, options, own.threads, directory, &d->team, error);
    if (status != PLN_OK)
        return status;
    struct cli_model one = {.runtime = d->team->runtime, .model = d->team->model};
    status = cli_open(&own, directory, options->session, &one, error);
    d->devices = one.devices;
    d->session = one.session;
    d->entry = status == PLN_OK ? pln_devices_entry(d->devices, 0) : NULL;
    return status;
}

/* The rows of a device, which is opened once to ask what it knows. */
static pln_status open_name(struct measure *m, const struct measure_options *options, const char *name,
                            const char *directory, struct used *used, pln_error *error)
{
    struct cli_common own = options->common;
    pln_devices *probe;
    pln_status status = pln_devices_open(m->teams[0].runtime, name, NULL, 0, &probe, error);
    if (status != PLN_OK)
        return status;
    const pln_device_info info = pln_devices_entry(probe, 0)->info;
    pln_devices_close(&probe);
    own.device_options.n = 0;
    for (uint32_t i = 0; i < options->common.device_options.n; i++) {
        const char *option = options->common.device_options.items[i];
        if (!for_device(option, name) || !knows(&info, option))
            continue;
        own.device_options.items[own.device_options.n++] = option;
        used->options[i] = true;
    }
    uint32_t rows = 1;
    for (uint32_t i = 0; i < m->n_each; i++)
        if (takes_each(&info, name, m->each[i].key)) {
            used->each[i] = true;
            rows *= m->each[i].n;
        }
    for (uint32_t i = 0; status == PLN_OK && i < rows; i++)
        status = open_row(m, options, &own, name, &info, i, directory, error);
    return status;
}

static pln_status open_all(struct measure *m, const struct measure_options *options, const char *directory,
                           struct used *used, pln_error *error)
{
    const pln_device_entry *entries;
    uint32_t n;
    pln_status status = pln_runtime_devices(m->teams[0].runtime, &entries, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        if (!(entries[i].info.flags & PLN_DEVICE_UNUSABLE))
            status = open_name(m, options, entries[i].name, directory, used, error);
    return status;
}

static pln_status open_list(struct measure *m, const struct measure_options *options, const char *directory,
                            struct used *used, pln_error *error)
{
    const char *list = options->common.device;
    if (!list || strcmp(list, "all") == 0)
        return open_all(m, options, directory, used, error);
    pln_status status = PLN_OK;
    for (const char *s = list; status == PLN_OK; s++) {
        char name[64];
        const size_t length = strcspn(s, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, s);
        status = open_name(m, options, name, directory, used, error);
        s += length;
        if (!*s)
            break;
    }
    return status;
}

static pln_status check_used(const struct measure *m, const struct measure_options *options, const struct used *used,
                             pln_error *error)
{
    for (uint32_t i = 0; i < options->common.device_options.n; i++)
        if (!used->options[i])
            return fail(error, PLN_INVALID, "no chosen device knows the option \"%s\"",
                        options->common.device_options.items[i]);
    for (uint32_t i = 0; i < m->n_each; i++)
        if (!used->each[i])
            return fail(error, PLN_INVALID, "no chosen device knows the option \"%s\"", options->each.items[i]);
    return PLN_OK;
}

pln_status measure_open(struct measure *m, const struct measure_options *options, const char *directory,
                        pln_error *error)
{
    struct used used = {0};
    const struct measured_team *first;
    m->devices = calloc(MEASURE_DEVICES, sizeof *m->devices);
    if (!m->devices)
        return fail(error, PLN_NO_MEMORY, "%s", "no memory for the list of devices");
    pln_status status = parse_all_each(m, &options->each, error);
    if (status == PLN_OK)
        status = team_of(m, options, options->common.threads, directory, &first, error);
    if (status == PLN_OK)
        status = open_list(m, options, directory, &used, error);
    if (status == PLN_OK && m->scope != MEASURE_ONE)
        status = check_used(m, options, &used, error);
    return status;
}

void measure_close(struct measure *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        pln_session_destroy(&m->devices[i].session);
        pln_devices_close(&m->devices[i].devices);
    }
    for (uint32_t i = 0; i < m->n_teams; i++) {
        pln_model_close(&m->teams[i].model);
        pln_runtime_destroy(&m->teams[i].runtime);
    }
    free(m->devices);
    *m = (struct measure){0};
}
