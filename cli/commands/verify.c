/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione verify: is it my card, my driver or my data? Forward pass, gradients and a short training on a device beside
 * the reference in f64, and where they part first.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/beside.h"
#include "cli/commands/commands.h"
#include "cli/measuring/labelled.h"
#include "cli/terminal.h"

enum { BATCH = 8, LENGTH = 24, STEPS = 20 };

/* Of single numbers |a - b| <= forward (1 + |b|); of a gradient or a weight, the norm of the difference by its own. */
static const double forward_tolerance = 5e-5, gradient_tolerance = 1e-3, loss_tolerance = 1e-4, weight_tolerance = 5e-3;
/* The gradient of the biases of keys is nothing, so that rounding alone moves them: differences below these pass. */
static const double least_weights = 1e-5, least_gradients = 1e-6; /* the second of the largest norm of a tensor */

struct side {
    pln_devices *devices;
    pln_trainer *trainer;
};

struct verify {
    const struct cli_common *common;
    bool train;
    pln_runtime *runtime;
    pln_model *model;
    struct side device, reference;
    struct cli_labelled batch;
    pln_head head;
    bool failed;
};

/* The model that comes with pleione: in the build folder there is a link to it, else it was installed. */
static const char *shipped_model(char *path)
{
    static const char *const places[] = {"../models", "../share/pleione/models"};
    cli_find_beside(places, sizeof places / sizeof *places, "electra-tiny-discriminator", R_OK, path);
    return path;
}

static pln_status open_side(struct verify *v, const char *list, const char *const *options, uint32_t n_options,
                            struct side *side, pln_error *error)
{
    pln_trainer_options o = PLN_TRAINER_DEFAULTS;
    o.head = v->head;
    o.seed = v->common->seed;
    o.semantics = v->common->semantics;
    const pln_schedule_options placement = cli_placement(v->common);
    o.placement = side == &v->device ? &placement : NULL;
    pln_status status = pln_devices_open(v->runtime, list, options, n_options, &side->devices, error);
    if (status == PLN_OK)
        status = pln_trainer_create(v->model, side->devices, &o, &side->trainer, error);
    return status;
}

static pln_status open_verify(struct verify *v, const char *directory, pln_error *error)
{
    static const char *const precise[] = {"precision=f64"};
    const struct cli_common *c = v->common;
    const pln_model_options options = cli_model_options(c);
    pln_status status = cli_open_runtime(c, &v->runtime, error);
    if (status == PLN_OK)
        status = pln_model_open(v->runtime, directory, &options, &v->model, error);
    if (status != PLN_OK)
        return status;
    v->head = pln_model_head(v->model);
    if (pln_head_labels(v->head) == PLN_LABELS_NONE)
        v->head = PLN_HEAD_PRETRAINING;
    status = open_side(v, cli_choose_device(c), c->device_options.items, c->device_options.n, &v->device, error);
    if (status == PLN_OK)
        status = open_side(v, "reference", precise, 1, &v->reference, error);
    const uint32_t most = (uint32_t)pln_model_number(v->model, "max_position_embeddings");
    const struct cli_shape shape = {.batch = BATCH, .length = most < LENGTH ? most : LENGTH};
    if (status == PLN_OK)
        status = cli_labelled_random(&v->batch, v->model, v->head, shape, c->seed + 1, error);
    return status;
}

static void close_verify(struct verify *v)
{
    struct side *sides[] = {&v->device, &v->reference};
    cli_labelled_finish(&v->batch);
    for (size_t i = 0; i < 2; i++)
        pln_trainer_destroy(&sides[i]->trainer);
    pln_model_close(&v->model);
    for (size_t i = 0; i < 2; i++)
        pln_devices_close(&sides[i]->devices);
    pln_runtime_destroy(&v->runtime);
}

/* A line that a terminal may break between words. */
static void print_line(const char *text)
{
    terminal_fill(stdout, text, 0, 2, terminal_width(stdout) ? terminal_width(stdout) : SIZE_MAX);
}

static void judge(struct verify *v, const char *what, bool right, double difference, const char *first)
{
    const enum terminal_style style = right ? TERMINAL_GOOD : TERMINAL_BAD;
    cli_line_hide();
    const int used = printf("%-28s ", what);
    printf("%s%-9s%s  ", terminal_style(stdout, style), right ? "agrees" : "DISAGREES",
           terminal_style(stdout, TERMINAL_PLAIN));
    char text[256];
    snprintf(text, sizeof text, "largest difference %.2e%s%s", difference, right ? "" : ", first at ",
             right ? "" : first);
    terminal_fill(stdout, text, (size_t)used + 11, 4, terminal_width(stdout) ? terminal_width(stdout) : SIZE_MAX);
    v->failed |= !right;
}

/* ---- node by node */

/* The largest difference of two tensors, over what is allowed; NaN on one side only is infinite. */
static double excess(const pln_tensor *a, const pln_tensor *b, double scale, double *largest)
{
    const float *x = a->data, *y = b->data;
    double worst = 0;
    for (uint64_t i = 0; i < pln_tensor_elements(b); i++) {
        if (isnan(x[i]) && isnan(y[i]))
            continue;
        const double gap = fabs((double)x[i] - (double)y[i]);
        const double over = isnan(gap) ? INFINITY : gap / (scale + fabs((double)y[i]));
        worst = over > worst ? over : worst;
        *largest = gap > *largest || isnan(gap) ? gap : *largest;
    }
    return worst;
}

/* Gradients are small numbers: they are held against the largest of their node. */
static double scale_of(const pln_tensor *t, bool backward)
{
    double most = 0;
    const float *y = t->data;
    for (uint64_t i = 0; backward && i < pln_tensor_elements(t); i++)
        most = fabs((double)y[i]) > most ? fabs((double)y[i]) : most;
    return backward ? most : 1;
}

struct trace {
    bool right[2]; /* forward, backward */
    double largest[2];
    char first[2][160];
};

static void compare_traces(const pln_tensor *a, const pln_tensor *b, uint32_t n, struct trace *t)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strncmp(b[i].name, "node:", 5) != 0)
            continue;
        const bool backward = strstr(b[i].name, ".backward") != NULL;
        const double scale = scale_of(&b[i], backward), limit = backward ? gradient_tolerance : forward_tolerance;
        const double over = scale > 0 ? excess(&a[i], &b[i], scale, &t->largest[backward]) : 0;
        if (over > limit && t->right[backward]) {
            t->right[backward] = false;
            snprintf(t->first[backward], sizeof t->first[backward], "%s", b[i].name + 5);
        }
    }
}

/* Numbers that are not finite in the reference too say nothing about the device. PLN_FAILED names the first node. */
static pln_status check_finite(const pln_tensor *tensors, uint32_t n, bool train, pln_error *error)
{
    for (uint32_t i = 0; i < n; i++) {
        const float *x = tensors[i].data;
        if (strncmp(tensors[i].name, "node:", 5) != 0 || (!train && strstr(tensors[i].name, ".backward")))
            continue;
        for (uint64_t j = 0; j < pln_tensor_elements(&tensors[i]); j++) {
            if (isfinite(x[j]))
                continue;
            *error = (pln_error){.status = PLN_FAILED, .node = -1};
            snprintf(error->message, sizeof error->message,
                     "there is nothing to compare: the reference itself is not finite at node %.200s; a weight is not "
                     "finite, or too large",
                     tensors[i].name + 5);
            return PLN_FAILED;
        }
    }
    return PLN_OK;
}

static pln_status verify_nodes(struct verify *v, pln_error *error)
{
    struct trace t = {.right = {true, true}};
    const pln_tensor *a, *b;
    uint32_t n, m;
    cli_wait_begin(true, "running node by node on both");
    pln_status status = pln_trainer_trace(v->device.trainer, v->batch.tensors, v->batch.n, &a, &n, error);
    if (status == PLN_OK)
        status = pln_trainer_trace(v->reference.trainer, v->batch.tensors, v->batch.n, &b, &m, error);
    if (status != PLN_OK)
        return status;
    status = check_finite(b, m, v->train, error);
    if (status != PLN_OK)
        return status;
    compare_traces(a, b, n < m ? n : m, &t);
    judge(v, "forward, node by node", t.right[0], t.largest[0], t.first[0]);
    if (v->train)
        judge(v, "backward, node by node", t.right[1], t.largest[1], t.first[1]);
    return PLN_OK;
}

/* ---- tensor by tensor */

static double norm_of(const pln_tensor *a, const pln_tensor *b)
{
    const float *x = a->data, *y = b ? b->data : NULL;
    double sum = 0;
    for (uint64_t i = 0; i < pln_tensor_elements(a); i++) {
        const double gap = (double)x[i] - (y ? (double)y[i] : 0);
        sum += gap * gap;
    }
    return sqrt(sum);
}

static double largest_norm(const pln_tensor *tensors, uint32_t n)
{
    double most = 0;
    for (uint32_t i = 0; i < n; i++)
        most = fmax(most, norm_of(&tensors[i], NULL));
    return most;
}

static void compare_norms(struct verify *v, const char *what, const pln_tensor *a, const pln_tensor *b, uint32_t n,
                          double tolerance, double least)
{
    double worst = 0;
    const char *first = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const double gap = norm_of(&a[i], &b[i]), relative = gap <= least ? 0 : gap / norm_of(&b[i], NULL);
        if (!first && !(relative <= tolerance))
            first = b[i].name;
        worst = relative > worst || isnan(relative) ? relative : worst;
    }
    judge(v, what, !first, worst, first ? first : "");
}

static pln_status verify_gradients(struct verify *v, pln_error *error)
{
    const pln_tensor *a, *b;
    uint32_t n, m;
    float loss;
    cli_wait_begin(true, "gradients on both");
    pln_status status = pln_trainer_gradients(v->device.trainer, v->batch.tensors, v->batch.n, &loss, &a, &n, error);
    if (status == PLN_OK)
        status = pln_trainer_gradients(v->reference.trainer, v->batch.tensors, v->batch.n, &loss, &b, &m, error);
    if (status == PLN_OK)
        compare_norms(v, "gradients of the weights", a, b, n < m ? n : m, gradient_tolerance,
                      least_gradients * largest_norm(b, m));
    return status;
}

static pln_status verify_steps(struct verify *v, pln_error *error)
{
    double worst = 0;
    char first[32] = "";
    const pln_tensor *a, *b;
    uint32_t n, m;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < STEPS && !cli_interrupted(); i++) {
        cli_wait_begin(true, "step %u of %d on both", i + 1, STEPS);
        pln_trainer_report mine = {.size = sizeof mine}, right = {.size = sizeof right};
        status = pln_trainer_step(v->device.trainer, v->batch.tensors, v->batch.n, &mine, error);
        if (status == PLN_OK)
            status = pln_trainer_step(v->reference.trainer, v->batch.tensors, v->batch.n, &right, error);
        if (status != PLN_OK)
            return status;
        const double gap = fabs((double)mine.loss - (double)right.loss) / fabs((double)right.loss);
        if (!*first && !(gap <= loss_tolerance))
            snprintf(first, sizeof first, "step %u", i + 1);
        worst = gap > worst || isnan(gap) ? gap : worst;
    }
    if (cli_interrupted())
        return PLN_OK;
    judge(v, "losses of 20 steps", !*first, worst, first);
    status = pln_trainer_parameters(v->device.trainer, &a, &n, error);
    if (status == PLN_OK)
        status = pln_trainer_parameters(v->reference.trainer, &b, &m, error);
    if (status == PLN_OK)
        compare_norms(v, "weights after them", a, b, n < m ? n : m, weight_tolerance, least_weights);
    return status;
}

static int verify(struct verify *v, const char *directory)
{
    pln_error error;
    pln_status status = open_verify(v, directory, &error);
    if (status == PLN_OK) {
        const pln_device_entry *e = pln_devices_entry(v->device.devices, 0);
        char text[CLI_BESIDE_BYTES + 512];
        snprintf(text, sizeof text, "%s (%s, driver %s) beside the reference in f64, %s of %s", e->name, e->info.name,
                 e->info.driver, pln_head_string(v->head), directory);
        print_line(text);
        status = verify_nodes(v, &error);
    }
    if (status == PLN_OK && v->train)
        status = verify_gradients(v, &error);
    if (status == PLN_OK && v->train)
        status = verify_steps(v, &error);
    if (status == PLN_OK && !cli_interrupted())
        print_line(
            v->failed ? "verdict: the device computes something else; the node named first is where to look: a driver, "
                        "or a kernel"
                      : "verdict: device and driver compute what they should; if answers are wrong, look at the data");
    cli_wait_end();
    const int code = status == PLN_OK ? 0 : cli_fail(&error);
    close_verify(v);
    const int written = cli_finish_output();
    if (code || written)
        return code ? code : written;
    if (cli_interrupted())
        return CLI_INTERRUPTED;
    return v->failed ? PLN_DISAGREE : 0;
}

int cli_verify(int argc, char **argv)
{
    static struct cli_common common;
    struct verify v = {.common = &common};
    static struct cli_list arguments;
    struct cli_options options = {0};
    char path[CLI_BESIDE_BYTES];
    cli_common_options(&common, "--device", &options);
    const struct cli_option own = {"--train", CLI_FLAG, &v.train, NULL, "gradients and 20 steps of training too"};
    cli_add_options(&options, &own, 1);
    static const struct cli_usage usage = {
        .synopsis = "verify [--train] [MODEL]",
        .description =
            "Is it my card, my driver or my data? The forward pass, and with --train gradients and 20 steps, "
            "on a device beside\n"
            "the reference in double precision; names the first node that differs. Exit code 5 if one does. "
            "Without MODEL\n"
            "the small discriminator that comes with pleione.",
        .examples = "  pleione verify --train --device vulkan\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n > 1)
        return cli_usage_error("verify takes one MODEL directory, or none");
    cli_catch_interrupt();
    return verify(&v, arguments.n ? arguments.items[0] : shipped_model(path));
}
