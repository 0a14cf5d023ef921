/* SPDX-License-Identifier: Apache-2.0
 *
 * ElectraConfig: defaults, old and foreign keys, refusals, and that what was read is written back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "electra/electra.h"

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

/* Reads and judges as a run of the head would. */
static pln_status judge_text(const char *text, pln_head head, bool train, pln_error *error)
{
    struct electra_config c;
    pln_status status = read_text(text, &c, error);
    if (status != PLN_OK)
        return status;
    status = electra_config_judge(&c, head, train, error);
    electra_config_finish(&c);
    return status;
}

static void expect_refusal(const char *text, pln_head head, bool train, const char *sentence)
{
    pln_error error;
    if (judge_text(text, head, train, &error) != PLN_BAD_MODEL)
        fail_msg("%s is not refused", text);
    if (!strstr(error.message, sentence) || !strstr(error.message, "config.json"))
        fail_msg("\"%s\" does not say \"%s\"", error.message, sentence);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{\"hidden_size\":10,\"num_attention_heads\":4}", "hidden_size 10 is not a multiple of num_attention_heads 4"},
        {"{\"hidden_act\":\"swoosh\"}", "\"swoosh\""},
        {"{\"hidden_act\":\"prelu\"}", "prelu"},
        {"{\"hidden_act\":\"xielu\"}", "xielu"},
        {"{\"hidden_act\":null}", "hidden_act is not the name"},
        {"{\"hidden_act\":\"\"}", "hidden_act is not the name"},
        {"{\"hidden_act\":7}", "hidden_act is not the name"},
        {"{\"hidden_act\":[\"gelu\"]}", "hidden_act is not the name"},
        {"{\"position_embedding_type\":\"rotary\"}", "\"rotary\""},
        {"{\"position_embedding_type\":3}", "no text"},
        {"{\"model_type\":\"bert\"}", "model_type is bert"},
        {"{\"model_type\":3}", "model_type is no text"},
        {"{\"add_cross_attention\":true}", "is_decoder"},
        {"{\"pruned_heads\":{\"0\":[1]}}", "pruned_heads"},
        {"{\"pruned_heads\":\"0\"}", "pruned_heads"},
        {"{\"vocab_size\":0}", "vocab_size is 0"},
        {"{\"vocab_size\":1.5}", "vocab_size is 1.5"},
        {"{\"vocab_size\":\"NaN\"}", "vocab_size is \"NaN\""},
        {"{\"layer_norm_eps\":\"1e-12\"}", "layer_norm_eps is \"1e-12\""},
        {"{\"is_decoder\":\"yes\"}", "is_decoder is \"yes\""},
        {"{\"num_labels\":0}", "num_labels is 0"},
        {"{\"num_labels\":-1}", "num_labels is -1"},
        {"{\"num_labels\":7.5}", "num_labels is 7.5"},
        {"{\"num_labels\":\"7\"}", "num_labels is \"7\""},
        {"{\"num_labels\":true}", "num_labels is true"},
        {"{\"num_labels\":[2]}", "num_labels is [2]"},
        {"{\"num_labels\":4294967298}", "num_labels is 4294967298"},
        {"{\"num_labels\":1e300}", "num_labels is 1"},
        {"{\"id2label\":{\"zero\":\"a\"}}", "\"zero\""},
        {"{\"id2label\":\"a\"}", "id2label is neither"},
        {"{\"id2label\":2}", "id2label is neither"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refusal(wrong[i][0], PLN_HEAD_MODEL, false, wrong[i][1]);
}

/* A field stops the heads that read it, and no other. */
static void test_readers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t heads; /* bits */
        bool train;     /* only there */
    } rows[] = {
        {"{\"summary_activation\":\"glu\"}", 1 << PLN_HEAD_MULTIPLE_CHOICE, false},
        {"{\"summary_activation\":5}", 1 << PLN_HEAD_MULTIPLE_CHOICE, false},
        {"{\"summary_type\":\"attn\"}", 1 << PLN_HEAD_MULTIPLE_CHOICE, false},
        {"{\"summary_type\":\"best\"}", 1 << PLN_HEAD_MULTIPLE_CHOICE, false},
        {"{\"summary_type\":[]}", 1 << PLN_HEAD_MULTIPLE_CHOICE, false},
        {"{\"summary_use_proj\":\"yes\"}", 1 << PLN_HEAD_MULTIPLE_CHOICE, false},
        {"{\"summary_last_dropout\":2}", 1 << PLN_HEAD_MULTIPLE_CHOICE, true},
        {"{\"classifier_dropout\":\"NaN\"}", 1 << PLN_HEAD_SEQUENCE_CLASSIFICATION | 1 << PLN_HEAD_TOKEN_CLASSIFICATION,
         true},
        {"{\"problem_type\":\"guess\"}", 1 << PLN_HEAD_SEQUENCE_CLASSIFICATION, false},
        {"{\"problem_type\":\"single_label_classification\",\"num_labels\":1}", 1 << PLN_HEAD_SEQUENCE_CLASSIFICATION,
         false},
        {"{\"tie_word_embeddings\":1}", 1 << PLN_HEAD_CAUSAL_LM | 1 << PLN_HEAD_MASKED_LM, false},
        {"{\"hidden_dropout_prob\":\"a\"}", ~1u, true},
        {"{\"eos_token_id\":[2,3]}", 0, false},
        {"{\"bos_token_id\":\"a\"}", 0, false},
        {"{\"use_cache\":\"no\",\"output_attentions\":3}", 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int head = PLN_HEAD_MODEL; electra_head((pln_head)head); head++)
            for (int train = 0; train < 2; train++) {
                pln_error error;
                const bool reads = rows[i].heads >> head & 1 && (train || !rows[i].train);
                const pln_status status = judge_text(rows[i].text, (pln_head)head, train, &error);
                if (status != (reads ? PLN_BAD_MODEL : PLN_OK))
                    fail_msg("%s: head %s, train %d: %d", rows[i].text, pln_head_string((pln_head)head), train, status);
            }
    pln_error error;
    expect_refusal("{\"architectures\":[3]}", PLN_HEAD_DEFAULT, false, "architectures is no list");
    expect_refusal("{\"architectures\":7}", PLN_HEAD_DEFAULT, false, "architectures is no list");
    assert_int_equal(judge_text("{\"architectures\":[3]}", PLN_HEAD_PRETRAINING, true, &error), PLN_OK);
}

/* id2label, num_labels, what the weights have, and what comes of it. */
static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t weights, expected;
        const char *first, *last;
    } rows[] = {
        {"{\"id2label\":{\"1\":\"a\",\"2\":\"b\"}}", 0, 2, "LABEL_0", "a"},
        {"{\"id2label\":{\"0\":\"a\",\"7\":\"b\"}}", 2, 2, "a", "LABEL_1"},
        {"{\"id2label\":{\"0\":1,\"1\":2.5,\"2\":null}}", 0, 3, "1", "LABEL_2"},
        {"{\"id2label\":{\"0\":true,\"-1\":\"x\",\"1\":[1]}}", 0, 3, "true", "LABEL_2"},
        {"{\"id2label\":[\"a\",\"b\",4]}", 0, 3, "a", "4"},
        {"{\"id2label\":null}", 5, 5, "LABEL_0", "LABEL_4"},
        {"{\"id2label\":{}}", 0, 2, "LABEL_0", "LABEL_1"},
        {"{}", 3, 3, "LABEL_0", "LABEL_2"},
        {"{\"num_labels\":4,\"id2label\":{\"0\":\"a\",\"1\":\"b\"}}", 4, 4, "a", "LABEL_3"},
        {"{\"num_labels\":4,\"id2label\":{\"0\":\"a\",\"1\":\"b\"}}", 0, 4, "a", "LABEL_3"},
        {"{\"num_labels\":2,\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\"}}", 3, 3, "a", "c"},
        {"{\"num_labels\":2,\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\"}}", 0, 2, "a", "b"},
        {"{\"num_labels\":2}", 3, 2, "LABEL_0", "LABEL_1"}, /* the weights are wrong then, and say so */
        {"{\"num_labels\":7.0}", 0, 7, "LABEL_0", "LABEL_6"},
        {"{\"_num_labels\":3}", 3, 3, "LABEL_0", "LABEL_2"},
        {"{\"num_labels\":null,\"_num_labels\":3}", 0, 3, "LABEL_0", "LABEL_2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct electra_config c;
        pln_error error;
        assert_int_equal(read_text(rows[i].text, &c, &error), PLN_OK);
        assert_int_equal(electra_config_match_labels(&c, rows[i].weights, &error), PLN_OK);
        if (c.num_labels != rows[i].expected || strcmp(c.labels[0], rows[i].first) != 0 ||
            strcmp(c.labels[c.num_labels - 1], rows[i].last) != 0)
            fail_msg("%s: %u labels, %s to %s", rows[i].text, c.num_labels, c.labels[0], c.labels[c.num_labels - 1]);
        electra_config_finish(&c);
    }
}

static void test_lenient(void **state)
{
    (void)state;
    struct electra_config c;
    pln_error error;
    assert_int_equal(read_text("{\"hidden_size\":16.0,\"pad_token_id\":3.0,\"model_type\":null,\"pruned_heads\":{},"
                               "\"architectures\":\"ElectraForMaskedLM\",\"summary_activation\":\"\"}",
                               &c, &error),
                     PLN_OK);
    assert_int_equal(c.hidden_size, 16);
    assert_int_equal(c.pad_token_id, 3);
    assert_int_equal(c.head, PLN_HEAD_MASKED_LM);
    assert_int_equal(c.summary_activation, PLN_ACTIVATION_NONE);
    electra_config_finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_is_kept),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_readers),
                                       cmocka_unit_test(test_labels),   cmocka_unit_test(test_lenient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
