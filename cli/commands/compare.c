/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione compare: the same input on every device, beside the reference in f64: time, difference, verdict.
 */
#define _DEFAULT_SOURCE /* mkstemp */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/measuring/answer.h"
#include "cli/measuring/speed.h"
#include "cli/tables/output.h"

enum { MOST_SHAPES = 16, NODE_NAME = 160, PATH_BYTES = 512 };
static const double seconds_a_device = 0.5;

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 9},
    {.key = "dtype", .title = "type", .rank = 2},
    {.key = "shape", .title = "shape", .width = 9},
    {.key = "p50_ms", .title = "p50", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .width = 9},
    {.key = "p90_ms", .title = "p90", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .width = 9, .rank = 4},
    {.key = "tokens_per_s", .title = "tokens/s", .type = TABLE_NUMBER, .width = 8},
    {.key = "gflops", .title = "GFLOP/s", .type = TABLE_NUMBER, .digits = 1, .width = 7, .rank = 3},
    {.key = "of_roof_percent", .title = "of roof", .unit = "%", .type = TABLE_NUMBER, .digits = 1},
    {.key = "slower_percent", .title = "slower by", .unit = "%", .type = TABLE_NUMBER, .digits = 1, .rank = 5},
    {.key = "largest_difference", .title = "difference", .type = TABLE_SCIENTIFIC, .digits = 2},
    {.key = "verdict", .title = "verdict", .width = 9, .judges = true},
    {.key = "diverges", .title = "first node that diverges", .rank = 1},
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
    bool missing; /* the reference itself has no answer */
    int lost;     /* the exit code of a row that was lost, or 0 */
    struct speed speed;
    struct measured_device *reference; /* in f64 */
    char path[PATH_BYTES];             /* of the file in which its answer lies for the others */
};

/* ---- in the process of a row */

/* The answer to the batch, of a session of its own, or with trace every node's output. */
struct question {
    bool trace;
    char path[PATH_BYTES]; /* of the reference's answer */
    struct answer_bound bound;
    struct answer_difference difference;
    double planned;           /* bytes */
    char diverges[NODE_NAME]; /* the first node, in the order of the graph, that is out of tolerance */
};

static pln_status answer(const struct measured_device *d, bool trace, pln_session **session, const pln_tensor **outputs,
                         uint32_t *n, pln_error *error)
{
    const pln_status status = measure_create_session(d, trace, session, error);
    return status == PLN_OK ? pln_session_forward(*session, d->input.tensors, 2, outputs, n, error) : status;
}

static pln_status write_answer(void *context, void *argument, pln_error *error)
{
    const struct question *q = argument;
    pln_session *session = NULL;
    const pln_tensor *outputs;
    uint32_t n;
    pln_status status = answer(context, q->trace, &session, &outputs, &n, error);
    if (status == PLN_OK)
        status = pln_tensor_file_write(q->path, outputs, n, error);
    pln_session_destroy(&session);
    return status;
}

static void find_divergence(struct question *q, const pln_tensor *a, uint32_t n_a, const pln_tensor *b, uint32_t n_b)
{
    for (uint32_t i = 0; i < n_a; i++) {
        const pln_tensor *right = answer_find(b, n_b, a[i].name);
        if (strncmp(a[i].name, "node:", 5) == 0 && right && !answer_difference_of(&a[i], right, q->bound).agrees) {
            snprintf(q->diverges, sizeof q->diverges, "%s", a[i].name + 5);
            return;
        }
    }
}

static pln_status judge_answer(void *context, void *argument, pln_error *error)
{
    const struct measured_device *d = context;
    struct question *q = argument;
    pln_session *session = NULL;
    pln_tensor_file *file = NULL;
    pln_statistics statistics = {.size = sizeof statistics};
    const pln_tensor *outputs, *right;
    uint32_t n, n_right;
    pln_status status = q->trace ? answer(d, true, &session, &outputs, &n, error)
                                 : pln_session_forward(d->session, d->input.tensors, 2, &outputs, &n, error);
    if (status == PLN_OK)
        status = pln_tensor_file_open(q->path, &file, error);
    if (status == PLN_OK) {
        right = pln_tensor_file_tensors(file, &n_right);
        if (q->trace)
            find_divergence(q, outputs, n, right, n_right);
        else
            q->difference = answer_difference(outputs, n, right, n_right, q->bound);
        status = pln_schedule_statistics(pln_session_schedule(d->session), &statistics, error);
        q->planned = (double)statistics.planned_bytes;
    }
    pln_tensor_file_close(&file);
    pln_session_destroy(&session);
    return status;
}

/* ---- from outside */

/* A reference that fails leaves nothing to compare with. */
static pln_status ask_reference(struct compare *c, bool trace, pln_error *error)
{
    struct question q = {.trace = trace};
    memcpy(q.path, c->path, sizeof q.path);
    pln_status status = measure_ask(c->reference, write_answer, &q, sizeof q, error);
    if (status == PLN_OK && measure_is_lost(c->reference)) {
        *error = c->reference->lost;
        status = error->status;
    }
    return status;
}

static pln_status ask_row(struct compare *c, uint32_t i, bool trace, struct question *q, pln_error *error)
{
    struct measured_device *d = &c->speed.measure.devices[i];
    q->trace = trace;
    q->bound = answer_bound_of(d->facts.dtype);
    memcpy(q->path, c->path, sizeof q->path);
    return measure_ask(d, judge_answer, q, sizeof *q, error);
}

static pln_status add_row(struct compare *c, uint32_t i, const struct question *q, struct table *t, pln_error *error)
{
    const struct measured_device *d = &c->speed.measure.devices[i];
    const bool agrees = q->difference.agrees;
    c->disagrees |= !measure_is_lost(d) && !agrees;
    c->missing |= q->difference.missing;
    const pln_status status = speed_set(t, &c->speed, i, 0.5, error);
    if (status != PLN_OK || measure_is_lost(d))
        return status;
    table_set_number(t, "first_ms", d->first * 1e3);
    table_set_number(t, "p50_ms", measure_quantile(d, 0.5) * 1e3);
    table_set_number(t, "p90_ms", measure_quantile(d, 0.9) * 1e3);
    table_set_number(t, "planned_bytes", q->planned);
    table_set_number(t, "largest_difference", q->difference.largest);
    const char *verdict = q->difference.missing ? "no number" : "agrees";
    table_set_text(t, "verdict", agrees ? verdict : "DISAGREES");
    table_set_text(t, "diverges", q->diverges);
    if (*q->diverges && t->n_notes < TABLE_NOTES) /* a narrow terminal leaves the column out */
        table_add_note(t, "%s, %s diverges first at %s.", d->place.label, c->speed.measure.batch.shape, q->diverges);
    return PLN_OK;
}

/* The trace, which is much, is asked for once, if any row disagrees. */
static pln_status judge_rows(struct compare *c, struct question *questions, pln_error *error)
{
    struct measure *m = &c->speed.measure;
    pln_status status = ask_reference(c, false, error);
    bool traced = false;
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++)
        status = ask_row(c, i, false, &questions[i], error);
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
        if (measure_is_lost(&m->devices[i]) || questions[i].difference.agrees)
            continue;
        if (!traced)
            status = ask_reference(c, true, error);
        traced = true;
        if (status == PLN_OK)
            status = ask_row(c, i, true, &questions[i], error);
    }
    return status;
}

static pln_status compare_batch(struct compare *c, struct cli_shape shape, struct table *t, pln_error *error)
{
    struct measure *m = &c->speed.measure;
    const struct cli_list *texts = c->n_shapes ? NULL : &c->texts;
    struct question *questions = calloc(m->n + 1, sizeof *questions);
    pln_status status = questions ? measure_give_row(m, c->reference, texts, shape, error) : PLN_NO_MEMORY;
    if (!questions)
        *error = (pln_error){.status = status, .node = -1, .message = "no memory for the rows"};
    if (status == PLN_OK)
        status = measure_give(m, texts, shape, error);
    if (status == PLN_OK)
        status = measure_run(m, seconds_a_device, error);
    if (status == PLN_OK && !cli_interrupted())
        status = judge_rows(c, questions, error);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++)
        status = add_row(c, i, &questions[i], t, error);
    if (status == PLN_OK && !cli_interrupted())
        output_print(&c->output, t);
    free(questions);
    return status;
}

static pln_status compare_all(struct compare *c, struct table *t, pln_error *error)
{
    if (!c->n_shapes)
        return compare_batch(c, (struct cli_shape){0}, t, error);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < c->n_shapes; i++)
        status = compare_batch(c, c->shapes[i], t, error);
    return status;
}

static pln_status make_file(struct compare *c, pln_error *error)
{
    const char *folder = getenv("TMPDIR");
    const int n = snprintf(c->path, sizeof c->path, "%s/pleione-compare-XXXXXX", folder && *folder ? folder : "/tmp");
    const int file = n < (int)sizeof c->path ? mkstemp(c->path) : -1;
    if (file >= 0) {
        close(file);
        return PLN_OK;
    }
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "%.400s cannot be made: %s", c->path, strerror(errno));
    c->path[0] = '\0';
    return PLN_FAILED;
}

static pln_status open_all(struct compare *c, pln_error *error)
{
    static const struct measured_place place = {
        .device = "reference", .label = "the reference in f64", .fixed = "precision=f64"};
    c->reference = calloc(1, sizeof *c->reference);
    if (!c->reference) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the reference"};
        return PLN_NO_MEMORY;
    }
    c->reference->place = place;
    pln_status status = make_file(c, error);
    if (status == PLN_OK)
        status = speed_open(&c->speed, &c->options, c->directory, error);
    return status == PLN_OK ? measure_open_row(&c->speed.measure, c->reference, error) : status;
}

static void close_all(struct compare *c)
{
    c->lost = measure_lost_code(&c->speed.measure);
    if (c->reference)
        measure_close_row(c->reference);
    free(c->reference);
    speed_close(&c->speed);
    if (c->path[0])
        unlink(c->path);
}

static pln_status compare(void *context, struct table *t, pln_error *error)
{
    struct compare *c = context;
    pln_status status = open_all(c, error);
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
        status = compare_all(c, t, error);
    }
    close_all(c);
    return status;
}

int cli_compare(int argc, char **argv)
{
    static struct compare c;
    const char *shapes = NULL;
    static struct cli_list arguments;
    const struct cli_option own = {"--shapes", CLI_TEXT, &shapes, "LIST",
                                   "random ids instead of text: 1x128,8x128,32x16-128"};
    struct cli_options options = {0};
    cli_common_options(&c.options.common, "--devices", &options);
    measure_each_option(&c.options, &options);
    output_options(&c.output, &options);
    cli_add_options(&options, &own, 1);
    static const struct cli_usage usage = {
        .synopsis = "compare MODEL [TEXT...]",
        .description =
            "The same input on every usable device, CPU-type Vulkan and OpenCL ones too, beside the reference in f64:\n"
            "times, speed, share of the roof measured in the same run, largest difference, and the first node that\n"
            "diverges. Exit code 5 when one disagrees by more than 5e-5 (1 + |b|), with weights in f16 2.5e-3, in\n"
            "bf16 2e-2, in int8 0.2 with the largest |b|; 1 when a rate is above the roof, or a row is lost, since\n"
            "its driver ended its process or failed: the others are there. A sentence of its own when no text is\n"
            "given.",
        .examples =
            "  pleione compare models/electra-tiny-discriminator\n"
            "  pleione compare MODEL --devices cpu,vulkan --shapes 1x128,8x128 --device-option vulkan.variant=gpu\n"
            "  pleione compare MODEL -o devices.json -o devices.md --plot devices.svg\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("compare needs a MODEL directory");
    if (shapes && arguments.n > 1)
        return cli_usage_error("compare takes texts or --shapes, not both");
    if (shapes && !cli_parse_shapes(shapes, c.shapes, MOST_SHAPES, &c.n_shapes))
        return PLN_INVALID;
    c.directory = arguments.items[0];
    c.texts.n = arguments.n - 1;
    memcpy(c.texts.items, arguments.items + 1, c.texts.n * sizeof *c.texts.items);
    if (!c.texts.n)
        c.texts.items[c.texts.n++] = CLI_SENTENCE;
    const int code = output_run(&c.output, compare, &c);
    if (code)
        return code;
    if (c.missing) {
        fputs("pleione: the answer of the reference holds NaN: there is nothing to agree with\n", stderr);
        return PLN_FAILED;
    }
    return c.disagrees ? PLN_DISAGREE : c.lost;
}
