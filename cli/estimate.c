/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione estimate: exact bytes of a batch on each device, before anything is allocated.
 */
#include <string.h>

#include "cli/cli.h"

struct estimate {
    const char *head;
    uint32_t batch, length;
    bool json;
};

static double mib(uint64_t bytes)
{
    return (double)bytes / (1u << 20);
}

static void print_memory(const struct estimate *e, const char *device, const pln_memory *m)
{
    const uint64_t total = m->arena_bytes + m->scratch_bytes + m->constant_bytes + m->state_bytes;
    if (e->json)
        cli_print_json(json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "device", device, "batch", (json_int_t)e->batch,
                                 "seq", (json_int_t)e->length, "arena_bytes", (json_int_t)m->arena_bytes,
                                 "scratch_bytes", (json_int_t)m->scratch_bytes, "constant_bytes",
                                 (json_int_t)m->constant_bytes, "state_bytes", (json_int_t)m->state_bytes,
                                 "total_bytes", (json_int_t)total));
    else
        printf("%-12s weights %9.2f MiB  arena %9.2f MiB  scratch %9.2f MiB  state %9.2f MiB  together %9.2f MiB\n",
               device, mib(m->constant_bytes), mib(m->arena_bytes), mib(m->scratch_bytes), mib(m->state_bytes),
               mib(total));
}

static pln_status estimate(const struct estimate *e, const struct cli_common *common, const char *directory,
                           pln_head head, pln_error *error)
{
    struct cli_model m = {0};
    uint32_t dims[64], n_dims;
    const pln_model_options options = {.seed = common->seed, .without_weights = true};
    pln_status status = cli_open_runtime(common, &m.runtime, error);
    if (status == PLN_OK)
        status = pln_model_open(m.runtime, directory, &options, &m.model, error);
    if (status == PLN_OK)
        status = cli_open(common, directory, (pln_session_options){.head = head}, &m, error);
    if (status == PLN_OK)
        status = pln_session_prepare(m.session, e->batch, e->length, dims, &n_dims, error);
    for (uint32_t i = 0; status == PLN_OK && pln_devices_entry(m.devices, i); i++) {
        pln_memory memory;
        status = pln_schedule_estimate(pln_session_schedule(m.session), dims, n_dims, i, &memory, error);
        const bool listed = i < pln_devices_count(m.devices);
        if (status == PLN_OK && (listed || memory.constant_bytes || memory.scratch_bytes))
            print_memory(e, pln_devices_entry(m.devices, i)->name, &memory);
    }
    cli_close(&m);
    return status;
}

int cli_estimate(int argc, char **argv)
{
    struct cli_common common = {0};
    struct estimate e = {0};
    struct cli_list arguments = {0};
    struct cli_option options[CLI_COMMON_OPTIONS + 4];
    cli_common_options(&common, "--device", options);
    const struct cli_option own[] = {
        {"--head", CLI_TEXT, &e.head, "H", "as in `pleione forward` (default: the config's)"},
        {"-b", CLI_UNSIGNED, &e.batch, "B", "sequences"},
        {"-s", CLI_UNSIGNED, &e.length, "S", "tokens each"},
        {"--json", CLI_FLAG, &e.json, NULL, "one JSON object a device"},
    };
    memcpy(options + CLI_COMMON_OPTIONS, own, sizeof own);
    static const struct cli_usage usage = {
        .synopsis = "estimate MODEL -b B -s S",
        .description = "Exact bytes on each device that a batch of B sequences of S tokens takes: packed weights, "
                       "arena, scratch.\n"
                       "Nothing is allocated; the model directory may lack its weights.",
        .examples = "  pleione estimate models/electra-tiny-discriminator -b 8 -s 128 --device vulkan\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, CLI_COMMON_OPTIONS + 4, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1 || !e.batch || !e.length)
        return cli_usage_error("estimate needs one MODEL directory, -b B and -s S");
    pln_head head = PLN_HEAD_DEFAULT;
    if (e.head && !pln_head_find(e.head, &head))
        return cli_usage_error("no head \"%s\"", e.head);
    pln_error error;
    if (estimate(&e, &common, arguments.items[0], head, &error) != PLN_OK)
        return cli_fail(&error);
    return cli_finish_output();
}
