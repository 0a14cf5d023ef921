/* SPDX-License-Identifier: Apache-2.0
 *
 * A program and a library that were built with headers of different ages. Under the address sanitizer, with structs of
 * exactly the size that they claim: test_growth MODELS PLUGINS. With KNOWN_MORE the library is one whose structs have grown by
 * as many bytes (make_grown.py), and the program is today's; without it the program is also one from later.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

#ifndef KNOWN_MORE
#define KNOWN_MORE 0
#endif

static const char *models, *plugins;
static pln_runtime *runtime;
static pln_devices *devices;
static pln_model *model;
static const pln_tokenizer *tokenizer;
static pln_schedule *schedule; /* of y = gather(x, ids) after a run */
static pln_trainer *trainer;
static const uint32_t dims[] = {0, 2};

static pln_graph *begin_graph(pln_value **x)
{
    pln_graph *g = pln_graph_create("g");
    *x = pln_graph_input(g, "x", PLN_F32, pln_rows_of(pln_graph_symbol(g, "rows")), 4);
    return g;
}

/* ---- what takes options: the call with them, and what becomes of it */

static pln_status take_runtime(const void *o, pln_error *error)
{
    pln_runtime *r;
    const pln_status status = pln_runtime_create(o, &r, error);
    pln_runtime_destroy(&r);
    return status;
}

static pln_status take_model(const void *o, pln_error *error)
{
    static char path[512];
    pln_model *m;
    snprintf(path, sizeof path, "%s/electra-tiny-generator", models);
    const pln_status status = pln_model_open(runtime, path, o, &m, error);
    pln_model_close(&m);
    return status;
}

static pln_status take_session(const void *o, pln_error *error)
{
    pln_session *s;
    const pln_status status = pln_session_create(model, devices, o, &s, error);
    pln_session_destroy(&s);
    return status;
}

static pln_status take_save(const void *o, pln_error *error)
{
    char folder[] = "grown-XXXXXX", command[64];
    if (!mkdtemp(folder))
        return PLN_FAILED;
    const pln_status status = pln_model_save(model, folder, o, error);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : PLN_FAILED;
}

static pln_status take_schedule_of_session(const void *o, pln_error *error)
{
    return take_session(PLN_OPTIONS(pln_session_options, .schedule = o), error);
}

/* Standard streams, of which nothing is used. */
static pln_status take_reader(const void *o, pln_error *error)
{
    pln_reader *r;
    const pln_status status = pln_reader_open("-", o, &r, error);
    pln_reader_close(&r);
    return status;
}

static pln_status take_writer(const void *o, pln_error *error)
{
    pln_writer *p;
    const pln_status status = pln_writer_open("-", o, &p, error);
    pln_writer_close(&p);
    return status;
}

static pln_status take_trainer(const void *o, pln_error *error)
{
    pln_trainer *t;
    const pln_status status = pln_trainer_create(model, devices, o, &t, error);
    pln_trainer_destroy(&t);
    return status;
}

static pln_status take_generator(const void *o, pln_error *error)
{
    static char path[512];
    pln_model *m;
    pln_session *s = NULL;
    pln_generator *g = NULL;
    snprintf(path, sizeof path, "%s/../tests/generation/cases/writer", models);
    pln_status status = pln_model_open(runtime, path, NULL, &m, error);
    if (status == PLN_OK)
        status = pln_session_create(m, devices, NULL, &s, error);
    if (status == PLN_OK)
        status = pln_generator_create(s, o, &g, error);
    pln_generator_destroy(&g);
    pln_session_destroy(&s);
    pln_model_close(&m);
    return status;
}

static pln_status take_tokenizer(const void *o, pln_error *error)
{
    pln_tokenizer *t;
    static char path[512];
    snprintf(path, sizeof path, "%s/electra-tiny-generator", models);
    const pln_status status = pln_tokenizer_open(path, o, &t, error);
    pln_tokenizer_close(&t);
    return status;
}

static pln_status take_decode(const void *o, pln_error *error)
{
    char *text;
    const pln_status status = pln_tokenizer_decode(tokenizer, NULL, 0, o, &text, error);
    pln_free(text);
    return status;
}

static pln_status take_encode(const void *o, pln_error *error)
{
    pln_encoder *e;
    const pln_encodings *encodings;
    pln_status status = pln_encoder_create(tokenizer, 1, &e, error);
    if (status == PLN_OK)
        status = pln_encoder_encode(e, NULL, 0, o, &encodings, error);
    pln_encoder_destroy(&e);
    return status;
}

static pln_status take_pretraining(const void *o, pln_error *error)
{
    pln_trainer *t = NULL;
    const pln_status status = pln_trainer_create_pretraining(model, model, devices, NULL, o, &t, error);
    pln_trainer_destroy(&t);
    return status;
}

static pln_status take_corpus(const void *o, pln_error *error)
{
    static const char *const paths[] = {"-"};
    pln_corpus *c = NULL;
    const pln_status status = pln_corpus_open(tokenizer, paths, 1, o, &c, error);
    pln_corpus_close(&c);
    return status;
}

static pln_status no_rows(void *context, const pln_record **row, pln_error *error)
{
    (void)context;
    (void)error;
    *row = NULL;
    return PLN_OK;
}

static bool no_answer(void *context, const pln_answer *answer)
{
    (void)context;
    (void)answer;
    return false;
}

static pln_status run_task(const pln_task_stream *stream, pln_task_report *report, pln_error *error)
{
    pln_session *s = NULL;
    pln_task *t = NULL;
    pln_status status = pln_session_create(model, devices, NULL, &s, error);
    if (status == PLN_OK)
        status = pln_task_create(s, NULL, NULL, 0, &t, error);
    if (status == PLN_OK)
        status = pln_task_run(t, stream, report, error);
    pln_task_destroy(&t);
    pln_session_destroy(&s);
    return status;
}

static const pln_task_stream usual_stream = {.size = sizeof usual_stream, .next = no_rows, .answer = no_answer};

static pln_status take_stream(const void *o, pln_error *error)
{
    return run_task(o, NULL, error);
}

static pln_status take_lessons(const void *o, pln_error *error)
{
    pln_lessons *lessons = NULL;
    const pln_status status = pln_lessons_create(model, "fill-mask", NULL, 0, o, &lessons, error);
    pln_lessons_destroy(&lessons);
    return status;
}

static pln_status take_scores(const void *o, pln_error *error)
{
    const pln_session_options options = {.size = sizeof options, .head = PLN_HEAD_MASKED_LM};
    pln_session *s = NULL;
    pln_task *t = NULL;
    pln_scores *scores = NULL;
    pln_status status = pln_session_create(model, devices, &options, &s, error);
    if (status == PLN_OK)
        status = pln_task_create(s, NULL, NULL, 0, &t, error);
    if (status == PLN_OK)
        status = pln_scores_create(t, o, &scores, error);
    pln_scores_destroy(&scores);
    pln_task_destroy(&t);
    pln_session_destroy(&s);
    return status;
}

static pln_status take_vocabulary(const void *o, pln_error *error)
{
    pln_vocabulary_trainer *t;
    const pln_status status = pln_vocabulary_trainer_create(o, &t, error);
    pln_vocabulary_trainer_destroy(&t);
    return status;
}

enum op { EMBED, LINEAR, LAYER_NORM, ATTENTION, ACTIVATION, SAMPLE, LOSS, ADAMW, PARAMETER, GRADIENT };

/* One op of a graph; what else it needs is missing for some, and then the sentence is about that. */
static pln_status take_op(enum op op, const void *o, pln_error *error)
{
    static const float w[16];
    static const pln_tensor tensor = {"w", PLN_F32, 2, {4, 4}, w};
    const pln_tensor *part = &tensor;
    pln_value *x;
    pln_graph *g = begin_graph(&x);
    pln_value *labels = pln_graph_input(g, "labels", PLN_F32, pln_rows_of(1), 4);
    pln_graph_output(g, "y", pln_gather(g, "rows", x, pln_graph_input(g, "ids", PLN_I32, pln_rows_of(1), 1)));
    if (op == EMBED)
        pln_embed(g, x, x, x, x, o);
    if (op == LINEAR)
        pln_linear(g, x, pln_graph_constant(g, "w", &part, 1), o);
    if (op == LAYER_NORM)
        pln_layer_norm(g, x, x, x, o);
    if (op == ATTENTION)
        pln_attention(g, x, o);
    if (op == ACTIVATION)
        pln_activation(g, x, PLN_ACTIVATION_GELU, o);
    if (op == SAMPLE)
        pln_sample(g, x, x, x, o);
    if (op == LOSS)
        pln_mean_squared_error(g, "loss", x, labels, o);
    if (op == ADAMW)
        pln_adamw(g, "adamw", o);
    if (op == PARAMETER)
        pln_graph_parameter(g, "w", &part, 1, o);
    if (op == GRADIENT) {
        pln_value *weight = pln_graph_parameter(g, "w", &part, 1, NULL);
        const pln_loss loss = {pln_mean_squared_error(g, "loss", pln_linear(g, x, weight, NULL), labels, NULL), 1};
        pln_graph_gradients(g, &loss, 1, o);
    }
    const pln_status status = pln_graph_finish(g, error);
    pln_graph_destroy(&g);
    return status;
}

#define TAKE_OP(name, op)                                                                                              \
    static pln_status name(const void *o, pln_error *error)                                                            \
    {                                                                                                                  \
        return take_op(op, o, error);                                                                                  \
    }
TAKE_OP(take_embed, EMBED)
TAKE_OP(take_linear, LINEAR)
TAKE_OP(take_layer_norm, LAYER_NORM)
TAKE_OP(take_attention, ATTENTION)
TAKE_OP(take_activation, ACTIVATION)
TAKE_OP(take_sample, SAMPLE)
TAKE_OP(take_loss, LOSS)
TAKE_OP(take_adamw, ADAMW)
TAKE_OP(take_parameter, PARAMETER)
TAKE_OP(take_gradient, GRADIENT)

static const pln_trainer_options usual_trainer = PLN_TRAINER_DEFAULTS;
static const pln_generator_options usual_generator = PLN_GENERATOR_DEFAULTS;
static const pln_runtime_options one_thread = {.size = sizeof one_thread, .threads = 1};

static const struct taker {
    const char *type;
    uint32_t size;
    pln_status (*take)(const void *options, pln_error *error);
    bool alone;          /* with zeros it is all that the call needs */
    const void *initial; /* NULL: zeros */
} takers[] = {
#define TAKER(type, take, alone, initial)                                                                              \
    {                                                                                                                  \
#type, sizeof(type), take, alone, initial                                                                      \
    }
    TAKER(pln_runtime_options, take_runtime, true, &one_thread),
    TAKER(pln_model_options, take_model, true, NULL),
    TAKER(pln_save_options, take_save, true, NULL),
    TAKER(pln_session_options, take_session, true, NULL),
    TAKER(pln_schedule_options, take_schedule_of_session, true, NULL),
    TAKER(pln_trainer_options, take_trainer, true, &usual_trainer),
    TAKER(pln_generator_options, take_generator, true, &usual_generator),
    TAKER(pln_tokenizer_options, take_tokenizer, true, NULL),
    TAKER(pln_pretraining_options, take_pretraining, true, NULL),
    TAKER(pln_corpus_options, take_corpus, true, NULL),
    TAKER(pln_decode_options, take_decode, true, NULL),
    TAKER(pln_encode_options, take_encode, true, NULL),
    TAKER(pln_vocabulary_options, take_vocabulary, true, NULL),
    TAKER(pln_task_stream, take_stream, true, &usual_stream),
    TAKER(pln_scores_options, take_scores, true, NULL),
    TAKER(pln_lessons_options, take_lessons, true, NULL),
    TAKER(pln_embed_options, take_embed, false, NULL),
    TAKER(pln_linear_options, take_linear, true, NULL),
    TAKER(pln_layer_norm_options, take_layer_norm, false, NULL),
    TAKER(pln_attention_options, take_attention, false, NULL),
    TAKER(pln_activation_options, take_activation, true, NULL),
    TAKER(pln_sample_options, take_sample, false, NULL),
    TAKER(pln_loss_options, take_loss, true, NULL),
    TAKER(pln_adamw_operands, take_adamw, false, NULL),
    TAKER(pln_parameter_options, take_parameter, true, NULL),
    TAKER(pln_gradient_options, take_gradient, true, NULL),
    TAKER(pln_reader_options, take_reader, true, NULL),
    TAKER(pln_writer_options, take_writer, true, NULL),
};

/* The options in memory of `bytes` bytes that say `size`; `last` is their last byte where they are longer than ours. */
static pln_status take(const struct taker *t, uint32_t bytes, uint32_t size, unsigned char last, pln_error *error)
{
    unsigned char *o = calloc(1, bytes);
    assert_non_null(o);
    if (t->initial)
        memcpy(o, t->initial, bytes < t->size ? bytes : t->size);
    memcpy(o, &size, sizeof size);
    if (bytes > t->size)
        o[bytes - 1] = last;
    *error = (pln_error){0};
    const pln_status status = t->take(o, error);
    free(o);
    return status;
}

/* Taken, so that what is wrong, if anything, is not the size. */
static void taken(const struct taker *t, pln_status status, const pln_error *error)
{
    if (t->alone ? status != PLN_OK : strstr(error->message, "the size of") || strstr(error->message, "does not know"))
        fail_msg("%s: %s", t->type, error->message);
}

static void refused(const struct taker *t, pln_status status, pln_status wanted, const char *words,
                    const pln_error *error)
{
    if (status != wanted || !strstr(error->message, words) || !strstr(error->message, t->type))
        fail_msg("%s: %d, \"%s\" does not say \"%s\"", t->type, status, error->message, words);
}

static void test_options(void **state)
{
    (void)state;
    pln_error error;
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++) {
        const struct taker *t = &takers[i];
        taken(t, take(t, t->size, t->size, 0, &error), &error);
        refused(t, take(t, t->size, 0, 0, &error), PLN_INVALID, "the size of", &error);
        refused(t, take(t, sizeof(uint32_t), sizeof(uint32_t), 0, &error), PLN_INVALID, "the size of", &error);
        /* From a later header: nothing of it is used, then something. */
        const uint32_t more = t->size + KNOWN_MORE + 8;
        taken(t, take(t, more, more, 0, &error), &error);
        refused(t, take(t, more, more, 1, &error), PLN_UNSUPPORTED, "does not know", &error);
        if (KNOWN_MORE)
            taken(t, take(t, t->size + KNOWN_MORE, t->size + KNOWN_MORE, 1, &error), &error);
    }
}

/* ---- what is filled */

static pln_status fill_memory(void *out, pln_error *error)
{
    return pln_schedule_estimate(schedule, dims, 2, 0, out, error);
}

static pln_status fill_memory_of_trainer(void *out, pln_error *error)
{
    return pln_trainer_estimate(trainer, 1, 4, 0, out, error);
}

static pln_status fill_statistics(void *out, pln_error *error)
{
    return pln_schedule_statistics(schedule, out, error);
}

static pln_status fill_node(void *out, pln_error *error)
{
    return pln_schedule_node(schedule, 0, out, error);
}

static pln_status fill_step(void *out, pln_error *error)
{
    static const int32_t ids[] = {2, 99, 4, 3}, labels[] = {-100, -100, 96, -100};
    static const pln_tensor batch[] = {{"input_ids", PLN_I32, 2, {1, 4}, ids}, {"labels", PLN_I32, 2, {1, 4}, labels}};
    return pln_trainer_step(trainer, batch, 2, out, error);
}

static pln_status fill_halves(void *out, pln_error *error)
{
    static const int32_t ids[] = {2, 99, 97, 3}, masked[] = {2, 4, 97, 3}, at[] = {1};
    static const pln_tensor batch[] = {{"input_ids", PLN_I32, 2, {1, 4}, ids},
                                       {"masked_ids", PLN_I32, 2, {1, 4}, masked},
                                       {"positions", PLN_I32, 2, {1, 1}, at}};
    pln_trainer *t = NULL;
    pln_status status = pln_trainer_create_pretraining(model, model, devices, NULL, NULL, &t, error);
    if (status == PLN_OK)
        status = pln_trainer_pretraining_evaluate(t, batch, 3, 0, out, error);
    pln_trainer_destroy(&t);
    return status;
}

static pln_status fill_report(void *out, pln_error *error)
{
    return run_task(&usual_stream, out, error);
}

static pln_status fill_trainer_options(void *out, pln_error *error)
{
    return pln_trainer_defaults(out, error);
}

static pln_status fill_generator_options(void *out, pln_error *error)
{
    return pln_generator_defaults(out, error);
}

static pln_status fill_encode_options(void *out, pln_error *error)
{
    return pln_tokenizer_defaults(tokenizer, out, error);
}

static const struct filler {
    const char *type;
    uint32_t size;
    pln_status (*fill)(void *out, pln_error *error);
} fillers[] = {
#define FILLER(type, fill)                                                                                             \
    {                                                                                                                  \
#type, sizeof(type), fill                                                                                      \
    }
    FILLER(pln_memory, fill_memory),
    FILLER(pln_memory, fill_memory_of_trainer),
    FILLER(pln_statistics, fill_statistics),
    FILLER(pln_node_report, fill_node),
    FILLER(pln_trainer_report, fill_step),
    FILLER(pln_pretraining_report, fill_halves),
    FILLER(pln_task_report, fill_report),
    FILLER(pln_trainer_options, fill_trainer_options),
    FILLER(pln_generator_options, fill_generator_options),
    FILLER(pln_encode_options, fill_encode_options),
};

/* All of what is asked for is written, and nothing of what the library does not know. */
static void test_filled(void **state)
{
    (void)state;
    pln_error error;
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        const struct filler *f = &fillers[i];
        for (uint32_t more = 0; more <= KNOWN_MORE + 8u; more += 8) {
            const uint32_t size = f->size + more;
            unsigned char *out = malloc(size);
            assert_non_null(out);
            memset(out, 0xA5, size);
            memcpy(out, &size, sizeof size);
            must(f->fill(out, &error), &error);
            uint32_t said;
            memcpy(&said, out, sizeof said);
            assert_int_equal(said, size);
            for (uint32_t j = f->size + KNOWN_MORE; j < size; j++)
                assert_int_equal(out[j], 0xA5);
            free(out);
        }
        for (uint32_t size = 0; size <= 4; size += 4) {
            uint32_t only = size;
            assert_int_equal(f->fill(&only, &error), PLN_INVALID);
            if (!strstr(error.message, "the size of") || !strstr(error.message, f->type))
                fail_msg("%s: %s", f->type, error.message);
        }
    }
}

/* Entries of the caller's arrays begin where he says. */
static void test_strides(void **state)
{
    (void)state;
    pln_error error;
    uint32_t n = 99;
    for (uint32_t more = 0; more <= KNOWN_MORE + 8u; more += 8) {
        const uint32_t kernel = (uint32_t)sizeof(pln_kernel_info) + more,
                       program = (uint32_t)sizeof(pln_program) + more;
        pln_kernel_info *kernels = malloc(kernel);
        pln_program *programs = malloc(program);
        assert_true(kernels && programs);
        must(pln_schedule_kernels(schedule, 0, kernels, kernel, 1, &n, &error), &error);
        must(pln_schedule_programs(schedule, dims, 2, 0, programs, program, 1, &n, &error), &error);
        free(kernels);
        free(programs);
    }
    pln_kernel_info one;
    pln_program another;
    assert_int_equal(pln_schedule_kernels(schedule, 0, &one, 8, 1, &n, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "the size of pln_kernel_info is 8"));
    assert_int_equal(pln_schedule_programs(schedule, dims, 2, 0, &another, 8, 1, &n, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "the size of pln_program is 8"));
    must(pln_schedule_kernels(schedule, 0, NULL, 0, 0, &n, &error), &error);
}

/* A backend whose kernels and programs are shorter than what callers have. */
static void told_by(const char *device)
{
    pln_error error;
    pln_devices *told;
    pln_schedule *s;
    pln_kernel_info kernels[2];
    pln_program programs[2];
    pln_value *x;
    uint32_t n = 0;
    float data[8] = {1}, out[8];
    const pln_binding input = {"x", data}, output = {"y", out};
    pln_graph *g = begin_graph(&x);
    pln_graph_output(g, "y", pln_activation(g, x, PLN_ACTIVATION_GELU, NULL));
    must(pln_graph_finish(g, &error), &error);
    must(pln_devices_open(runtime, device, NULL, 0, &told, &error), &error);
    must(pln_schedule_create(g, told, NULL, &s, &error), &error);
    must(pln_schedule_run(s, dims, 2, &input, 1, &output, 1, &error), &error);
    must(pln_schedule_kernels(s, 0, kernels, sizeof *kernels, 2, &n, &error), &error);
    assert_int_equal(n, 2);
    assert_string_equal(kernels[0].name, "first");
    assert_string_equal(kernels[1].name, "second");
    assert_int_equal(kernels[1].inverse_throughput, 71);
    must(pln_schedule_programs(s, dims, 2, 0, programs, sizeof *programs, 2, &n, &error), &error);
    assert_int_equal(n, 2);
    assert_string_equal(programs[1].kernel, "second");
    assert_string_equal(programs[1].op, "activation");
    pln_schedule_destroy(&s);
    pln_devices_close(&told);
    pln_graph_destroy(&g);
}

static void test_kernels(void **state)
{
    (void)state;
    told_by("kernels");
}

static void test_version(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", PLN_VERSION_MAJOR, PLN_VERSION_MINOR, PLN_VERSION_PATCH);
    assert_string_equal(pln_version(), text);
}

static pln_status open_world(pln_graph **graph, pln_error *error)
{
    static char path[512];
    float data[8] = {1}, out[8];
    pln_value *x;
    const pln_binding input = {"x", data}, output = {"y", out};
    snprintf(path, sizeof path, "%s/electra-tiny-generator", models);
    *graph = begin_graph(&x);
    pln_graph_output(*graph, "y", pln_activation(*graph, x, PLN_ACTIVATION_GELU, NULL));
    pln_status status = pln_graph_finish(*graph, error);
    if (status == PLN_OK)
        status = pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .backend_path = plugins), &runtime,
                                    error);
    if (status == PLN_OK)
        status = pln_devices_open(runtime, "reference", NULL, 0, &devices, error);
    if (status == PLN_OK)
        status = pln_model_open(runtime, path, NULL, &model, error);
    if (status == PLN_OK)
        status = pln_model_tokenizer(model, &tokenizer, error);
    if (status == PLN_OK)
        status = pln_trainer_create(model, devices, NULL, &trainer, error);
    if (status == PLN_OK)
        status = pln_schedule_create(*graph, devices, NULL, &schedule, error);
    return status == PLN_OK ? pln_schedule_run(schedule, dims, 2, &input, 1, &output, 1, error) : status;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_options), cmocka_unit_test(test_filled),
                                       cmocka_unit_test(test_strides), cmocka_unit_test(test_kernels),
                                       cmocka_unit_test(test_version)};
    pln_error error = {.message = "usage: test_growth MODELS PLUGINS"};
    pln_graph *graph = NULL;
    models = argv[1];
    plugins = argv[2];
    if (argc != 3 || open_world(&graph, &error) != PLN_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_schedule_destroy(&schedule);
    pln_trainer_destroy(&trainer);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    pln_graph_destroy(&graph);
    return failed;
}
