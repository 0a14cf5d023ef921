/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden numbers of the specification: test_specification DEVICES [OPTION...]. Weights are made by formula: for the
 * tensor of name n (without "electra."), h = crc32(n) mod 1000, element i is 0.5 sin(1.7 i + 0.011 h), LayerNorm
 * weights 1 + 0.2 of that. The numbers are those of the Hugging Face implementation, printed with six digits.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/on_devices.h"

enum { V = 50, E = 8, H = 12, L = 2, HEADS = 3, I = 20, P = 16, MOST = 128 };
static const double tolerance = 1e-5;

/* ---- the model */

static uint32_t crc32_of(const char *text)
{
    uint32_t crc = 0xffffffffu;
    for (; *text; text++) {
        crc ^= (unsigned char)*text;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

struct weights {
    pln_tensor tensors[MOST];
    char names[MOST][256];
    uint32_t n;
};

static void add(struct weights *w, bool encoder, const char *name, uint64_t rows, uint64_t width)
{
    const uint64_t n = rows * (width ? width : 1);
    const double h = crc32_of(name) % 1000;
    const size_t length = strlen(name);
    const bool norm = length > 16 && strcmp(name + length - 16, "LayerNorm.weight") == 0;
    float *data = malloc(n * sizeof *data);
    for (uint64_t i = 0; i < n; i++) {
        const double v = 0.5 * sin(1.7 * (double)i + 0.011 * h);
        data[i] = (float)(norm ? 1 + 0.2 * v : v);
    }
    snprintf(w->names[w->n], sizeof w->names[w->n], "%s%s", encoder ? "electra." : "", name);
    w->tensors[w->n] = (pln_tensor){
        .name = w->names[w->n], .dtype = PLN_F32, .rank = width ? 2 : 1, .shape = {rows, width}, .data = data};
    w->n++;
}

static void add_dense(struct weights *w, bool encoder, const char *name, uint64_t out, uint64_t in)
{
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    add(w, encoder, full, out, in);
    snprintf(full, sizeof full, "%s.bias", name);
    add(w, encoder, full, out, 0);
}

static void add_norm(struct weights *w, bool encoder, const char *name, uint64_t width)
{
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    add(w, encoder, full, width, 0);
    snprintf(full, sizeof full, "%s.bias", name);
    add(w, encoder, full, width, 0);
}

static void add_attention(struct weights *w, const char *layer, const char *block, bool relative)
{
    static const char *const parts[] = {"self.query", "self.key", "self.value", "output.dense"};
    char name[128];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.%s.%s", layer, block, parts[i]);
        add_dense(w, true, name, H, H);
    }
    snprintf(name, sizeof name, "%s.%s.output.LayerNorm", layer, block);
    add_norm(w, true, name, H);
    snprintf(name, sizeof name, "%s.%s.self.distance_embedding.weight", layer, block);
    if (relative)
        add(w, true, name, 2 * P - 1, H / HEADS);
}

static void add_encoder(struct weights *w, uint64_t e, bool cross, bool relative)
{
    add(w, true, "embeddings.word_embeddings.weight", V, e);
    add(w, true, "embeddings.position_embeddings.weight", P, e);
    add(w, true, "embeddings.token_type_embeddings.weight", 2, e);
    add_norm(w, true, "embeddings.LayerNorm", e);
    if (e != H)
        add_dense(w, true, "embeddings_project", H, e);
    for (int i = 0; i < L; i++) {
        char layer[64], name[128];
        snprintf(layer, sizeof layer, "encoder.layer.%d", i);
        add_attention(w, layer, "attention", relative);
        if (cross)
            add_attention(w, layer, "crossattention", false);
        snprintf(name, sizeof name, "%s.intermediate.dense", layer);
        add_dense(w, true, name, I, H);
        snprintf(name, sizeof name, "%s.output.dense", layer);
        add_dense(w, true, name, H, I);
        snprintf(name, sizeof name, "%s.output.LayerNorm", layer);
        add_norm(w, true, name, H);
    }
}

static void add_head(struct weights *w, pln_head head, uint64_t labels)
{
    switch (head) {
    case PLN_HEAD_PRETRAINING:
        add_dense(w, false, "discriminator_predictions.dense", H, H);
        add_dense(w, false, "discriminator_predictions.dense_prediction", 1, H);
        break;
    case PLN_HEAD_MASKED_LM:
    case PLN_HEAD_CAUSAL_LM:
        add_dense(w, false, "generator_predictions.dense", E, H);
        add_norm(w, false, "generator_predictions.LayerNorm", E);
        add(w, false, "generator_lm_head.bias", V, 0);
        break;
    case PLN_HEAD_SEQUENCE_CLASSIFICATION:
        add_dense(w, false, "classifier.dense", H, H);
        add_dense(w, false, "classifier.out_proj", labels, H);
        break;
    case PLN_HEAD_TOKEN_CLASSIFICATION:
        add_dense(w, false, "classifier", labels, H);
        break;
    case PLN_HEAD_QUESTION_ANSWERING:
        add_dense(w, false, "qa_outputs", 2, H);
        break;
    case PLN_HEAD_MULTIPLE_CHOICE:
        add_dense(w, false, "sequence_summary.summary", H, H);
        add_dense(w, false, "classifier", 1, H);
        break;
    default:
        break;
    }
}

/* ---- inputs */

#define N_ (-100)
static const int64_t ids[] = {2, 7, 9, 11, 13, 3, 2, 21, 4, 3, 0, 0};
static const int64_t mask[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
static const int64_t row_hidden[] = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0};
static const int64_t types[] = {0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0};
static const int64_t rtd_labels[] = {0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1};
static const int64_t mlm_labels[] = {N_, 7, N_, 12, N_, N_, N_, N_, 33, N_, N_, N_};
static const int64_t causal_labels[] = {2, 7, 9, 11, 13, 3, 2, 21, 4, 3, N_, N_};
static const int64_t token_labels[] = {N_, 0, 1, 2, 1, N_, N_, 2, 0, N_, N_, N_};
static const int64_t two_zero[] = {2, 0}, zero_one[] = {0, 1}, starts[] = {1, -3}, ends[] = {4, 9};
static const float multi_labels[] = {1, 0, 1, 0, 0, 1}, regression[] = {0.5f, -1};
static const int64_t choice_ids[] = {2, 7, 9, 11, 13, 3, 2, 21, 4, 3, 0, 0, 2, 21, 4, 3, 0, 0, 2, 7, 9, 11, 13, 3};
static const int64_t choice_mask[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1};
static const int64_t source_mask[] = {1, 1, 1, 1, 1, 1, 0, 0};
static const float head_mask[] = {1, 0, 0.5f}, layer_head_mask[] = {1, 0, 1, 0, 1, 1};
static float source[2 * 4 * H];
static int64_t pair_mask[2 * 6 * 6];

#define TOKENS(name_, data_)                                                                                           \
    {                                                                                                                  \
        .name = name_, .dtype = PLN_I64, .rank = 2, .shape = {2, 6}, .data = data_                                     \
    }
#define IDS TOKENS("input_ids", ids)
#define MASK TOKENS("attention_mask", mask)
#define TYPES TOKENS("token_type_ids", types)
#define FLAT(name_, data_)                                                                                             \
    {                                                                                                                  \
        .name = name_, .dtype = PLN_I64, .rank = 1, .shape = {2}, .data = data_                                        \
    }
#define CHOICES(name_, data_)                                                                                          \
    {                                                                                                                  \
        .name = name_, .dtype = PLN_I64, .rank = 3, .shape = {2, 2, 6}, .data = data_                                  \
    }
#define CHOICE CHOICES("input_ids", choice_ids), CHOICES("attention_mask", choice_mask), FLAT("labels", zero_one)

/* ---- what is expected */

struct part { /* values of an output from an element on */
    const char *output;
    uint64_t first;
    int n;
    double values[6];
};

struct golden {
    const char *name;
    pln_head head;
    const char *config; /* what differs, JSON members */
    uint64_t embedding, labels;
    bool cross, relative;
    pln_tensor inputs[6];
    struct part parts[8];
};

#define LAST(b, t) ((b)*6 + (t)) * H
static const struct golden goldens[] = {
    {"model",
     PLN_HEAD_MODEL,
     "",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES},
     {{"last_hidden_state", LAST(0, 0), 4, {.440048, .649599, -1.736591, 1.388477}},
      {"last_hidden_state", LAST(1, 5), 4, {.152710, .934534, -1.955022, 1.288366}},
      {"hidden_states.0", LAST(1, 2), 4, {-1.432645, -2.007522, -.383571, .994652}},
      {"attentions.0", (1 * HEADS + 2) * 6 * 6, 6, {.064331, .074070, .689480, .172119, 0, 0}}}},
    {"no mask, no types",
     PLN_HEAD_MODEL,
     "",
     E,
     2,
     false,
     false,
     {IDS},
     {{"last_hidden_state", LAST(1, 5), 4, {.024303, 1.072355, -2.009673, 1.198837}}}},
    {"row masked",
     PLN_HEAD_MODEL,
     "",
     E,
     2,
     false,
     false,
     {IDS, TOKENS("attention_mask", row_hidden), TYPES},
     {{"last_hidden_state", LAST(1, 0), 4, {.514177, .532246, -1.621039, 1.392690}}}},
    {"equal widths",
     PLN_HEAD_MODEL,
     ",\"embedding_size\":12",
     H,
     2,
     false,
     false,
     {IDS, MASK, TYPES},
     {{"last_hidden_state", LAST(0, 0), 4, {.023948, 1.077798, -1.959582, 1.237437}}}},
    {"pretraining",
     PLN_HEAD_PRETRAINING,
     "",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES, TOKENS("labels", rtd_labels)},
     {{"loss", 0, 1, {1.756675}},
      {"logits", 0, 6, {2.412935, 2.479955, 2.377103, 2.358746, 2.473023, 2.408225}},
      {"logits", 6, 6, {2.453992, 2.141055, 2.132331, 2.528658, 2.527707, 2.525409}}}},
    {"pretraining, no mask",
     PLN_HEAD_PRETRAINING,
     "",
     E,
     2,
     false,
     false,
     {IDS, TYPES, TOKENS("labels", rtd_labels)},
     {{"loss", 0, 1, {1.458639}}}},
    {"pretraining, relu",
     PLN_HEAD_PRETRAINING,
     ",\"hidden_act\":\"relu\"",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES},
     {{"logits", 0, 6, {2.465178, 2.537352, 2.432966, 2.404944, 2.531215, 2.459702}}}},
    {"masked-lm",
     PLN_HEAD_MASKED_LM,
     "",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES, TOKENS("labels", mlm_labels)},
     {{"loss", 0, 1, {7.178545}}, {"logits", V, 4, {-.483893, -2.466220, -2.678992, -.238208}}}},
    {"masked-lm, relu",
     PLN_HEAD_MASKED_LM,
     ",\"hidden_act\":\"relu\"",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES, TOKENS("labels", mlm_labels)},
     {{"loss", 0, 1, {7.180239}}}},
    {"causal-lm",
     PLN_HEAD_CAUSAL_LM,
     ",\"is_decoder\":true",
     E,
     2,
     false,
     false,
     {IDS, MASK, TOKENS("labels", causal_labels)},
     {{"loss", 0, 1, {5.959310}}, {"logits", 5 * V, 4, {-.447560, -2.457017, -2.705906, -.274956}}}},
    {"causal-lm, cross",
     PLN_HEAD_CAUSAL_LM,
     ",\"is_decoder\":true,\"add_cross_attention\":true",
     E,
     2,
     true,
     false,
     {IDS,
      MASK,
      {.name = "encoder_hidden_states", .dtype = PLN_F32, .rank = 3, .shape = {2, 4, H}, .data = source},
      {.name = "encoder_attention_mask", .dtype = PLN_I64, .rank = 2, .shape = {2, 4}, .data = source_mask}},
     {{"logits", 9 * V, 4, {-.170931, -2.386925, -2.910802, -.554740}}}},
    {"sequence, single",
     PLN_HEAD_SEQUENCE_CLASSIFICATION,
     ",\"num_labels\":3",
     E,
     3,
     false,
     false,
     {IDS, MASK, TYPES, FLAT("labels", two_zero)},
     {{"loss", 0, 1, {.768077}}, {"logits", 0, 6, {.386702, -3.188405, -.392971, .443303, -3.249944, -.452076}}}},
    {"sequence, multi",
     PLN_HEAD_SEQUENCE_CLASSIFICATION,
     ",\"num_labels\":3",
     E,
     3,
     false,
     false,
     {IDS, MASK, TYPES, {.name = "labels", .dtype = PLN_F32, .rank = 2, .shape = {2, 3}, .data = multi_labels}},
     {{"loss", 0, 1, {.564887}}}},
    {"sequence, regression",
     PLN_HEAD_SEQUENCE_CLASSIFICATION,
     ",\"num_labels\":1",
     E,
     1,
     false,
     false,
     {IDS, MASK, TYPES, {.name = "labels", .dtype = PLN_F32, .rank = 1, .shape = {2}, .data = regression}},
     {{"loss", 0, 1, {1.047980}}}},
    {"token",
     PLN_HEAD_TOKEN_CLASSIFICATION,
     ",\"num_labels\":3",
     E,
     3,
     false,
     false,
     {IDS, MASK, TYPES, TOKENS("labels", token_labels)},
     {{"loss", 0, 1, {3.008124}}, {"logits", 8 * 3, 3, {-2.801221, -.730695, 2.896078}}}},
    {"answer",
     PLN_HEAD_QUESTION_ANSWERING,
     "",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES, FLAT("start_positions", starts), FLAT("end_positions", ends)},
     {{"loss", 0, 1, {1.669500}}, {"start_logits", 0, 6, {.706979, .793306, .618473, .457775, .795693, .698033}}}},
    {"choice, first",
     PLN_HEAD_MULTIPLE_CHOICE,
     "",
     E,
     2,
     false,
     false,
     {CHOICE},
     {{"loss", 0, 1, {.563722}}, {"logits", 0, 4, {-1.830058, -2.108185, -2.108185, -1.830058}}}},
    {"choice, last",
     PLN_HEAD_MULTIPLE_CHOICE,
     ",\"summary_type\":\"last\"",
     E,
     2,
     false,
     false,
     {CHOICE},
     {{"loss", 0, 1, {.402308}}, {"logits", 0, 2, {-1.764136, -2.466786}}}},
    {"choice, mean",
     PLN_HEAD_MULTIPLE_CHOICE,
     ",\"summary_type\":\"mean\"",
     E,
     2,
     false,
     false,
     {CHOICE},
     {{"loss", 0, 1, {.428858}}, {"logits", 0, 2, {-1.875620, -2.500168}}}},
    {"choice, tanh",
     PLN_HEAD_MULTIPLE_CHOICE,
     ",\"summary_activation\":\"tanh\"",
     E,
     2,
     false,
     false,
     {CHOICE},
     {{"logits", 0, 2, {-1.914392, -2.006554}}}},
    {"relative_key",
     PLN_HEAD_MODEL,
     ",\"position_embedding_type\":\"relative_key\"",
     E,
     2,
     false,
     true,
     {IDS, MASK, TYPES},
     {{"last_hidden_state", LAST(0, 0), 4, {.300037, .794139, -1.816945, 1.353657}},
      {"last_hidden_state", LAST(1, 3), 4, {.505895, .560471, -1.661911, 1.397305}}}},
    {"relative_key_query",
     PLN_HEAD_MODEL,
     ",\"position_embedding_type\":\"relative_key_query\"",
     E,
     2,
     false,
     true,
     {IDS, MASK, TYPES},
     {{"last_hidden_state", LAST(0, 0), 4, {.302602, .762613, -1.794349, 1.362591}},
      {"last_hidden_state", LAST(1, 3), 4, {.532154, .533437, -1.633482, 1.393512}}}},
    {"head_mask",
     PLN_HEAD_MODEL,
     "",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES, {.name = "head_mask", .dtype = PLN_F32, .rank = 1, .shape = {3}, .data = head_mask}},
     {{"last_hidden_state", LAST(0, 0), 4, {.235137, .938658, -1.855789, 1.301267}}}},
    {"head_mask of layers",
     PLN_HEAD_MODEL,
     "",
     E,
     2,
     false,
     false,
     {IDS, MASK, TYPES, {.name = "head_mask", .dtype = PLN_F32, .rank = 2, .shape = {2, 3}, .data = layer_head_mask}},
     {{"last_hidden_state", LAST(0, 0), 4, {.672263, .363506, -1.485806, 1.367782}}}},
    {"3-D mask",
     PLN_HEAD_MODEL,
     "",
     E,
     2,
     false,
     false,
     {IDS, {.name = "attention_mask", .dtype = PLN_I64, .rank = 3, .shape = {2, 6, 6}, .data = pair_mask}, TYPES},
     {{"last_hidden_state", LAST(0, 0), 4, {.513026, .603437, -1.680296, 1.373974}},
      {"last_hidden_state", LAST(0, 2), 4, {.314213, .728498, -1.771956, 1.386468}}}},
};
enum { N_GOLDENS = sizeof goldens / sizeof *goldens };

/* ---- running */

static void write_model(const struct golden *g, const char *folder)
{
    static struct weights w;
    char path[512];
    pln_error error;
    w.n = 0;
    add_encoder(&w, g->embedding, g->cross, g->relative);
    add_head(&w, g->head, g->labels);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    must(pln_tensor_file_write(path, w.tensors, w.n, &error), &error);
    for (uint32_t i = 0; i < w.n; i++)
        free((void *)(uintptr_t)w.tensors[i].data);
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *config = fopen(path, "w");
    assert_non_null(config);
    fprintf(config,
            "{\"model_type\":\"electra\",\"vocab_size\":%d%s,\"hidden_size\":%d,\"num_hidden_layers\":%d,"
            "\"num_attention_heads\":%d,\"intermediate_size\":%d,\"max_position_embeddings\":%d%s}",
            V, strstr(g->config, "embedding_size") ? "" : ",\"embedding_size\":8", H, L, HEADS, I, P, g->config);
    fclose(config);
}

static void check(const struct golden *g, const pln_tensor *outputs, uint32_t n)
{
    for (const struct part *p = g->parts; p->output; p++) {
        const pln_tensor *found = NULL;
        for (uint32_t i = 0; i < n; i++)
            if (strcmp(outputs[i].name, p->output) == 0)
                found = &outputs[i];
        assert_non_null(found);
        assert_true(p->first + (uint64_t)p->n <= pln_tensor_elements(found));
        for (int i = 0; i < p->n; i++) {
            const double x = (double)((const float *)found->data)[p->first + (uint64_t)i];
            if (!(fabs(x - p->values[i]) <= tolerance))
                fail_msg("%s[%llu] is %.6f, expected %.6f", p->output, (unsigned long long)p->first + (unsigned)i, x,
                         p->values[i]);
        }
    }
}

static void test_golden(void **state)
{
    const struct golden *g = *state;
    char folder[] = "/tmp/pleione-golden-XXXXXX", path[512];
    pln_error error;
    pln_model *model;
    pln_session *session;
    const pln_tensor *outputs;
    uint32_t n_inputs = 0, n;
    assert_non_null(mkdtemp(folder));
    write_model(g, folder);
    must(pln_model_open(runtime, folder, NULL, &model, &error), &error);
    const bool more = g->head == PLN_HEAD_MODEL;
    const pln_session_options options = {.size = sizeof options,
                                         .head = g->head,
                                         .every_position = true,
                                         .hidden_states = more,
                                         .attentions = more,
                                         .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
    must(pln_session_create(model, devices, &options, &session, &error), &error);
    while (n_inputs < 6 && g->inputs[n_inputs].name)
        n_inputs++;
    must(pln_session_forward(session, g->inputs, n_inputs, &outputs, &n, &error), &error);
    check(g, outputs, n);
    pln_session_destroy(&session);
    pln_model_close(&model);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/config.json", folder);
    unlink(path);
    rmdir(folder);
}

static void make_inputs(void)
{
    for (int i = 0; i < 2 * 4 * H; i++)
        source[i] = (float)(0.5 * sin(0.3 * i));
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++)
                pair_mask[(b * 6 + i) * 6 + j] = !(j == 5 || (i == 0 && j == 3));
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[N_GOLDENS];
    make_inputs();
    for (size_t i = 0; i < N_GOLDENS; i++)
        tests[i] = (struct CMUnitTest){goldens[i].name, test_golden, NULL, NULL, (void *)(uintptr_t)&goldens[i]};
    return run_on_devices(tests, N_GOLDENS, argc - 1, argv + 1);
}
