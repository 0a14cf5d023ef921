/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione compare: the same input on every device, beside the reference in f64: time, difference, verdict.
 */
#include <string.h>

#include "cli/answer.h"
#include "cli/output.h"
#include "cli/speed.h"

enum {
    MOST_SHAPES = 16,
    OWN_OPTIONS = 1,
    OPTIONS = CLI_COMMON_OPTIONS + MEASURE_OPTIONS + OUTPUT_OPTIONS + OWN_OPTIONS,
    NODE_NAME = 160
};
static const double seconds_a_device = 0.5;
static const double tolerance_f32 = 5e-5, tolerance_bf16 = 2e-2; /* |a - b| <= tolerance (1 + |b|) */

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 9},
    {.key = "dtype", .title = "type"},
    {.key = "shape", .title = "shape", .width = 9},
    {.key = "p50_ms", .title = "p50", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .width = 9},
    {.key = "p90_ms", .title = "p90", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .width = 9},
    {.key = "tokens_per_s", .title = "tokens/s", .type = TABLE_NUMBER, .width = 8},
    {.key = "gflops", .title = "GFLOP/s", .type = TABLE_NUMBER, .digits = 1, .width = 7},
    {.key = "of_roof_percent", .title = "of roof", .unit = "%", .type = TABLE_NUMBER, .digits = 1},
    {.key = "slower_percent", .title = "slower by", .unit = "%", .type = TABLE_NUMBER, .digits = 1},
    {.key = "largest_difference", .title = "difference", .type = TABLE_SCIENTIFIC, .digits = 2},
    {.key = "verdict", .title = "verdict", .width = 9},
    {.key = "diverges", .title = "first node that diverges"},
    {.key = "planned_bytes", .type = TABLE_COUNT},
    {.key = "first_ms", .unit = "ms", .type = TABLE_NUMBER},
    {.key = "bound"},
};

struct compare {
    struct measure_options options;
    struct output output;
    const char *directory;
    struct cli_list texts;
    struct cli_shape shapes[MOST_SHAPES];
    uint32_t n_shapes; /* 0: the texts */
    bool disagrees;
    struct speed speed;
    pln_devices *reference;
};

static double tolerance_of(const struct measured_device *device)
{
    return device->bf16 ? tolerance_bf16 : tolerance_f32;
}

/* The batch on a device of its own session; with trace every node's output. */
static pln_status run_on(const struct measured_team *team, pln_devices *devices, const struct cli_common *common,
                         bool trace, const struct cli_batch *batch, struct answer *a, pln_error *error)
{
    const pln_session_options options = {
        .trace = trace,
        .schedule = {.place = common->place.items, .n_place = common->place.n, .no_fallback = common->no_fallback}};
    pln_session *session = NULL;
    const pln_tensor *outputs;
    uint32_t n;
    pln_status status = pln_session_create(team->model, devices, &options, &session, error);
    if (status == PLN_OK)
        status = pln_session_forward(session, batch->tensors, 2, &outputs, &n, error);
    if (status == PLN_OK)
        status = answer_keep(outputs, n, a, error);
    if (session)
        pln_session_destroy(&session);
    return status;
}

/* The first node, in the order of the graph, whose output is out of tolerance. Written to name. */
static pln_status find_divergence(const struct compare *c, const struct measured_device *d,
                                  const struct cli_batch *batch, char name[NODE_NAME], pln_error *error)
{
    struct answer a = {0}, b = {0};
    const struct cli_common plain = {0};
    pln_status status = run_on(d->team, d->devices, &c->options.common, true, batch, &a, error);
    if (status == PLN_OK)
        status = run_on(&c->speed.measure.teams[0], c->reference, &plain, true, batch, &b, error);
    for (uint32_t i = 0; status == PLN_OK && i < b.n; i++) {
        const pln_tensor *t = answer_find(&a, b.tensors[i].name);
        if (strncmp(b.tensors[i].name, "node:", 5) == 0 && t &&
            !answer_difference_of(t, &b.tensors[i], tolerance_of(d)).agrees) {
            snprintf(name, NODE_NAME, "%s", b.tensors[i].name + 5);
            break;
        }
    }
    answer_finish(&a);
    answer_finish(&b);
    return status;
}

static pln_status compare_device(struct compare *c, uint32_t i, const struct cli_batch *batch,
                                 const struct answer *right, struct table *t, pln_error *error)
{
    const struct measured_device *d = &c->speed.measure.devices[i];
    struct answer mine = {0};
    struct answer_difference difference = {0};
    char diverges[NODE_NAME] = "";
    const pln_tensor *outputs;
    uint32_t n;
    pln_statistics statistics = {0};
    pln_status status = pln_session_forward(d->session, batch->tensors, 2, &outputs, &n, error);
    if (status == PLN_OK)
        status = answer_keep(outputs, n, &mine, error);
    if (status == PLN_OK) {
        difference = answer_difference(&mine, right, tolerance_of(d));
        pln_schedule_statistics(pln_session_schedule(d->session), &statistics);
    }
    answer_finish(&mine);
    if (status == PLN_OK && !difference.agrees)
        status = find_divergence(c, d, batch, diverges, error);
    c->disagrees |= status == PLN_OK && !difference.agrees;
    if (status == PLN_OK)
        status = speed_set(t, &c->speed, i, batch, 0.5, error);
    if (status != PLN_OK)
        return status;
    table_set_number(t, "first_ms", d->first * 1e3);
    table_set_number(t, "p50_ms", measure_quantile(d, 0.5) * 1e3);
    table_set_number(t, "p90_ms", measure_quantile(d, 0.9) * 1e3);
    table_set_number(t, "planned_bytes", (double)statistics.planned_bytes);
    table_set_number(t, "largest_difference", difference.largest);
    table_set_text(t, "verdict", difference.agrees ? "agrees" : "DISAGREES");
    table_set_text(t, "diverges", diverges);
    return PLN_OK;
}

static pln_status compare_batch(struct compare *c, const struct cli_batch *batch, struct table *t, pln_error *error)
{
    struct answer right = {0};
    const struct cli_common plain = {0};
    struct measure *m = &c->speed.measure;
    pln_status status = run_on(&m->teams[0], c->reference, &plain, false, batch, &right, error);
    if (status == PLN_OK)
        status = measure_run(m, batch, seconds_a_device, error);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++)
        status = compare_device(c, i, batch, &right, t, error);
    answer_finish(&right);
    if (status == PLN_OK && !cli_interrupted())
        output_print(&c->output, t);
    return status;
}

static pln_status compare_shapes(struct compare *c, struct table *t, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < c->n_shapes; i++) {
        struct cli_batch batch = {0};
        status = cli_batch_random(&batch, c->shapes[i], c->speed.measure.teams[0].model, c->options.common.seed, error);
        if (status == PLN_OK)
            status = compare_batch(c, &batch, t, error);
        cli_batch_finish(&batch);
    }
    return status;
}

static pln_status compare_texts(struct compare *c, struct table *t, pln_error *error)
{
    struct cli_batch batch = {0};
    pln_status status = cli_batch_texts(&batch, c->speed.measure.teams[0].model, &c->texts, error);
    if (status == PLN_OK)
        status = compare_batch(c, &batch, t, error);
    cli_batch_finish(&batch);
    return status;
}

static pln_status compare(struct compare *c, struct table *t, pln_error *error)
{
    static const char *const precise[] = {"precision=f64"};
    pln_status status = speed_open(&c->speed, &c->options, c->directory, error);
    if (status == PLN_OK)
        status = pln_devices_open(c->speed.measure.teams[0].runtime, "reference", precise, 1, &c->reference, error);
    table_add_columns(t, columns, sizeof columns / sizeof *columns);
    table_add_columns(t, speed_hidden_columns, SPEED_HIDDEN_COLUMNS);
    t->plot =
        (struct table_plot){.kind = TABLE_BARS,
                            .series = "device",
                            .group = "shape",
                            .value = "tokens_per_s",
                            .unit = "tokens/s",
                            .beside = {"p50_ms", "largest_difference", "verdict"},
                            .value_name = "speed, tokens/s",
                            .sense = "Tokens a second of the forward pass, median; longer is faster. Difference to "
                                     "the reference in double precision."};
    if (status == PLN_OK) {
        speed_describe(t, &c->speed, "devices side by side", c->directory);
        status = c->n_shapes ? compare_shapes(c, t, error) : compare_texts(c, t, error);
    }
    pln_devices_close(&c->reference);
    speed_close(&c->speed);
    return status;
}

static int run_compare(struct compare *c)
{
    struct table t = {0};
    pln_error error;
    int code = output_check(&c->output);
    if (code)
        return code;
    cli_catch_interrupt();
    const pln_status status = compare(c, &t, &error);
    if (cli_interrupted())
        code = CLI_INTERRUPTED;
    else if (status != PLN_OK)
        code = cli_fail(&error);
    else
        code = output_finish(&c->output, &t);
    table_finish(&t);
    return code ? code : c->disagrees ? PLN_DISAGREE : 0;
}

int cli_compare(int argc, char **argv)
{
    struct compare c = {0};
    const char *shapes = NULL;
    struct cli_list arguments = {0};
    struct cli_option options[OPTIONS];
    cli_common_options(&c.options.common, "--devices", options);
    measure_each_option(&c.options, options + CLI_COMMON_OPTIONS);
    output_options(&c.output, options + CLI_COMMON_OPTIONS + MEASURE_OPTIONS);
    options[OPTIONS - 1] =
        (struct cli_option){"--shapes", CLI_TEXT, &shapes, "LIST", "random ids instead of text: 1x128,8x128,32x16-128"};
    static const struct cli_usage usage = {
        .synopsis = "compare MODEL [TEXT...]",
        .description =
            "The same input on every usable device, CPU-type Vulkan and OpenCL ones too, beside the reference in f64:\n"
            "times, speed, share of the roof measured in the same run, largest difference, and the first node that\n"
            "diverges. Exit code 5 when one disagrees by more than 5e-5 (1 + |b|), in bf16 2e-2 (1 + |b|); 1 when a "
            "rate is\n"
            "above the roof. A sentence of its own when no text is given.",
        .examples =
            "  pleione compare models/electra-tiny-discriminator\n"
            "  pleione compare MODEL --devices cpu,vulkan --shapes 1x128,8x128 --device-option vulkan.variant=gpu\n"
            "  pleione compare MODEL -o devices.json -o devices.md --plot devices.svg\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, OPTIONS, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("compare needs a MODEL directory");
    if (shapes && !cli_parse_shapes(shapes, c.shapes, MOST_SHAPES, &c.n_shapes))
        return PLN_INVALID;
    c.directory = arguments.items[0];
    c.texts.n = arguments.n - 1;
    memcpy(c.texts.items, arguments.items + 1, c.texts.n * sizeof *c.texts.items);
    if (!c.texts.n)
        c.texts = (struct cli_list){1, {CLI_SENTENCE}};
    return run_compare(&c);
}
