/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione estimate: exact bytes of a batch on each device, before anything is allocated.
 */
#include <limits.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/learning.h"
#include "cli/tables/table.h"

enum { MOST_BATCH = 1 << 20 };

struct estimate {
    pln_head head;
    uint32_t batch, length;
    bool json, train, pretrain, recompute, wide;
    const char *sharing, *objective; /* of pre-training */
    double mask_prob;
    uint64_t flops; /* of the batch */
};

/* Whether it is of steps, which have a largest batch. */
static bool steps(const struct estimate *e)
{
    return e->train || e->pretrain;
}

static uint64_t total_bytes(const pln_memory *m)
{
    return m->arena_bytes + m->scratch_bytes + m->constant_bytes + m->state_bytes;
}

static double mib(uint64_t bytes)
{
    return (double)bytes / (1u << 20);
}

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 10, .fitted = true},
    {.key = "weights", .title = "weights", .unit = "MiB", .type = TABLE_NUMBER, .digits = 2},
    {.key = "arena", .title = "arena", .unit = "MiB", .type = TABLE_NUMBER, .digits = 2, .width = 10},
    {.key = "scratch", .title = "scratch", .unit = "MiB", .type = TABLE_NUMBER, .digits = 2, .rank = 2},
    {.key = "state", .title = "state", .unit = "MiB", .type = TABLE_NUMBER, .digits = 2, .rank = 1},
    {.key = "together", .title = "together", .unit = "MiB", .type = TABLE_NUMBER, .digits = 2},
    {.key = "largest", .title = "largest batch", .type = TABLE_COUNT},
};

/* largest: the batch that still fits, for training. */
static void print_json(const struct estimate *e, const char *device, const pln_memory *m, uint32_t largest)
{
    json_t *line =
        json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "device", device, "batch", (json_int_t)e->batch, "seq",
                  (json_int_t)e->length, "arena_bytes", (json_int_t)m->arena_bytes, "scratch_bytes",
                  (json_int_t)m->scratch_bytes, "constant_bytes", (json_int_t)m->constant_bytes, "state_bytes",
                  (json_int_t)m->state_bytes, "total_bytes", (json_int_t)total_bytes(m), "flops", (json_int_t)e->flops);
    if (steps(e))
        json_object_set_new(line, "largest_batch", json_integer(largest));
    cli_print_json(line);
}

static void add_memory(const struct estimate *e, struct table *t, const char *device, const pln_memory *m,
                       uint32_t largest)
{
    table_add_row(t);
    table_set_text(t, "device", device);
    table_set_number(t, "weights", mib(m->constant_bytes));
    table_set_number(t, "arena", mib(m->arena_bytes));
    table_set_number(t, "scratch", mib(m->scratch_bytes));
    table_set_number(t, "state", mib(m->state_bytes));
    table_set_number(t, "together", mib(total_bytes(m)));
    if (steps(e))
        table_set_number(t, "largest", largest);
}

/* The memory of device i for a batch: of the session's forward pass, or of the trainer's steps. */
struct planner {
    const struct cli_model *m;
    pln_trainer *trainer; /* NULL: forward */
    uint32_t length;
};

static pln_status plan_memory(const struct planner *p, uint32_t batch, uint32_t device, pln_memory *memory,
                              pln_error *error)
{
    uint32_t dims[64], n_dims;
    if (p->trainer)
        return pln_trainer_estimate(p->trainer, batch, p->length, device, memory, error);
    const pln_status status = pln_session_prepare(p->m->session, batch, p->length, dims, &n_dims, error);
    return status == PLN_OK
               ? pln_schedule_estimate(pln_session_schedule(p->m->session), dims, n_dims, device, memory, error)
               : status;
}

static pln_status count_flops(const struct planner *p, uint32_t batch, uint64_t *flops, pln_error *error)
{
    uint32_t dims[64], n_dims;
    if (p->trainer)
        return pln_trainer_flops(p->trainer, batch, p->length, flops, error);
    const pln_status status = pln_session_prepare(p->m->session, batch, p->length, dims, &n_dims, error);
    return status == PLN_OK ? pln_schedule_flops(pln_session_schedule(p->m->session), dims, n_dims, flops, error)
                            : status;
}

/* The largest batch that fits the device's memory; 0 if not even one does. */
static pln_status find_largest(const struct planner *p, uint32_t device, uint64_t room, uint32_t *largest,
                               pln_error *error)
{
    uint32_t fits = 0, fails = MOST_BATCH;
    pln_status status = PLN_OK;
    for (uint32_t batch = 1; status == PLN_OK && fails - fits > 1;) {
        pln_memory memory = {.size = sizeof memory};
        status = plan_memory(p, batch, device, &memory, error);
        const bool good = status == PLN_OK && total_bytes(&memory) <= room;
        *(good ? &fits : &fails) = batch;
        batch = fails == MOST_BATCH ? 2 * batch : fits + (fails - fits) / 2;
    }
    *largest = fits;
    return status;
}

static pln_status tell_devices(const struct estimate *e, const struct planner *p, struct table *t, pln_error *error)
{
    const pln_devices *devices = p->m->devices;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && pln_devices_entry(devices, i); i++) {
        const pln_device_entry *entry = pln_devices_entry(devices, i);
        pln_memory memory = {.size = sizeof memory};
        uint32_t largest = 0;
        status = plan_memory(p, e->batch, i, &memory, error);
        if (status == PLN_OK && steps(e) && i < pln_devices_count(devices))
            status = find_largest(p, i, entry->info.memory_bytes, &largest, error);
        if (status != PLN_OK || (i >= pln_devices_count(devices) && !memory.constant_bytes && !memory.scratch_bytes))
            continue;
        if (e->json)
            print_json(e, entry->name, &memory, largest);
        else
            add_memory(e, t, entry->name, &memory, largest);
    }
    return status;
}

static pln_status print_devices(struct estimate *e, const struct planner *p, pln_error *error)
{
    struct table t = {0};
    table_add_columns(&t, columns, sizeof columns / sizeof *columns - !steps(e));
    pln_status status = count_flops(p, e->batch, &e->flops, error);
    if (status == PLN_OK)
        status = tell_devices(e, p, &t, error);
    if (t.failed) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the table"};
        status = error->status;
    }
    if (t.n_rows && status == PLN_OK)
        table_print(stdout, &t, e->wide);
    if (t.n_rows && status == PLN_OK && steps(e))
        printf("A step is %.3f GFLOP of arithmetic.\n", (double)e->flops / 1e9);
    table_finish(&t);
    return status;
}

static pln_trainer_options options_of(const struct estimate *e, const struct cli_common *common)
{
    pln_trainer_options training = PLN_TRAINER_DEFAULTS;
    training.head = e->head;
    training.recompute = e->recompute;
    training.accumulate = 1;
    training.semantics = common->semantics;
    return training;
}

static pln_status open_half(const struct cli_model *m, const char *directory, const char *half, pln_model **model,
                            pln_error *error)
{
    char path[PATH_MAX];
    const pln_model_options options = {.size = sizeof options, .random_weights = true};
    snprintf(path, sizeof path, "%s/%s", directory, half);
    return pln_model_open(m->runtime, path, &options, model, error);
}

/* Of both halves in a folder, as pretrain makes it. */
static pln_status estimate_halves(struct estimate *e, const struct cli_common *common, const char *directory,
                                  pln_error *error)
{
    struct cli_model m = {0};
    struct planner p = {.m = &m, .length = e->length};
    pln_model *generator = NULL, *discriminator = NULL;
    const pln_trainer_options training = options_of(e, common);
    pln_pretraining_options halves = {
        .size = sizeof halves, .masked_lm_only = strcmp(e->objective, "mlm") == 0, .mask_probability = e->mask_prob};
    pln_sharing_find(halves.masked_lm_only ? "none" : e->sharing, &halves.sharing);
    pln_status status = cli_open_devices(common, &m, error);
    if (status == PLN_OK)
        status = open_half(&m, directory, "generator", &generator, error);
    if (status == PLN_OK && !halves.masked_lm_only)
        status = open_half(&m, directory, "discriminator", &discriminator, error);
    if (status == PLN_OK)
        status = pln_trainer_create_pretraining(generator, discriminator ? discriminator : generator, m.devices,
                                                &training, &halves, &p.trainer, error);
    if (status == PLN_OK)
        status = print_devices(e, &p, error);
    pln_trainer_destroy(&p.trainer);
    pln_model_close(&discriminator);
    pln_model_close(&generator);
    cli_close(&m);
    return status;
}

static pln_status estimate(struct estimate *e, const struct cli_common *common, const char *directory, pln_error *error)
{
    struct cli_model m = {0};
    struct planner p = {.m = &m, .length = e->length};
    const pln_trainer_options training = options_of(e, common);
    pln_status status = cli_open_model(common, directory, true, &m, error);
    if (status == PLN_OK)
        status = cli_open(common, directory, PLN_OPTIONS(pln_session_options, .head = e->head), &m, error);
    if (status == PLN_OK && e->train)
        status = pln_trainer_create(m.model, m.devices, &training, &p.trainer, error);
    if (status == PLN_OK)
        status = print_devices(e, &p, error);
    pln_trainer_destroy(&p.trainer);
    cli_close(&m);
    return status;
}

int cli_estimate(int argc, char **argv)
{
    static struct cli_common common;
    struct estimate e = {.sharing = "embeddings", .objective = "rtd", .mask_prob = 0.15};
    static struct cli_list arguments;
    struct cli_options options = {0};
    cli_common_options(&common, "--device", &options);
    const struct cli_option own[] = {
        {"--head", CLI_HEAD, &e.head, "H", "as in `pleione forward` (default: the config's)"},
        {"-b", CLI_UNSIGNED, &e.batch, "B", "sequences"},
        {"-s", CLI_UNSIGNED, &e.length, "S", "tokens each"},
        {"--train", CLI_FLAG, &e.train, NULL, "of a step of training, and the largest batch that fits"},
        {"--pretrain", CLI_FLAG, &e.pretrain, NULL,
         "the same of pre-training; MODEL has discriminator/ and generator/, as --out and --init of `pleione "
         "pretrain`"},
        {"--sharing", CLI_WORD, &e.sharing, "embeddings|none|all", "as in `pleione pretrain` (default embeddings)"},
        {"--objective", CLI_WORD, &e.objective, "rtd|mlm", "as in `pleione pretrain` (default rtd)"},
        {"--mask-prob", CLI_PORTION, &e.mask_prob, "P", "as in `pleione pretrain` (default 0.15)"},
        {"--recompute", CLI_FLAG, &e.recompute, NULL, "as in `pleione train`"},
        {"--json", CLI_FLAG, &e.json, NULL, "one JSON object a device"},
        {"--wide", CLI_FLAG, &e.wide, NULL, CLI_WIDE_HELP},
    };
    cli_add_options(&options, own, sizeof own / sizeof *own);
    static const struct cli_usage usage = {
        .synopsis = "estimate MODEL -b B -s S",
        .description = "Exact bytes on each device that a batch of B sequences of S tokens takes: packed weights, "
                       "arena, scratch; with --json, and of a step, its arithmetic too.\n"
                       "Nothing is allocated; the model directory may lack its weights.",
        .examples = "  pleione estimate models/electra-tiny-discriminator -b 8 -s 128 --device vulkan\n"
                    "  pleione estimate run --pretrain -b 128 -s 128\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1 || !e.batch || !e.length)
        return cli_usage_error("estimate needs one MODEL directory, -b B and -s S");
    if (e.train && e.pretrain)
        return cli_usage_error("--train and --pretrain are estimated one at a time");
    pln_error error;
    if ((e.pretrain ? estimate_halves : estimate)(&e, &common, arguments.items[0], &error) != PLN_OK)
        return cli_fail(&error);
    return cli_finish_output();
}
