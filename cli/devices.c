/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione devices: what there is to run on; with --kernels also what each device's compiler made of an encoder layer,
 * with --dump-kernels what compilers are given.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {"?", "cpu", "integrated", "discrete", "other"};
    return names[kind <= PLN_KIND_OTHER ? kind : 0];
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

/* ---- an encoder layer of ELECTRA-small with weights of zero, for its kernels
 * ----------------------------------------------- */

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
                                (pln_linear_options){.name = "query_key_value"});
    pln_value *context = pln_attention(g, qkv, (pln_attention_options){.heads = HEADS, .starts = starts});
    pln_value *output = pln_linear(g, context, weight(g, "out", zeros, HIDDEN, HIDDEN, &tensors[2]),
                                   (pln_linear_options){.name = "output", .residual = x});
    output = pln_layer_norm(g, output, norm, norm, (pln_layer_norm_options){.eps = 1e-12f});
    pln_value *inner = pln_linear(g, output, weight(g, "in", zeros, INNER, HIDDEN, &tensors[3]),
                                  (pln_linear_options){.name = "intermediate", .activation = PLN_ACTIVATION_GELU});
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
        status = pln_schedule_kernels(schedule, 0, kernels, MOST_KERNELS, n, error);
    if (schedule)
        pln_schedule_destroy(&schedule);
    pln_devices_close(&devices);
    pln_graph_destroy(&graph);
    free(zeros);
    return status;
}

/* ---- printing
 * --------------------------------------------------------------------------------------------------------------- */

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

static void print_json(const pln_device_entry *e, const char *dtypes, const pln_kernel_info *kernels, uint32_t n)
{
    const bool usable = !(e->info.flags & PLN_DEVICE_UNUSABLE);
    json_t *object = json_pack(
        "{s:s,s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:o}", "device", e->name, "backend", e->backend,
        "backend_version", e->backend_version, "usable", usable, "name", e->info.name, "driver", e->info.driver,
        "version", e->info.version, "kind", kind_name(e->info.kind), "memory_bytes", (json_int_t)e->info.memory_bytes,
        "dtypes", dtypes, "reason", usable ? "" : e->info.reason, "options", options_json(e->info.options));
    if (kernels)
        cli_set_json(object, "kernels", kernels_json(kernels, n));
    cli_print_json(object);
}

static void print_text(const pln_device_entry *e, const char *dtypes, const pln_kernel_info *kernels, uint32_t n)
{
    if (e->info.flags & PLN_DEVICE_UNUSABLE) {
        printf("%-12s not usable: %s\n", e->name, e->info.reason);
        return;
    }
    printf("%-12s %s\n", e->name, e->info.name);
    printf("             %s, driver %s %s, %.1f GiB, %s\n", kind_name(e->info.kind), e->info.driver, e->info.version,
           (double)e->info.memory_bytes / (1u << 30), dtypes);
    for (const pln_option_info *o = e->info.options; o && o->key; o++)
        printf("             %s=%s  %s\n", o->key, o->values, o->help);
    for (uint32_t i = 0; i < n && kernels; i++)
        printf("             kernel %-40s %4u registers %4u spills %6u shared bytes, inverse throughput %llu\n",
               kernels[i].name, kernels[i].registers, kernels[i].spills, kernels[i].shared_bytes,
               (unsigned long long)kernels[i].inverse_throughput);
}

struct listing {
    bool json, kernels;
    const char *folder; /* of --dump-kernels */
    struct cli_common common;
};

/* "vulkan:1", or "vulkan" for all of them. */
static bool is_named(const pln_device_entry *e, const char *name)
{
    return strcmp(e->name, name) == 0 || strcmp(e->backend, name) == 0;
}

static pln_status print_devices(const struct listing *listing, pln_runtime *runtime, pln_error *error)
{
    const pln_device_entry *entries;
    uint32_t n;
    pln_status status = pln_runtime_devices(runtime, &entries, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        char dtypes[96];
        pln_kernel_info kernels[MOST_KERNELS];
        uint32_t n_kernels = 0;
        const bool wanted = listing->kernels && !(entries[i].info.flags & PLN_DEVICE_UNUSABLE);
        join_dtypes(entries[i].info.dtypes, dtypes, sizeof dtypes);
        if (listing->common.device && !is_named(&entries[i], listing->common.device))
            continue;
        if (listing->folder && !(entries[i].info.flags & PLN_DEVICE_UNUSABLE))
            status = cli_dump_kernels(runtime, &entries[i], &listing->common.device_options, listing->folder, error);
        if (status == PLN_OK && wanted)
            status = list_kernels(runtime, entries[i].name, &listing->common, kernels, &n_kernels, error);
        if (n_kernels > MOST_KERNELS)
            n_kernels = MOST_KERNELS;
        if (status == PLN_OK)
            (listing->json ? print_json : print_text)(&entries[i], dtypes, wanted ? kernels : NULL, n_kernels);
    }
    return status;
}

int cli_devices(int argc, char **argv)
{
    struct listing listing = {0};
    struct cli_list arguments = {0};
    const struct cli_option options[] = {
        {"--json", CLI_FLAG, &listing.json, NULL, "one JSON object a device"},
        {"--kernels", CLI_FLAG, &listing.kernels, NULL,
         "registers, spills, shared memory, inverse throughput of an encoder layer's kernels, where the driver tells"},
        {"--dump-kernels", CLI_TEXT, &listing.folder, "DIR",
         "write each program that a device can be asked for at the sizes of ELECTRA-small and -base; nothing runs"},
        {"--device", CLI_TEXT, &listing.common.device, "NAME", "only this device, or those of this backend"},
        {"--device-option", CLI_REPEATED, &listing.common.device_options, "[BACKEND.]KEY=VALUE",
         "option of a device, for --kernels and --dump-kernels"},
    };
    static const struct cli_usage usage = {
        .synopsis = "devices",
        .description = "The devices of each backend: name, driver, version, kind, memory, types, options; or why one "
                       "is not usable.",
        .examples = "  pleione devices\n  pleione devices --json --kernels\n"
                    "  pleione devices --device vulkan --dump-kernels kernels\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, sizeof options / sizeof *options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n)
        return cli_usage_error("devices takes no argument");
    pln_error error;
    pln_runtime *runtime = NULL;
    pln_status status = cli_open_runtime(&listing.common, &runtime, &error);
    if (status == PLN_OK)
        status = print_devices(&listing, runtime, &error);
    pln_runtime_destroy(&runtime);
    return status == PLN_OK ? cli_finish_output() : cli_fail(&error);
}
