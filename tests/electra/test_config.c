/* SPDX-License-Identifier: Apache-2.0
 *
 * ElectraConfig: defaults, old and foreign keys, refusals, and that what was read is written back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "electra/config.h"

static pln_status read_text(const char *text, struct electra_config *config, pln_error *error)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    const pln_status status = electra_config_read(json, "config.json", config, error);
    json_decref(json);
    return status;
}

static void test_defaults(void **state)
{
    (void)state;
    struct electra_config c;
    pln_error error;
    assert_int_equal(read_text("{}", &c, &error), PLN_OK);
    assert_int_equal(c.vocab_size, 30522);
    assert_int_equal(c.embedding_size, 128); /* not hidden_size */
    assert_int_equal(c.hidden_size, 256);
    assert_int_equal(c.num_hidden_layers, 12);
    assert_int_equal(c.num_labels, 2);
    assert_int_equal(c.hidden_act, PLN_ACTIVATION_GELU);
    assert_int_equal(c.head, PLN_HEAD_MODEL);
    assert_true(c.layer_norm_eps == 1e-12 && c.classifier_dropout == c.hidden_dropout_prob);
    assert_true(c.summary_use_proj && c.tie_word_embeddings && !c.is_decoder);
    assert_int_equal(electra_config_number(&c, "intermediate_size"), 1024);
    assert_int_equal(electra_config_number(&c, "bos_token_id"), -1);
    assert_int_equal(electra_config_number(&c, "colour"), -1);
    assert_string_equal(c.labels[1], "LABEL_1");
    electra_config_finish(&c);
}

static void test_all_is_kept(void **state)
{
    (void)state;
    static const char text[] =
        "{\"architectures\":[\"ElectraForMaskedLM\"],\"directionality\":\"bidi\",\"hidden_act\":\"swish\","
        "\"id2label\":{\"0\":\"no\",\"1\":\"yes\",\"2\":\"maybe\"},\"pooler_fc_size\":768,"
        "\"summary_activation\":null,\"torch_dtype\":\"float16\",\"unknown\":{\"deep\":[1,2.5]}}";
    struct electra_config c;
    pln_error error;
    assert_int_equal(read_text(text, &c, &error), PLN_OK);
    assert_int_equal(c.num_labels, 3);
    assert_string_equal(c.labels[2], "maybe");
    assert_int_equal(c.hidden_act, PLN_ACTIVATION_SILU);
    assert_int_equal(c.summary_activation, PLN_ACTIVATION_NONE);
    assert_int_equal(c.head, PLN_HEAD_MASKED_LM);
    json_t *before = json_loads(text, 0, NULL), *after = electra_config_json(&c);
    assert_true(json_equal(before, after));
    json_decref(after);
    c.problem_type = ELECTRA_MULTI_LABEL; /* a guess is saved */
    after = electra_config_json(&c);
    assert_string_equal(json_string_value(json_object_get(after, "problem_type")), "multi_label_classification");
    json_decref(before);
    json_decref(after);
    electra_config_finish(&c);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{\"hidden_size\":10,\"num_attention_heads\":4}", "hidden_size 10 is not a multiple of num_attention_heads 4"},
        {"{\"hidden_act\":\"swoosh\"}", "\"swoosh\""},
        {"{\"hidden_act\":\"prelu\"}", "prelu"},
        {"{\"hidden_act\":\"xielu\"}", "xielu"},
        {"{\"summary_activation\":\"glu\"}", "glu"},
        {"{\"summary_type\":\"attn\"}", "attn"},
        {"{\"summary_type\":\"best\"}", "\"best\""},
        {"{\"position_embedding_type\":\"rotary\"}", "\"rotary\""},
        {"{\"problem_type\":\"guess\"}", "\"guess\""},
        {"{\"problem_type\":\"single_label_classification\",\"num_labels\":1}", "more than one label"},
        {"{\"model_type\":\"bert\"}", "model_type is bert"},
        {"{\"add_cross_attention\":true}", "is_decoder"},
        {"{\"pruned_heads\":{\"0\":[1]}}", "pruned_heads"},
        {"{\"vocab_size\":0}", "vocab_size is 0"},
        {"{\"vocab_size\":1.5}", "vocab_size is 1.5"},
        {"{\"is_decoder\":\"yes\"}", "is_decoder is \"yes\""},
        {"{\"id2label\":{\"0\":\"a\",\"7\":\"b\"}}", "\"7\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct electra_config c;
        pln_error error;
        assert_int_equal(read_text(wrong[i][0], &c, &error), PLN_BAD_MODEL);
        if (!strstr(error.message, wrong[i][1]) || !strstr(error.message, "config.json"))
            fail_msg("\"%s\" does not say \"%s\"", error.message, wrong[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_is_kept),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
