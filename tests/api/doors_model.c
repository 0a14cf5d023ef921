/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of models, sessions and tasks.
 */
#include "tests/api/doors.h"

static const int32_t some_ids[] = {2, 3};
static const pln_tensor good_input = {
    .name = "input_ids", .dtype = PLN_I32, .rank = 2, .shape = {1, 2}, .data = some_ids};

static void knock_pln_head_string(void)
{
    assert_string_equal(pln_head_string(NO_SUCH(pln_head)), "unknown");
}

static void knock_pln_head_labels(void)
{
    assert_int_equal(pln_head_labels(NO_SUCH(pln_head)), PLN_LABELS_NONE);
}

static void knock_pln_head_find(void)
{
    pln_head head;
    assert_false(pln_head_find(NULL, &head));
    assert_false(pln_head_find("model", NULL));
    assert_false(pln_head_find("none", &head));
}

static void knock_pln_semantics_string(void)
{
    assert_string_equal(pln_semantics_string(NO_SUCH(pln_semantics)), "unknown");
}

static void knock_pln_semantics_find(void)
{
    pln_semantics semantics;
    assert_false(pln_semantics_find(NULL, &semantics));
    assert_false(pln_semantics_find("tf", NULL));
    assert_false(pln_semantics_find("caffe", &semantics));
}

static void knock_pln_model_open(void)
{
    pln_model *model = NULL;
    refused(pln_model_open(NULL, w.models, NULL, &model, fresh()), "runtime is NULL");
    refused(pln_model_open(w.runtime, NULL, NULL, &model, fresh()), "directory is NULL");
    refused(pln_model_open(w.runtime, w.models, NULL, NULL, fresh()), "model is NULL");
    assert_int_equal(pln_model_open(w.runtime, w.folder, NULL, &model, fresh()), PLN_BAD_MODEL);
    assert_null(model);
}

static void knock_pln_model_close(void)
{
    pln_model *none = NULL;
    pln_model_close(NULL);
    pln_model_close(&none);
}

static void knock_pln_model_head(void)
{
    assert_int_equal(pln_model_head(NULL), PLN_HEAD_DEFAULT);
}

static void knock_pln_model_number(void)
{
    assert_int_equal(pln_model_number(NULL, "hidden_size"), -1);
    assert_int_equal(pln_model_number(w.generator, NULL), -1);
    assert_int_equal(pln_model_number(w.generator, "none"), -1);
}

static void knock_pln_model_classes(void)
{
    assert_int_equal(pln_model_classes(NULL, PLN_HEAD_MASKED_LM), 0);
    assert_int_equal(pln_model_classes(w.generator, NO_SUCH(pln_head)), 0);
}

static void knock_pln_model_label(void)
{
    assert_null(pln_model_label(NULL, 0));
    assert_null(pln_model_label(w.generator, 99999));
}

static void knock_pln_model_tokenizer(void)
{
    const pln_tokenizer *tokenizer;
    refused(pln_model_tokenizer(NULL, &tokenizer, fresh()), "model is NULL");
    refused(pln_model_tokenizer(w.generator, NULL, fresh()), "tokenizer is NULL");
}

static void knock_pln_save_format_find(void)
{
    pln_save_format format;
    assert_false(pln_save_format_find(NULL, &format));
    assert_false(pln_save_format_find("tf", NULL));
    assert_false(pln_save_format_find("onnx", &format));
}

static void knock_pln_model_save(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/saved", w.folder);
    refused(pln_model_save(NULL, path, NULL, fresh()), "model is NULL");
    refused(pln_model_save(w.generator, NULL, NULL, fresh()), "directory is NULL");
    refused(pln_model_save(w.generator, path, PLN_OPTIONS(pln_save_options, .head = NO_SUCH(pln_head)), fresh()),
            "no head 99");
    refused(
        pln_model_save(w.generator, path, PLN_OPTIONS(pln_save_options, .format = NO_SUCH(pln_save_format)), fresh()),
        "no format 99");
    refused(pln_model_save(w.generator, path, PLN_OPTIONS(pln_save_options, .dtype = PLN_F64), fresh()), "not as f64");
}

static void knock_pln_model_inspect(void)
{
    char *json;
    refused(pln_model_inspect(NULL, &json, fresh()), "model is NULL");
    assert_null(json);
    refused(pln_model_inspect(w.generator, NULL, fresh()), "json is NULL");
    assert_int_equal(pln_model_inspect(w.generator, &json, fresh()), PLN_OK);
    assert_non_null(strstr(json, "\"half\":\"generator\""));
    pln_free(json);
}

static void knock_pln_session_create(void)
{
    pln_session *session = NULL;
    const char *const rules[] = {NULL};
    const pln_session_options no_head = {.size = sizeof no_head, .head = NO_SUCH(pln_head)},
                              nobody = {.size = sizeof nobody, .semantics = NO_SUCH(pln_semantics)},
                              no_rules = {.size = sizeof no_rules,
                                          .schedule = PLN_OPTIONS(pln_schedule_options, .n_place = 1)};
    const pln_session_options no_rule = {.size = sizeof no_rule,
                                         .schedule = PLN_OPTIONS(pln_schedule_options, .place = rules, .n_place = 1)};
    refused(pln_session_create(NULL, w.devices, NULL, &session, fresh()), "model is NULL");
    refused(pln_session_create(w.generator, NULL, NULL, &session, fresh()), "devices is NULL");
    refused(pln_session_create(w.generator, w.devices, NULL, NULL, fresh()), "session is NULL");
    refused(pln_session_create(w.generator, w.devices, &no_head, &session, fresh()), "no head 99");
    refused(pln_session_create(w.generator, w.devices, &nobody, &session, fresh()), "no semantics 99");
    refused(pln_session_create(w.generator, w.devices, &no_rules, &session, fresh()), "rule 0");
    refused(pln_session_create(w.generator, w.devices, &no_rule, &session, fresh()), "rule 0");
    pln_states *foreign;
    must(pln_states_create(w.other_devices, &foreign, fresh()), &w.error);
    const pln_session_options states = {.size = sizeof states,
                                        .schedule = PLN_OPTIONS(pln_schedule_options, .states = foreign)};
    refused(pln_session_create(w.generator, w.devices, &states, &session, fresh()), "another list of devices");
    pln_states_destroy(&foreign);
    assert_null(session);
    /* A model and devices of two runtimes go together. */
    must(pln_session_create(w.discriminator, w.other_devices, NULL, &session, fresh()), &w.error);
    const pln_tensor *outputs;
    uint32_t n;
    must(pln_session_forward(session, &good_input, 1, &outputs, &n, fresh()), &w.error);
    pln_session_destroy(&session);
}

static void knock_pln_session_destroy(void)
{
    pln_session *none = NULL;
    pln_session_destroy(NULL);
    pln_session_destroy(&none);
}

static void knock_pln_session_forward(void)
{
    const pln_tensor *out;
    uint32_t n;
    refused(pln_session_forward(NULL, &good_input, 1, &out, &n, fresh()), "session is NULL");
    refused(pln_session_forward(w.session, NULL, 1, &out, &n, fresh()), "NULL");
    refused(pln_session_forward(w.session, &good_input, 1, NULL, &n, fresh()), "outputs is NULL");
    refused(pln_session_forward(w.session, &good_input, 1, &out, NULL, fresh()), "n_outputs is NULL");
    refused(pln_session_forward(w.session, NULL, 0, &out, &n, fresh()), "input_ids");
    pln_tensor bad = good_input;
    bad.name = NULL;
    refused(pln_session_forward(w.session, &bad, 1, &out, &n, fresh()), "no name");
    bad = good_input;
    bad.data = NULL;
    refused(pln_session_forward(w.session, &bad, 1, &out, &n, fresh()), "data is NULL");
    bad = good_input;
    bad.dtype = NO_SUCH(pln_dtype);
    refused(pln_session_forward(w.session, &bad, 1, &out, &n, fresh()), "input_ids: its type is unknown");
    bad = good_input;
    bad.rank = 100;
    refused(pln_session_forward(w.session, &bad, 1, &out, &n, fresh()), "input_ids: it has more than 8 dimensions");
    bad = good_input;
    bad.shape[0] = bad.shape[1] = UINT32_MAX;
    refused(pln_session_forward(w.session, &bad, 1, &out, &n, fresh()), "input_ids");
    static const int32_t wrong[] = {2, INT32_MAX};
    bad = good_input;
    bad.data = wrong;
    refused(pln_session_forward(w.session, &bad, 1, &out, &n, fresh()), "input_ids");
}

static void knock_pln_session_schedule(void)
{
    assert_null(pln_session_schedule(NULL));
}

static void knock_pln_session_prepare(void)
{
    uint32_t dims[64], n;
    refused(pln_session_prepare(NULL, 1, 1, dims, &n, fresh()), "session is NULL");
    refused(pln_session_prepare(w.session, 1, 1, NULL, &n, fresh()), "dims is NULL");
    refused(pln_session_prepare(w.session, 1, 1, dims, NULL, fresh()), "n_dims is NULL");
    static const uint32_t wrong[][2] = {{0, 1}, {1, 0}, {1, 99999}, {UINT32_MAX, 1}, {UINT32_MAX, UINT32_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(pln_session_prepare(w.session, wrong[i][0], wrong[i][1], dims, &n, fresh()), "a batch of");
}

static void knock_pln_session_graph(void)
{
    assert_null(pln_session_graph(NULL));
}

static void knock_pln_detect(void)
{
    pln_word *words = NULL;
    uint32_t n;
    refused(pln_detect(NULL, "a", &words, &n, fresh()), "session is NULL");
    refused(pln_detect(w.session, NULL, &words, &n, fresh()), "text is NULL");
    refused(pln_detect(w.session, "a", NULL, &n, fresh()), "words is NULL");
    refused(pln_detect(w.session, "a", &words, NULL, fresh()), "n_words is NULL");
}

static void knock_pln_fill_mask(void)
{
    pln_fill *fills = NULL;
    uint32_t n;
    refused(pln_fill_mask(NULL, "a", 1, &fills, &n, fresh()), "session is NULL");
    refused(pln_fill_mask(w.session, NULL, 1, &fills, &n, fresh()), "text is NULL");
    refused(pln_fill_mask(w.session, "a", 1, NULL, &n, fresh()), "fills is NULL");
    refused(pln_fill_mask(w.session, "a", 1, &fills, NULL, fresh()), "n_fills is NULL");
    refused(pln_fill_mask(w.session, "a", 1, &fills, &n, fresh()), "head");
}

static void knock_pln_classify(void)
{
    pln_class *classes = NULL;
    uint32_t n;
    refused(pln_classify(NULL, "a", NULL, &classes, &n, fresh()), "session is NULL");
    refused(pln_classify(w.session, NULL, NULL, &classes, &n, fresh()), "text is NULL");
    refused(pln_classify(w.session, "a", NULL, NULL, &n, fresh()), "classes is NULL");
    refused(pln_classify(w.session, "a", NULL, &classes, NULL, fresh()), "n_classes is NULL");
    refused(pln_classify(w.session, "a", NULL, &classes, &n, fresh()), "head");
}

const struct door model_doors[] = {DOOR(pln_head_string),
                                   DOOR(pln_head_find),
                                   DOOR(pln_head_labels),
                                   DOOR(pln_semantics_string),
                                   DOOR(pln_semantics_find),
                                   DOOR(pln_model_open),
                                   DOOR(pln_model_close),
                                   DOOR(pln_model_head),
                                   DOOR(pln_model_number),
                                   DOOR(pln_model_classes),
                                   DOOR(pln_model_label),
                                   DOOR(pln_model_inspect),
                                   DOOR(pln_model_tokenizer),
                                   DOOR(pln_save_format_find),
                                   DOOR(pln_model_save),
                                   DOOR(pln_session_create),
                                   DOOR(pln_session_destroy),
                                   DOOR(pln_session_forward),
                                   DOOR(pln_session_schedule),
                                   DOOR(pln_session_prepare),
                                   DOOR(pln_session_graph),
                                   DOOR(pln_detect),
                                   DOOR(pln_fill_mask),
                                   DOOR(pln_classify),
                                   {NULL, NULL}};
