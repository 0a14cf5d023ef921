/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione bench: speed of devices side by side.
 */
#include <string.h>

#include "cli/measure.h"

enum { MOST_SHAPES = 32 };

struct bench {
    const char *shapes, *lengths;
    double seconds;
    bool json;
    uint32_t shortest, longest; /* of --lengths; 0: all rows full */
    double roof;                /* GFLOP/s of the processor */
};

static const char *dtype_of(const pln_device_entry *entry)
{
    return entry->info.f32_bytes == 8 ? "f64" : "f32";
}

/* 0, or 1 when a rate is above what the processor can do. */
static int print_row(const struct bench *b, const struct measured_device *d, const struct cli_batch *batch,
                     const pln_model *model, uint32_t threads)
{
    const double best = measure_quantile(d, 0), median = measure_quantile(d, 0.5);
    const double gflops = cli_batch_flops(batch, model) / best / 1e9, tokens = (double)cli_batch_tokens(batch) / best;
    if (b->json)
        cli_print_json(json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:f,s:f,s:f,s:f}", "device", d->entry->name, "name",
                                 d->entry->info.name, "driver", d->entry->info.driver, "dtype", dtype_of(d->entry),
                                 "batch", (int)batch->batch, "seq", (int)batch->length, "threads", (int)threads,
                                 "best_ms", best * 1e3, "median_ms", median * 1e3, "gflops", gflops, "tokens_per_s",
                                 tokens));
    else
        printf("%-12s %-4s %4ux%-4u %10.3f %10.3f %9.1f %12.0f\n", d->entry->name, dtype_of(d->entry), batch->batch,
               batch->length, best * 1e3, median * 1e3, gflops, tokens);
    fflush(stdout);
    if (strcmp(d->entry->backend, "cpu") != 0 || gflops <= 1.05 * b->roof)
        return 0;
    fprintf(stderr,
            "pleione: %.1f GFLOP/s on cpu is more than the %.1f that the processor can do: the measurement is wrong\n",
            gflops, b->roof);
    return PLN_FAILED;
}

static int bench_shape(struct bench *b, struct measure *m, struct cli_shape shape, uint32_t threads, uint64_t seed)
{
    struct cli_batch batch;
    pln_error error = {.status = PLN_NO_MEMORY, .message = "no memory for a batch"};
    pln_status status = PLN_NO_MEMORY;
    if (b->shortest && (b->shortest > shape.length || b->longest < b->shortest))
        return cli_usage_error("lengths \"%s\" do not fit rows of %u tokens", b->lengths, shape.length);
    if (cli_batch_random(&batch, shape, b->shortest, (uint32_t)pln_model_number(m->model, "vocab_size"), seed))
        status = measure_run(m, &batch, b->seconds, &error);
    int code = status == PLN_OK ? 0 : cli_fail(&error);
    for (uint32_t i = 0; code == 0 && !cli_interrupted() && i < m->n; i++)
        code = print_row(b, &m->devices[i], &batch, m->model, threads);
    cli_batch_finish(&batch);
    return code == 0 && cli_interrupted() ? CLI_INTERRUPTED : code;
}

static int bench(struct bench *b, const struct cli_common *common, const char *directory)
{
    struct cli_shape shapes[MOST_SHAPES];
    uint32_t n;
    int used = 0;
    if (!cli_parse_shapes(b->shapes, shapes, MOST_SHAPES, &n))
        return PLN_INVALID;
    if (b->lengths &&
        (sscanf(b->lengths, "%9u-%9u%n", &b->shortest, &b->longest, &used) != 2 || b->lengths[used] || !b->shortest))
        return cli_usage_error("lengths \"%s\" are not like 16-128", b->lengths);
    struct measure m = {0};
    pln_error error;
    if (measure_open(&m, common, directory, (pln_session_options){0}, &error) != PLN_OK) {
        measure_close(&m);
        return cli_fail(&error);
    }
    const uint32_t threads = pln_runtime_threads(m.runtime);
    b->roof = cli_fma_gflops(threads);
    if (!b->json)
        printf("%-12s %-4s %9s %10s %10s %9s %12s   (roof of the processor: %.0f GFLOP/s, %u threads)\n", "device",
               "type", "shape", "best ms", "median ms", "GFLOP/s", "tokens/s", b->roof, threads);
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < n; i++)
        code = bench_shape(b, &m, shapes[i], threads, common->seed);
    measure_close(&m);
    const int written = cli_finish_output();
    return code ? code : written;
}

int cli_bench(int argc, char **argv)
{
    struct cli_common common = {0};
    struct bench b = {.shapes = "1x16,1x128,8x128", .seconds = 2};
    struct cli_list arguments = {0};
    struct cli_option options[CLI_COMMON_OPTIONS + 4];
    cli_common_options(&common, "--devices", options);
    const struct cli_option own[] = {
        {"--shapes", CLI_TEXT, &b.shapes, "LIST", "batch x tokens (default 1x16,1x128,8x128)"},
        {"--lengths", CLI_TEXT, &b.lengths, "A-B", "draw each row's length evenly; the shape gives batch and longest"},
        {"--seconds", CLI_SECONDS, &b.seconds, "S", "a device and shape (default 2)"},
        {"--json", CLI_FLAG, &b.json, NULL, "one JSON object a device and shape"},
    };
    memcpy(options + CLI_COMMON_OPTIONS, own, sizeof own);
    static const struct cli_usage usage = {
        .synopsis = "bench MODEL --devices LIST --shapes 1x16,8x128",
        .description = "Times the forward pass, devices in turn. GFLOP/s count the arithmetic of the encoder on real "
                       "tokens. On cpu a\n"
                       "rate above the measured multiply-add rate of the processor is an error.",
        .examples = "  pleione bench MODEL --devices cpu,vulkan --shapes 1x128,8x128 --json\n"
                    "  pleione bench MODEL --devices cpu --shapes 32x128 --lengths 16-128 --threads 2\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, CLI_COMMON_OPTIONS + 4, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1)
        return cli_usage_error("bench needs one MODEL directory");
    cli_catch_interrupt();
    return bench(&b, &common, arguments.items[0]);
}
