/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione bench: speed of devices side by side; what the host costs; what memory it takes; where the time goes.
 */
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/measuring/bench.h"

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 9},
    {.key = "dtype", .title = "type", .rank = 3},
    {.key = "shape", .title = "shape", .width = 9},
    {.key = "first_ms", .title = "first", .unit = "ms", .type = TABLE_NUMBER, .digits = 1, .width = 9, .rank = 2},
    {.key = "best_ms", .title = "best", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .width = 10},
    {.key = "median_ms", .title = "median", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .width = 10, .rank = 1},
    {.key = "tokens_per_s", .title = "tokens/s", .type = TABLE_NUMBER, .width = 9},
    {.key = "gflops", .title = "GFLOP/s", .type = TABLE_NUMBER, .digits = 1, .width = 7, .rank = 4},
    {.key = "of_roof_percent", .title = "of roof", .unit = "%", .type = TABLE_NUMBER, .digits = 1},
    {.key = "bound", .title = "roof", .width = 6, .rank = 5},
    {.key = "slower_percent", .title = "slower by", .unit = "%", .type = TABLE_NUMBER, .digits = 1, .rank = 6},
    {.key = "verdict", .title = "verdict", .judges = true},
};

static const char *verdict_of(double behind)
{
    static const double close = 0.05; /* what the machine's own noise can be */
    if (behind <= 0)
        return "fastest";
    return behind < close ? "close" : "slower";
}

static pln_status time_shape(struct bench *b, struct speed *s, struct table *t, struct cli_shape shape,
                             pln_error *error)
{
    pln_status status = measure_give(&s->measure, NULL, shape, error);
    if (status == PLN_OK)
        status = measure_run(&s->measure, b->seconds, error);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < s->measure.n; i++) {
        const struct measured_device *d = &s->measure.devices[i];
        const double behind = measure_quantile(d, 0) / measure_fastest(&s->measure, 0) - 1;
        status = speed_set(t, s, i, 0, error);
        if (status != PLN_OK || measure_is_lost(d))
            continue;
        table_set_number(t, "first_ms", d->first * 1e3);
        table_set_number(t, "best_ms", measure_quantile(d, 0) * 1e3);
        table_set_number(t, "median_ms", measure_quantile(d, 0.5) * 1e3);
        table_set_text(t, "verdict", verdict_of(behind));
        status = kept_row(&b->kept, s, i, t, error);
    }
    return status;
}

static pln_status measure_times(void *context, struct table *t, pln_error *error)
{
    struct bench *b = context;
    struct speed s = {0};
    pln_status status = kept_begin(&b->kept, &b->options, b->directory, b->seconds, error);
    if (status == PLN_OK)
        status = speed_open(&s, &b->options, b->directory, error);
    table_add_columns(t, columns, sizeof columns / sizeof *columns);
    table_add_columns(t, speed_hidden_columns, SPEED_HIDDEN_COLUMNS);
    kept_columns(&b->kept, t);
    t->plot = (struct table_plot){.kind = TABLE_BARS,
                                  .series = "device",
                                  .group = "shape",
                                  .value = "tokens_per_s",
                                  .unit = "tokens/s",
                                  .beside = {"best_ms", "of_roof_percent", "verdict"},
                                  .value_name = "speed, tokens/s",
                                  .sense = "Tokens a second of the forward pass, best run; longer is faster."};
    if (b->lines)
        t->plot = (struct table_plot){.kind = TABLE_LINES,
                                      .series = "device",
                                      .x = "seq",
                                      .value = "best_ms",
                                      .x_name = "length of the sequence, tokens",
                                      .value_name = "time, ms",
                                      .sense = "Time of one sequence by its length, best run; lower is faster."};
    if (status == PLN_OK)
        speed_describe(t, &s, b->lines ? "latency by sequence length" : "speed side by side", b->directory);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < b->n_shapes; i++) {
        status = time_shape(b, &s, t, b->shapes[i], error);
        if (status == PLN_OK)
            output_print(&b->output, t);
    }
    if (status == PLN_OK && !cli_interrupted())
        status = kept_end(&b->kept, t, error);
    b->lost = measure_lost_code(&s.measure);
    speed_close(&s);
    return status;
}

/* Which shapes the options ask for. */
static bool choose_shapes(struct bench *b, const char *shapes, const char *ragged, const char *lengths)
{
    struct cli_shape range = {0};
    int used = 0;
    if (lengths && sscanf(lengths, "%9u-%9u%n", &range.shortest, &range.length, &used) == 2 && !lengths[used]) {
        if (ragged) {
            cli_usage_error("lengths \"%s\" are those of --shapes: --ragged has its own", lengths);
            return false;
        }
        if (!cli_parse_shapes(shapes ? shapes : "32x128", b->shapes, BENCH_SHAPES, &b->n_shapes))
            return false;
        for (uint32_t i = 0; i < b->n_shapes; i++) {
            b->shapes[i].shortest = range.shortest;
            if (!range.shortest || range.shortest > range.length || range.length > b->shapes[i].length) {
                cli_usage_error("lengths \"%s\" do not fit rows of %u tokens", lengths, b->shapes[i].length);
                return false;
            }
            b->shapes[i].length = range.length;
        }
        return true;
    }
    b->lines = lengths && !shapes && !ragged;
    if (!shapes && !ragged && !lengths)
        shapes = "1x16,1x128,8x128";
    return (!lengths || cli_parse_lengths(lengths, b->shapes, BENCH_SHAPES, &b->n_shapes)) &&
           (!shapes || cli_parse_shapes(shapes, b->shapes, BENCH_SHAPES, &b->n_shapes)) &&
           (!ragged || cli_parse_shapes(ragged, b->shapes, BENCH_SHAPES, &b->n_shapes));
}

int cli_bench(int argc, char **argv)
{
    static struct bench b = {.seconds = 2, .new_tokens = 64};
    const char *shapes = NULL, *ragged = NULL, *lengths = NULL;
    bool overhead = false, memory = false, profile = false, generate = false;
    static struct cli_list arguments;
    struct cli_options options = {0};
    cli_common_options(&b.options.common, "--devices", &options);
    measure_each_option(&b.options, &options);
    output_options(&b.output, &options);
    const struct cli_option own[] = {
        {"--shapes", CLI_TEXT, &shapes, "LIST", "sequences x tokens (default 1x16,1x128,8x128)"},
        {"--ragged", CLI_TEXT, &ragged, "LIST", "sequences x shortest-longest, lengths drawn evenly: 32x16-128"},
        {"--lengths", CLI_TEXT, &lengths, "LIST",
         "one sequence of each length: 16,32,64; A-B: the lengths of --shapes"},
        {"--seconds", CLI_SECONDS, &b.seconds, "S", "a device and shape (default 2)"},
        {"--warm-up", CLI_SECONDS, &b.options.warm_up, "S",
         "a device and shape, untimed (default: a tenth of --seconds)"},
        {"--pin", CLI_FLAG, &b.options.pin, NULL, "each thread of cpu and reference on a processor of its own"},
        {"--overhead", CLI_FLAG, &overhead, NULL, "instead: time of the host per run outside kernels"},
        {"--memory", CLI_FLAG, &memory, NULL, "instead: peak resident memory, each row in a process of its own"},
        {"--generate", CLI_FLAG, &generate, NULL,
         "instead: tokens a second of a decoder that writes on after prompts of --shapes (default 1x16)"},
        {"--new-tokens", CLI_UNSIGNED, &b.new_tokens, "N", "that it writes after each prompt (default 64)"},
        {"--profile", CLI_FLAG, &profile, NULL, "instead: where the time goes, by nodes of the same name"},
    };
    cli_add_options(&options, own, sizeof own / sizeof *own);
    kept_options(&b.kept, &options);
    static const struct cli_usage usage = {
        .synopsis = "bench MODEL --devices LIST --shapes 1x16,8x128",
        .description =
            "Times the forward pass, devices in turn: the first call apart from the warm ones. GFLOP/s count the\n"
            "arithmetic of the encoder on real tokens. The roof is measured in the same run: multiply-adds and reading "
            "of\n"
            "weights on the processor, a plain product on a GPU; \"of roof\" is the share of the lower one. A rate "
            "above\n"
            "the roof is an error (exit code 1).",
        .examples = "  pleione bench MODEL --devices cpu,vulkan --shapes 1x128,8x128 -o speed.json -o speed.md --plot "
                    "speed.svg\n"
                    "  pleione bench MODEL --devices cpu --each level=c,avx2,avx512 --each threads=1,2\n"
                    "  pleione bench MODEL --devices cpu,opencl --lengths 16,32,64,128,256,512 --plot latency.svg\n"
                    "  pleione bench MODEL --devices cpu --ragged 32x16-128\n"
                    "  pleione bench MODEL --devices cpu --generate --shapes 1x16,8x16\n"
                    "  pleione bench MODEL --devices cpu --overhead\n"
                    "  pleione bench MODEL --devices cpu --pin --save before.jsonl\n"
                    "  pleione bench MODEL --devices cpu --pin --against before.jsonl --tolerance 3\n"
                    "  pleione bench --from after.jsonl --against before.jsonl\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != !b.kept.from)
        return b.kept.from ? cli_usage_error("--from takes no MODEL: nothing is measured")
                           : cli_usage_error("bench needs one MODEL directory");
    const struct {
        bool wanted;
        output_fill *measure;
    } instead[] = {
        {overhead, bench_overhead}, {memory, bench_memory}, {profile, bench_profile}, {generate, bench_generate}};
    output_fill *measure = measure_times;
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++)
        if (instead[i].wanted)
            measure = instead[i].measure;
    if (overhead + memory + profile + generate > 1)
        return cli_usage_error("bench measures one of --overhead, --memory, --profile and --generate");
    if (generate && (ragged || lengths))
        return cli_usage_error("--generate has prompts of one length: --shapes");
    if (generate && !shapes)
        shapes = "1x16";
    const char *wrong = kept_wrong(&b.kept, measure == measure_times);
    if (wrong)
        return cli_usage_error("%s", wrong);
    b.options.least = b.kept.save || b.kept.against ? KEPT_LEAST : 0;
    if (b.options.warm_up == 0)
        b.options.warm_up = b.seconds / 10;
    if (!choose_shapes(&b, shapes, ragged, lengths))
        return PLN_INVALID;
    b.directory = arguments.items[0];
    const int code = output_run(&b.output, b.kept.from ? bench_kept : measure, &b);
    kept_finish(&b.kept);
    if (code || b.lost)
        return code ? code : b.lost;
    return b.kept.slower ? KEPT_SLOWER : 0;
}
