/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione compare: the same input on every device, beside the reference in f64: time, difference, verdict.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/measure.h"

enum { MOST_SHAPES = 16 };
static const double seconds_a_device = 0.5;
static const double tolerance = 5e-5; /* |a - b| <= tolerance (1 + |b|), in f32 */

struct compare {
    const char *shapes;
    bool json;
    bool disagrees;
};

/* The outputs of one forward, copied: a session keeps its own only until the next. */
struct answer {
    uint32_t n;
    pln_tensor *tensors;
};

static void finish_answer(struct answer *a)
{
    for (uint32_t i = 0; i < a->n; i++) {
        free((void *)(uintptr_t)a->tensors[i].data);
        free((void *)(uintptr_t)a->tensors[i].name);
    }
    free(a->tensors);
    *a = (struct answer){0};
}

static pln_status keep_answer(const pln_tensor *outputs, uint32_t n, struct answer *a, pln_error *error)
{
    a->tensors = calloc(n + 1, sizeof *a->tensors);
    for (; a->tensors && a->n < n; a->n++) {
        pln_tensor *t = &a->tensors[a->n];
        const size_t bytes = (size_t)pln_tensor_elements(&outputs[a->n]) * sizeof(float);
        void *data = malloc(bytes + 1);
        *t = outputs[a->n];
        t->name = strdup(outputs[a->n].name);
        t->data = data;
        if (!data || !t->name) {
            a->n++;
            *error = (pln_error){.status = PLN_NO_MEMORY, .message = "no memory for the outputs"};
            return PLN_NO_MEMORY;
        }
        memcpy(data, outputs[a->n].data, bytes);
    }
    return PLN_OK;
}

/* The batch on a device of its own session; with trace every node's output. */
static pln_status run_on(const struct measure *m, pln_devices *devices, const struct cli_common *common, bool trace,
                         const struct cli_batch *batch, struct answer *a, pln_error *error)
{
    const pln_session_options options = {
        .trace = trace,
        .schedule = {.place = common->place.items, .n_place = common->place.n, .no_fallback = common->no_fallback}};
    pln_session *session = NULL;
    const pln_tensor *outputs;
    uint32_t n;
    pln_status status = pln_session_create(m->model, devices, &options, &session, error);
    if (status == PLN_OK)
        status = pln_session_forward(session, batch->tensors, 2, &outputs, &n, error);
    if (status == PLN_OK)
        status = keep_answer(outputs, n, a, error);
    if (session)
        pln_session_destroy(&session);
    return status;
}

struct difference {
    double largest; /* |a - b| */
    bool agrees;
};

static struct difference compare_tensor(const pln_tensor *a, const pln_tensor *b)
{
    struct difference d = {0, true};
    const float *x = a->data, *y = b->data;
    const uint64_t n = pln_tensor_elements(b);
    for (uint64_t i = 0; i < n; i++) {
        const double gap = fabs((double)x[i] - (double)y[i]);
        if (isnan(x[i]) && isnan(y[i]))
            continue;
        d.agrees &= gap <= tolerance * (1 + fabs((double)y[i])); /* false for a NaN on one side */
        if (gap > d.largest || isnan(gap))
            d.largest = gap;
    }
    return d;
}

static const pln_tensor *find_tensor(const struct answer *a, const char *name)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (strcmp(a->tensors[i].name, name) == 0)
            return &a->tensors[i];
    return NULL;
}

static struct difference compare_answers(const struct answer *a, const struct answer *reference)
{
    struct difference all = {0, true};
    for (uint32_t i = 0; i < reference->n; i++) {
        const pln_tensor *t = find_tensor(a, reference->tensors[i].name);
        const struct difference d =
            t ? compare_tensor(t, &reference->tensors[i]) : (struct difference){INFINITY, false};
        all.agrees &= d.agrees;
        all.largest = d.largest > all.largest || isnan(d.largest) ? d.largest : all.largest;
    }
    return all;
}

/* The first node, in the order of the graph, whose output is out of tolerance. Written to name. */
static pln_status find_divergence(const struct measure *m, pln_devices *devices, pln_devices *reference,
                                  const struct cli_common *common, const struct cli_batch *batch, char *name,
                                  size_t bytes, pln_error *error)
{
    struct answer a = {0}, b = {0};
    const struct cli_common plain = {0};
    pln_status status = run_on(m, devices, common, true, batch, &a, error);
    if (status == PLN_OK)
        status = run_on(m, reference, &plain, true, batch, &b, error);
    for (uint32_t i = 0; status == PLN_OK && i < b.n; i++) {
        const pln_tensor *t = find_tensor(&a, b.tensors[i].name);
        if (strncmp(b.tensors[i].name, "node:", 5) == 0 && t && !compare_tensor(t, &b.tensors[i]).agrees) {
            snprintf(name, bytes, "%s", b.tensors[i].name + 5);
            break;
        }
    }
    finish_answer(&a);
    finish_answer(&b);
    return status;
}

struct row {
    const struct measured_device *device;
    struct difference difference;
    const char *diverges;
    double p50, p90, gflops, tokens;
    uint64_t planned;
};

static void print_row(const struct compare *c, const struct cli_batch *batch, const struct row *r)
{
    const pln_device_entry *e = r->device->entry;
    const char *verdict = r->difference.agrees ? "agrees" : "DISAGREES";
    if (c->json)
        cli_print_json(json_pack("{s:s,s:s,s:i,s:i,s:f,s:f,s:f,s:f,s:I,s:o,s:s,s:s}", "device", e->name, "name",
                                 e->info.name, "batch", (int)batch->batch, "seq", (int)batch->length, "p50_ms",
                                 r->p50 * 1e3, "p90_ms", r->p90 * 1e3, "tokens_per_s", r->tokens, "gflops", r->gflops,
                                 "planned_bytes", (json_int_t)r->planned, "largest_difference",
                                 isfinite(r->difference.largest) ? json_real(r->difference.largest) : json_null(),
                                 "diverges", r->diverges, "verdict", verdict));
    else
        printf("%-12s %4ux%-4u %9.3f %9.3f %11.0f %9.2f %12llu %11.2e  %-9s %s\n", e->name, batch->batch, batch->length,
               r->p50 * 1e3, r->p90 * 1e3, r->tokens, r->gflops, (unsigned long long)r->planned, r->difference.largest,
               verdict, r->diverges);
}

static pln_status compare_device(struct compare *c, const struct measure *m, pln_devices *reference, uint32_t i,
                                 const struct cli_common *common, const struct cli_batch *batch,
                                 const struct answer *right, pln_error *error)
{
    struct measured_device *d = &m->devices[i];
    struct answer mine = {0};
    char diverges[160] = "";
    const pln_tensor *outputs;
    uint32_t n;
    pln_statistics statistics;
    pln_status status = pln_session_forward(d->session, batch->tensors, 2, &outputs, &n, error);
    if (status == PLN_OK)
        status = keep_answer(outputs, n, &mine, error);
    struct row row = {.device = d, .diverges = diverges};
    if (status == PLN_OK) {
        row.difference = compare_answers(&mine, right);
        row.p50 = measure_quantile(d, 0.5);
        row.p90 = measure_quantile(d, 0.9);
        row.gflops = cli_batch_flops(batch, m->model) / row.p50 / 1e9;
        row.tokens = (double)cli_batch_tokens(batch) / row.p50;
        pln_schedule_statistics(pln_session_schedule(d->session), &statistics);
        row.planned = statistics.planned_bytes;
    }
    finish_answer(&mine);
    if (status == PLN_OK && !row.difference.agrees) {
        c->disagrees = true;
        status = find_divergence(m, d->devices, reference, common, batch, diverges, sizeof diverges, error);
    }
    if (status == PLN_OK)
        print_row(c, batch, &row);
    return status;
}

static pln_status compare_batch(struct compare *c, struct measure *m, pln_devices *reference,
                                const struct cli_common *common, const struct cli_batch *batch, pln_error *error)
{
    struct answer right = {0};
    const struct cli_common plain = {0};
    pln_status status = run_on(m, reference, &plain, false, batch, &right, error);
    if (status == PLN_OK)
        status = measure_run(m, batch, seconds_a_device, error);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++)
        status = compare_device(c, m, reference, i, common, batch, &right, error);
    finish_answer(&right);
    return status;
}

static pln_status compare_shapes(struct compare *c, struct measure *m, pln_devices *reference,
                                 const struct cli_common *common, const struct cli_shape *shapes, uint32_t n,
                                 pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < n; i++) {
        struct cli_batch batch;
        *error = (pln_error){.status = PLN_NO_MEMORY, .message = "no memory for a batch"};
        status = PLN_NO_MEMORY;
        if (cli_batch_random(&batch, shapes[i], 0, (uint32_t)pln_model_number(m->model, "vocab_size"), common->seed))
            status = compare_batch(c, m, reference, common, &batch, error);
        cli_batch_finish(&batch);
    }
    return status;
}

static pln_status compare(struct compare *c, const struct cli_common *common, const struct cli_list *arguments,
                          const struct cli_shape *shapes, uint32_t n_shapes, pln_error *error)
{
    struct measure m = {0};
    pln_devices *reference = NULL;
    struct cli_list texts = {.n = arguments->n - 1};
    static const char *const precise[] = {"precision=f64"};
    memcpy(texts.items, arguments->items + 1, texts.n * sizeof *texts.items);
    if (!texts.n)
        texts = (struct cli_list){1, {CLI_SENTENCE}};
    pln_status status = measure_open(&m, common, arguments->items[0], (pln_session_options){0}, error);
    if (status == PLN_OK)
        status = pln_devices_open(m.runtime, "reference", precise, 1, &reference, error);
    if (status == PLN_OK && !c->json)
        printf("%-12s %9s %9s %9s %11s %9s %12s %11s  %-9s %s\n", "device", "shape", "p50 ms", "p90 ms", "tokens/s",
               "GFLOP/s", "bytes", "difference", "verdict", "first node that diverges");
    if (status == PLN_OK && n_shapes) {
        status = compare_shapes(c, &m, reference, common, shapes, n_shapes, error);
    } else if (status == PLN_OK) {
        struct cli_batch batch = {0};
        status = cli_batch_texts(&batch, m.model, &texts, error);
        if (status == PLN_OK)
            status = compare_batch(c, &m, reference, common, &batch, error);
        cli_batch_finish(&batch);
    }
    pln_devices_close(&reference);
    measure_close(&m);
    return status;
}

int cli_compare(int argc, char **argv)
{
    struct cli_common common = {0};
    struct compare c = {0};
    struct cli_list arguments = {0};
    struct cli_shape shapes[MOST_SHAPES];
    uint32_t n_shapes = 0;
    struct cli_option options[CLI_COMMON_OPTIONS + 2];
    cli_common_options(&common, "--devices", options);
    options[CLI_COMMON_OPTIONS] =
        (struct cli_option){"--shapes", CLI_TEXT, &c.shapes, "LIST", "random ids of batch x tokens instead of text"};
    options[CLI_COMMON_OPTIONS + 1] =
        (struct cli_option){"--json", CLI_FLAG, &c.json, NULL, "one JSON object a device"};
    static const struct cli_usage usage = {
        .synopsis = "compare MODEL [TEXT...]",
        .description =
            "The same input on every usable device, CPU-type Vulkan and OpenCL ones too, beside the reference in f64:\n"
            "times, speed, planned bytes, largest difference, and the first node that diverges. Exit code 5 when one\n"
            "disagrees by more than 5e-5 (1 + |b|). A sentence of its own when no text is given.",
        .examples =
            "  pleione compare models/electra-tiny-discriminator\n"
            "  pleione compare MODEL --devices cpu,vulkan --shapes 1x128,8x128 --device-option vulkan.variant=gpu\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, CLI_COMMON_OPTIONS + 2, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("compare needs a MODEL directory");
    if (c.shapes && !cli_parse_shapes(c.shapes, shapes, MOST_SHAPES, &n_shapes))
        return PLN_INVALID;
    cli_catch_interrupt();
    pln_error error;
    if (compare(&c, &common, &arguments, shapes, n_shapes, &error) != PLN_OK)
        return cli_fail(&error);
    const int written = cli_finish_output();
    return written ? written : cli_interrupted() ? CLI_INTERRUPTED : c.disagrees ? PLN_DISAGREE : 0;
}
