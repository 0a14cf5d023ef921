/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione devices: what there is to run on; with --kernels also what each device's compiler made of an encoder layer,
 * with --dump-kernels what compilers are given.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/dump_kernels.h"
#include "cli/tables/table.h"
#include "cli/terminal.h"
#include "cli/worker.h"

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {"?", "cpu", "integrated", "discrete", "other"};
    return names[kind <= PLN_DEVICE_KIND_OTHER ? kind : 0];
}

static void join_dtypes(uint32_t mask, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 1; i < 32 && used < bytes; i++)
        if (mask & 1u << i)
            used +=
                (size_t)snprintf(text + used, bytes - used, "%s%s", used ? " " : "", pln_dtype_string((pln_dtype)i));
}

/* ---- an encoder layer of ELECTRA-small with weights of zero, for its kernels */

enum { HIDDEN = 256, INNER = 1024, HEADS = 4, TOKENS = 128, MOST_KERNELS = 64 };

static pln_value *weight(pln_graph *g, const char *name, const float *zeros, uint64_t rows, uint64_t width,
                         pln_tensor *tensor)
{
    *tensor = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = 2, .shape = {rows, width}, .data = zeros};
    const pln_tensor *part = tensor;
    return pln_graph_constant(g, name, &part, 1);
}

static pln_graph *layer_graph(const float *zeros, pln_tensor *tensors)
{
    pln_graph *g = pln_graph_create("encoder layer");
    if (!g)
        return NULL;
    const pln_dim tokens = pln_rows_of(pln_graph_symbol(g, "tokens"));
    const pln_dim starts_rows = {pln_graph_symbol(g, "batch"), 1, 1};
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens, HIDDEN);
    pln_value *starts = pln_graph_input(g, "starts", PLN_I32, starts_rows, 1);
    pln_value *norm = weight(g, "norm", zeros, 1, HIDDEN, &tensors[0]);
    pln_value *qkv = pln_linear(g, x, weight(g, "qkv", zeros, 3 * HIDDEN, HIDDEN, &tensors[1]),
                                PLN_OPTIONS(pln_linear_options, .name = "query_key_value"));
    pln_value *context = pln_attention(g, qkv, PLN_OPTIONS(pln_attention_options, .heads = HEADS, .starts = starts));
    pln_value *output = pln_linear(g, context, weight(g, "out", zeros, HIDDEN, HIDDEN, &tensors[2]),
                                   PLN_OPTIONS(pln_linear_options, .name = "output", .residual = x));
    output = pln_layer_norm(g, output, norm, norm, PLN_OPTIONS(pln_layer_norm_options, .eps = 1e-12f));
    pln_value *inner =
        pln_linear(g, output, weight(g, "in", zeros, INNER, HIDDEN, &tensors[3]),
                   PLN_OPTIONS(pln_linear_options, .name = "intermediate", .activation = PLN_ACTIVATION_GELU));
    pln_graph_output(g, "y", inner);
    return g;
}

static pln_status list_kernels(pln_runtime *runtime, const char *device, const struct cli_common *common,
                               pln_kernel_info *kernels, uint32_t *n, pln_error *error)
{
    float *zeros = calloc((size_t)INNER * HIDDEN, sizeof *zeros);
    pln_tensor tensors[4];
    pln_devices *devices = NULL;
    pln_schedule *schedule = NULL;
    pln_graph *graph = zeros ? layer_graph(zeros, tensors) : NULL;
    const uint32_t dims[] = {0, TOKENS, 1};
    pln_status status = pln_graph_finish(graph, error);
    if (status == PLN_OK)
        status =
            pln_devices_open(runtime, device, common->device_options.items, common->device_options.n, &devices, error);
    if (status == PLN_OK)
        status = pln_schedule_create(graph, devices, NULL, &schedule, error);
    if (status == PLN_OK)
        status = pln_schedule_prepare(schedule, dims, 3, error);
    if (status == PLN_OK)
        status = pln_schedule_kernels(schedule, 0, kernels, sizeof *kernels, MOST_KERNELS, n, error);
    if (schedule)
        pln_schedule_destroy(&schedule);
    pln_devices_close(&devices);
    pln_graph_destroy(&graph);
    free(zeros);
    return status;
}

/* ---- printing */

static json_t *kernels_json(const pln_kernel_info *kernels, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        cli_append_json(list, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "name", kernels[i].name, "registers",
                                        (json_int_t)kernels[i].registers, "spills", (json_int_t)kernels[i].spills,
                                        "shared_bytes", (json_int_t)kernels[i].shared_bytes, "subgroup",
                                        (json_int_t)kernels[i].subgroup, "inverse_throughput",
                                        (json_int_t)kernels[i].inverse_throughput));
    return list;
}

static json_t *options_json(const pln_option_info *options)
{
    json_t *object = json_object();
    for (; options && options->key; options++)
        cli_set_json(object, options->key, json_string(options->values));
    return object;
}

/* Which device it is to others, and what options come to. */
static void add_identity(json_t *object, const pln_device_info *info)
{
    char uuid[2 * sizeof info->uuid + 1] = "";
    json_t *usual = json_object();
    bool known = false;
    for (size_t i = 0; i < sizeof info->uuid; i++) {
        snprintf(uuid + 2 * i, 3, "%02x", info->uuid[i]);
        known |= info->uuid[i] != 0;
    }
    for (uint32_t i = 0; info->options && info->options[i].key; i++)
        if (info->option_values[i]->usual)
            cli_set_json(usual, info->options[i].key, json_string(info->option_values[i]->usual));
    cli_set_json(object, "uuid", json_string(known ? uuid : ""));
    cli_set_json(object, "pci", json_string(info->pci));
    cli_set_json(object, "free_bytes", json_integer((json_int_t)info->free_bytes));
    cli_set_json(object, "defaults", usual);
}

static void print_json(const pln_device_entry *e, const char *dtypes, const pln_kernel_info *kernels, uint32_t n)
{
    const bool usable = !(e->info.flags & PLN_DEVICE_FLAG_UNUSABLE);
    json_t *object = json_pack(
        "{s:s,s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:o}", "device", e->name, "backend", e->backend,
        "backend_version", e->backend_version, "usable", usable, "name", e->info.name, "driver", e->info.driver,
        "version", e->info.version, "kind", kind_name(e->info.kind), "memory_bytes", (json_int_t)e->info.memory_bytes,
        "dtypes", dtypes, "reason", usable ? "" : e->info.reason, "options", options_json(e->info.options));
    add_identity(object, &e->info);
    if (kernels)
        cli_set_json(object, "kernels", kernels_json(kernels, n));
    cli_print_json(object);
}

static const struct table_column kernel_columns[] = {
    {.key = "kernel", .title = "kernel", .fitted = true},
    {.key = "registers", .title = "registers", .type = TABLE_COUNT},
    {.key = "spills", .title = "spills", .type = TABLE_COUNT},
    {.key = "shared", .title = "shared", .unit = "B", .type = TABLE_COUNT},
    {.key = "inverse", .title = "inverse throughput", .type = TABLE_COUNT, .rank = 1},
};

static void print_kernels(const pln_kernel_info *kernels, uint32_t n, bool wide)
{
    struct table t = {0};
    table_add_columns(&t, kernel_columns, sizeof kernel_columns / sizeof *kernel_columns);
    for (uint32_t i = 0; i < n; i++) {
        table_add_row(&t);
        table_set_text(&t, "kernel", kernels[i].name);
        table_set_number(&t, "registers", kernels[i].registers);
        table_set_number(&t, "spills", kernels[i].spills);
        table_set_number(&t, "shared", kernels[i].shared_bytes);
        table_set_number(&t, "inverse", (double)kernels[i].inverse_throughput);
    }
    if (t.failed)
        fputs("pleione: no memory for the table of kernels\n", stderr);
    else
        table_print(stdout, &t, wide);
    table_finish(&t);
}

/* "NAME         what there is to say", later lines below the first one's text. */
static void print_beside(const char *left, const char *text)
{
    enum { INDENT = 13 };
    const size_t width = terminal_width(stdout) ? terminal_width(stdout) : SIZE_MAX;
    const int used = printf("%-*s ", INDENT - 1, left);
    terminal_fill(stdout, text, used > 0 ? (size_t)used : 0, INDENT, width);
}

static void print_text(const pln_device_entry *e, const char *dtypes, const pln_kernel_info *kernels, uint32_t n,
                       bool wide)
{
    char text[700];
    if (e->info.flags & PLN_DEVICE_FLAG_UNUSABLE) {
        snprintf(text, sizeof text, "not usable: %s", e->info.reason);
        print_beside(e->name, text);
        return;
    }
    print_beside(e->name, e->info.name);
    snprintf(text, sizeof text, "%s, driver %s %s, %.1f GiB, %s", kind_name(e->info.kind), e->info.driver,
             e->info.version, (double)e->info.memory_bytes / (1u << 30), dtypes);
    print_beside("", text);
    for (const pln_option_info *o = e->info.options; o && o->key; o++) {
        snprintf(text, sizeof text, "%s=%s: %s", o->key, o->values, o->help);
        print_beside("", text);
    }
    if (kernels && n)
        print_kernels(kernels, n, wide);
}

struct listing {
    bool json, kernels, wide;
    const char *folder; /* of --dump-kernels */
    struct cli_common common;
};

static void print_entry(const struct listing *listing, const pln_device_entry *e, const pln_kernel_info *kernels,
                        uint32_t n)
{
    char dtypes[96];
    join_dtypes(e->info.dtypes, dtypes, sizeof dtypes);
    if (listing->json)
        print_json(e, dtypes, kernels, n);
    else
        print_text(e, dtypes, kernels, n, listing->wide);
}

/* ---- a process for each backend, since a driver may end the one that it is loaded in */

enum { MOST_DEVICES = 32 };

struct names {
    uint32_t n;
    char names[MOST_DEVICES][sizeof((pln_device_entry *)0)->name];
};

/* What the process of a backend works on. */
struct asked {
    const struct listing *listing;
    const char *backend;
    pln_runtime *runtime;
    pln_device_entry entry; /* of the device that was looked at last, and what follows too */
    pln_kernel_info kernels[MOST_KERNELS];
    uint32_t n_kernels;
    bool has_kernels;
};

static pln_status list_entries(struct asked *asked, const pln_device_entry *const **entries, uint32_t *n,
                               pln_error *error)
{
    pln_status status = PLN_OK;
    if (!asked->runtime)
        status = cli_create_runtime(0, &asked->runtime, error);
    return status == PLN_OK ? pln_runtime_backend_devices(asked->runtime, asked->backend, entries, n, error) : status;
}

static pln_status list_names(void *context, void *argument, pln_error *error)
{
    struct names *names = argument;
    const pln_device_entry *const *entries;
    uint32_t n;
    const pln_status status = list_entries(context, &entries, &n, error);
    for (names->n = 0; status == PLN_OK && names->n < n && names->n < MOST_DEVICES; names->n++)
        snprintf(names->names[names->n], sizeof *names->names, "%s", entries[names->n]->name);
    return status;
}

/* A small product, so that a driver that lists its device but cannot compile or run says so here; a device that takes
 * none is not worse for it. */
static pln_status try_device(pln_runtime *runtime, const char *device, pln_error *error)
{
    enum { SIZE = 8 };
    static const float weight[SIZE * SIZE], x[SIZE];
    float y[SIZE];
    const pln_tensor tensor = {.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {SIZE, SIZE}, .data = weight};
    const pln_tensor *part = &tensor;
    const uint32_t dims[] = {0, 1};
    const pln_binding input = {"x", (void *)(uintptr_t)x}, output = {"y", y};
    pln_devices *devices = NULL;
    pln_schedule *schedule = NULL;
    pln_graph *g = pln_graph_create("trial");
    const pln_dim rows = pln_rows_of(pln_graph_symbol(g, "rows"));
    pln_graph_output(g, "y",
                     pln_linear(g, pln_graph_input(g, "x", PLN_F32, rows, SIZE), pln_graph_constant(g, "w", &part, 1),
                                PLN_OPTIONS(pln_linear_options, .name = "product")));
    pln_status status = pln_graph_finish(g, error);
    if (status == PLN_OK)
        status = pln_devices_open(runtime, device, NULL, 0, &devices, error);
    if (status == PLN_OK)
        status = pln_schedule_create(g, devices, NULL, &schedule, error);
    if (status == PLN_OK)
        status = pln_schedule_run(schedule, dims, 2, &input, 1, &output, 1, error);
    if (schedule)
        pln_schedule_destroy(&schedule);
    pln_devices_close(&devices);
    pln_graph_destroy(&g);
    return status;
}

/* All that takes time: what is written while somebody waits would stand in the line that says so. */
static pln_status look_at_device(void *context, void *argument, pln_error *error)
{
    struct asked *asked = context;
    const struct listing *listing = asked->listing;
    const pln_device_entry *const *entries;
    uint32_t n;
    pln_status status = list_entries(asked, &entries, &n, error);
    if (status != PLN_OK)
        return status;
    pln_device_entry *e = &asked->entry;
    *e = *entries[*(uint32_t *)argument];
    asked->n_kernels = 0;
    asked->has_kernels = listing->kernels && !(e->info.flags & PLN_DEVICE_FLAG_UNUSABLE);
    if (e->info.flags & PLN_DEVICE_FLAG_UNUSABLE)
        return PLN_OK;
    if (listing->folder)
        status = cli_dump_kernels(asked->runtime, e, &listing->common.device_options, listing->folder, error);
    if (status == PLN_OK && listing->kernels)
        status = list_kernels(asked->runtime, e->name, &listing->common, asked->kernels, &asked->n_kernels, error);
    if (!listing->folder && !listing->kernels && try_device(asked->runtime, e->name, error) != PLN_OK) {
        e->info.flags |= PLN_DEVICE_FLAG_UNUSABLE;
        snprintf(e->info.reason, sizeof e->info.reason, "%.255s", error->message);
    }
    return status;
}

static pln_status print_device(void *context, void *argument, pln_error *error)
{
    const struct asked *asked = context;
    (void)argument;
    print_entry(asked->listing, &asked->entry, asked->has_kernels ? asked->kernels : NULL,
                asked->n_kernels < MOST_KERNELS ? asked->n_kernels : MOST_KERNELS);
    return cli_flush_output(error);
}

static void print_lost(const struct asked *asked, const char *name, const pln_error *why)
{
    pln_device_entry e = {.info.flags = PLN_DEVICE_FLAG_UNUSABLE};
    snprintf(e.name, sizeof e.name, "%s", name);
    snprintf(e.backend, sizeof e.backend, "%s", asked->backend);
    snprintf(e.info.reason, sizeof e.info.reason, "%.255s", why->message);
    print_entry(asked->listing, &e, NULL, 0);
}

/* Asks the process of the backend, a new one if the last ended. *lost: it ended, and why is in the record. */
static pln_status ask(struct asked *asked, struct worker *w, worker_task *task, void *argument, size_t bytes,
                      bool *lost, pln_error *error)
{
    pln_status status = w->pid ? PLN_OK : worker_start(w, asked, error);
    if (status == PLN_OK)
        status = worker_ask(w, task, argument, bytes, error);
    *lost = status != PLN_OK && !w->pid;
    return *lost ? PLN_OK : status;
}

/* "vulkan:1"; "vulkan" for all of them; "vulkan:0" also where it is the only one. */
static bool is_named(const struct asked *asked, const struct names *names, uint32_t i)
{
    const char *wanted = asked->listing->common.device;
    char numbered[sizeof *names->names + 8];
    snprintf(numbered, sizeof numbered, "%s:%u", asked->backend, i);
    return !wanted || strcmp(wanted, asked->backend) == 0 || strcmp(wanted, names->names[i]) == 0 ||
           strcmp(wanted, numbered) == 0;
}

static pln_status print_backend(struct asked *asked, bool *found, pln_error *error)
{
    struct worker w = {0};
    struct names names = {0};
    bool lost;
    cli_wait_begin(false, "looking at %s", asked->backend);
    pln_status status = ask(asked, &w, list_names, &names, sizeof names, &lost, error);
    cli_wait_end();
    if (lost)
        print_lost(asked, asked->backend, error);
    *found |= lost;
    for (uint32_t i = 0; status == PLN_OK && i < names.n; i++) {
        if (!is_named(asked, &names, i))
            continue;
        *found = true;
        cli_wait_begin(false, "looking at %s", names.names[i]);
        status = ask(asked, &w, look_at_device, &i, sizeof i, &lost, error);
        cli_wait_end();
        if (status == PLN_OK && !lost)
            status = ask(asked, &w, print_device, &i, sizeof i, &lost, error);
        if (lost)
            print_lost(asked, names.names[i], error);
    }
    worker_end(&w);
    return status;
}

static pln_status print_devices(const struct listing *listing, pln_error *error)
{
    const char *wanted = listing->common.device, *name;
    const pln_runtime_options alone = {.size = sizeof alone, .threads = 1};
    pln_runtime *runtime = NULL; /* for names only: it loads nothing and says nothing */
    bool found = false;
    pln_status status = pln_runtime_create(&alone, &runtime, error);
    for (uint32_t i = 0; status == PLN_OK && (name = pln_runtime_backend(runtime, i)); i++) {
        struct asked asked = {.listing = listing, .backend = name};
        if (!wanted || (strncmp(wanted, name, strlen(name)) == 0 && strchr(":", wanted[strlen(name)])))
            status = print_backend(&asked, &found, error);
    }
    pln_runtime_destroy(&runtime);
    if (status == PLN_OK && !found) {
        *error = (pln_error){.status = PLN_NO_DEVICE, .node = -1};
        snprintf(error->message, sizeof error->message, "no device %.60s; `pleione devices` lists them", wanted);
        status = PLN_NO_DEVICE;
    }
    return status;
}

int cli_devices(int argc, char **argv)
{
    static struct listing listing;
    static struct cli_list arguments;
    const struct cli_option rows[] = {
        {"--json", CLI_FLAG, &listing.json, NULL, "one JSON object a device"},
        {"--wide", CLI_FLAG, &listing.wide, NULL, CLI_WIDE_HELP},
        {"--kernels", CLI_FLAG, &listing.kernels, NULL,
         "registers, spills, shared memory, inverse throughput of an encoder layer's kernels, where the driver tells"},
        {"--dump-kernels", CLI_TEXT, &listing.folder, "DIR",
         "write each program that a device can be asked for at the sizes of ELECTRA-small and -base; nothing runs"},
        {"--device", CLI_TEXT, &listing.common.device, "NAME", "only this device, or those of this backend"},
        {"--device-option", CLI_REPEATED, &listing.common.device_options, "[BACKEND.]KEY=VALUE",
         "option of a device, for --kernels and --dump-kernels"},
    };
    struct cli_options options = {0};
    cli_add_options(&options, rows, sizeof rows / sizeof *rows);
    static const struct cli_usage usage = {
        .synopsis = "devices",
        .description = "The devices of each backend: name, driver, version, kind, memory, types, options; or why one "
                       "is not usable.",
        .examples = "  pleione devices\n  pleione devices --json --kernels\n"
                    "  pleione devices --device vulkan --dump-kernels kernels\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n)
        return cli_usage_error("devices takes no argument");
    if (listing.common.device_options.n && !listing.kernels && !listing.folder)
        return cli_usage_error("devices takes --device-option beside --kernels or --dump-kernels only");
    pln_error error;
    cli_catch_interrupt();
    const pln_status status = print_devices(&listing, &error);
    if (cli_interrupted())
        return CLI_INTERRUPTED;
    return status == PLN_OK ? cli_finish_output() : cli_fail(&error);
}
