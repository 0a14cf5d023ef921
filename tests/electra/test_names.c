/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of other frameworks and of wrappers in PyTorch's words, whatever file they come in.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "electra/infer.h"

static char folder[] = "names-XXXXXX";
static struct ckpt *checkpoint;
static struct electra_names names;
static pln_error error;

static const char *in_folder(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file with a matrix [2, 3] under each name, NULL behind the last; those of LayerNorm and biases are vectors. */
static pln_status open_names(const char *const *list, pln_part part)
{
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    pln_tensor tensors[40];
    uint32_t n = 0;
    for (; list[n]; n++) {
        const bool vector = strstr(list[n], "bias") || strstr(list[n], "LayerNorm");
        tensors[n] = (pln_tensor){list[n], PLN_F32, vector ? 1 : 2, {vector ? 6 : 2, 3}, values};
    }
    assert_int_equal(pln_tensor_file_write(in_folder("model.safetensors"), tensors, n, &error), PLN_OK);
    assert_int_equal(ckpt_open(folder, NULL, 0, &checkpoint, &error), PLN_OK);
    return electra_names_init(&names, checkpoint, part, &error);
}

static void close_names(void)
{
    electra_names_finish(&names);
    ckpt_close(&checkpoint);
}

static const char *source_of(const char *name)
{
    const struct electra_name *found = electra_names_find(&names, name);
    return found ? found->tensor->name : "nothing";
}

struct row {
    const char *from, *to; /* to NULL: it is dropped */
};

/* Each name comes to the other one, kernels turned. */
static void check_rows(const struct row *rows, size_t n)
{
    const char *list[40];
    for (size_t i = 0; i <= n; i++)
        list[i] = i < n ? rows[i].from : NULL;
    assert_int_equal(open_names(list, PLN_PART_DEFAULT), PLN_OK);
    uint32_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].to)
            continue;
        kept++;
        assert_string_equal(source_of(rows[i].to), rows[i].from);
        const struct weight weight = electra_name_weight(electra_names_find(&names, rows[i].to));
        if (weight.rank == 2) {
            float first[3];
            const bool kernel = strstr(rows[i].from, "kernel") != NULL;
            weight_read(&weight, 0, 3, first);
            assert_int_equal(weight.shape[0], kernel ? 3 : 2);
            assert_true(first[1] == (kernel ? 4 : 2)); /* (0, 1) */
        }
    }
    assert_int_equal(names.found, kept);
    close_names();
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void keras_names_are_translated(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"my_electra_2/electra/embeddings/word_embeddings/weight:0", "electra.embeddings.word_embeddings.weight"},
        {"my_electra_2/electra/embeddings/position_embeddings/embeddings:0",
         "electra.embeddings.position_embeddings.weight"},
        {"my_electra_2/electra/embeddings/LayerNorm/gamma:0", "electra.embeddings.LayerNorm.weight"},
        {"my_electra_2/electra/embeddings_project/kernel:0", "electra.embeddings_project.weight"},
        {"my_electra_2/electra/encoder/layer_._11/attention/self/query/kernel:0",
         "electra.encoder.layer.11.attention.self.query.weight"},
        {"my_electra_2/electra/encoder/layer_._11/output/LayerNorm/beta:0",
         "electra.encoder.layer.11.output.LayerNorm.bias"},
        {"electra/electra/encoder/layer_._0/crossattention/output/dense/kernel:0",
         "electra.encoder.layer.0.crossattention.output.dense.weight"},
        {"my_electra_2/discriminator_predictions/dense_prediction/kernel:0",
         "discriminator_predictions.dense_prediction.weight"},
        {"my_electra_2/generator_lm_head/bias:0", "generator_lm_head.bias"},
        {"my_electra_2/classifier/out_proj/kernel:0", "classifier.out_proj.weight"},
        {"my_electra_2/sequence_summary/summary/kernel:0", "sequence_summary.summary.weight"},
    };
    check_rows(rows, COUNT(rows));
}

static void names_of_keras_3_are_translated(void **state)
{
    (void)state;
#define MAIN "layers/tf_electra_main_layer/"
    static const struct row rows[] = {
        {MAIN "embeddings/vars/0", "electra.embeddings.word_embeddings.weight"},
        {MAIN "embeddings/vars/1", "electra.embeddings.token_type_embeddings.weight"},
        {MAIN "embeddings/vars/2", "electra.embeddings.position_embeddings.weight"},
        {MAIN "embeddings/LayerNorm/vars/1", "electra.embeddings.LayerNorm.bias"},
        {MAIN "embeddings_project/vars/1", "electra.embeddings_project.bias"},
        {MAIN "encoder/layer/tf_electra_layer/attention/self_attention/query/vars/1",
         "electra.encoder.layer.0.attention.self.query.bias"},
        {MAIN "encoder/layer/tf_electra_layer_11/attention/dense_output/LayerNorm/vars/0",
         "electra.encoder.layer.11.attention.output.LayerNorm.weight"},
        {MAIN "encoder/layer/tf_electra_layer_11/bert_output/dense/vars/1",
         "electra.encoder.layer.11.output.dense.bias"},
        {"layers/tf_electra_masked_lm_head/vars/0", "generator_lm_head.bias"},
        {"layers/tf_electra_discriminator_predictions/dense_prediction/vars/1",
         "discriminator_predictions.dense_prediction.bias"},
        {"layers/tf_electra_classification_head/out_proj/vars/1", "classifier.out_proj.bias"},
        {"layers/dense/vars/1", "layers.dense.vars.1"},
    };
#undef MAIN
    check_rows(rows, COUNT(rows));
}

static void flax_names_are_translated(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"params/params/embeddings/word_embeddings/embedding", "electra.embeddings.word_embeddings.weight"},
        {"params/params/embeddings/LayerNorm/scale", "electra.embeddings.LayerNorm.weight"},
        {"params/params/encoder/layer/3/intermediate/dense/kernel",
         "electra.encoder.layer.3.intermediate.dense.weight"},
        {"params/params/encoder/layer/3/intermediate/dense/bias", "electra.encoder.layer.3.intermediate.dense.bias"},
        {"opt_state/0/mu/params/encoder/layer/3/intermediate/dense/kernel", NULL},
        {"step", NULL},
    };
    check_rows(rows, COUNT(rows));
    static const struct row dotted[] = {
        {"electra.encoder.layer.0.attention.self.key.kernel", "electra.encoder.layer.0.attention.self.key.weight"},
        {"electra.embeddings.token_type_embeddings.embedding", "electra.embeddings.token_type_embeddings.weight"},
        {"generator_lm_head.kernel", "generator_lm_head.weight"},
    };
    check_rows(dotted, COUNT(dotted));
}

static void names_of_objects_are_translated(void **state)
{
    (void)state;
#define VALUE "/.ATTRIBUTES/VARIABLE_VALUE"
    static const struct row rows[] = {
        {"model/electra/embeddings/weight" VALUE, "electra.embeddings.word_embeddings.weight"},
        {"model/electra/embeddings/embeddings" VALUE, "electra.embeddings.position_embeddings.weight"},
        {"model/electra/embeddings/token_type_embeddings" VALUE, "electra.embeddings.token_type_embeddings.weight"},
        {"model/electra/encoder/layer/1/attention/self_attention/query/kernel" VALUE,
         "electra.encoder.layer.1.attention.self.query.weight"},
        {"model/electra/encoder/layer/1/attention/dense_output/LayerNorm/gamma" VALUE,
         "electra.encoder.layer.1.attention.output.LayerNorm.weight"},
        {"model/electra/encoder/layer/1/bert_output/dense/kernel" VALUE, "electra.encoder.layer.1.output.dense.weight"},
        {"model/electra/encoder/layer/1/bert_output/dense/kernel/.OPTIMIZER_SLOT/optimizer/m" VALUE, NULL},
        {"save_counter" VALUE, NULL},
        {"_CHECKPOINTABLE_OBJECT_GRAPH", NULL},
    };
    check_rows(rows, COUNT(rows));
}

static void wrappers_are_taken_away(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"state_dict/model/module._orig_mod.module.electra.embeddings.LayerNorm.gamma",
         "electra.embeddings.LayerNorm.weight"},
        {"state_dict/model/module._orig_mod.module.electra.embeddings.position_ids", NULL},
        {"state_dict/model/module._orig_mod.module.discriminator_predictions.dense.weight",
         "discriminator_predictions.dense.weight"},
        {"optimizer/state/0/exp_avg", NULL},
    };
    check_rows(rows, COUNT(rows));
    static const char *const some[] = {"module.electra.embeddings.word_embeddings.weight", "loss.weight", NULL};
    assert_int_equal(open_names(some, PLN_PART_DEFAULT), PLN_OK);
    assert_string_equal(source_of("electra.embeddings.word_embeddings.weight"), some[0]);
    assert_string_equal(names.note,
                        "names of the model begin with 'module.', which is left away"); /* not all have it */
    close_names();
    static const char *const all[] = {"model.embeddings.LayerNorm.weight", "model.encoder.layer.0.output.dense.weight",
                                      NULL};
    assert_int_equal(open_names(all, PLN_PART_DEFAULT), PLN_OK);
    assert_string_equal(source_of("electra.embeddings.LayerNorm.weight"), all[0]);
    assert_non_null(strstr(names.note, "'model.'"));
    close_names();
    static const char *const twice[] = {"electra.embeddings.LayerNorm.weight", "electra.embeddings.LayerNorm.gamma",
                                        NULL};
    assert_int_equal(open_names(twice, PLN_PART_DEFAULT), PLN_OK);
    assert_non_null(strstr(names.note, "the same tensor"));
    assert_int_equal(names.found, 1);
    close_names();
}

/* ---- the halves of Google's training runs */

#define DISCRIMINATOR                                                                                                  \
    "electra/embeddings/word_embeddings", "electra/embeddings/LayerNorm/gamma", "electra/embeddings_project/kernel",   \
        "electra/encoder/layer_0/attention/self/query/kernel"
#define GENERATOR "generator/embeddings_project/kernel", "generator/encoder/layer_0/attention/self/query/kernel"
#define OF_DISCRIMINATOR "discriminator_predictions/dense/kernel", "discriminator_predictions/dense_1/kernel"
#define OF_GENERATOR "generator_predictions/dense/kernel", "generator_predictions/output_bias"
#define OF_TRAINING                                                                                                    \
    "global_step", "electra/embeddings/word_embeddings/adam_m", "electra/embeddings/word_embeddings/adam_v"

#define WORDS "electra.embeddings.word_embeddings.weight"
#define QUERY "electra.encoder.layer.0.attention.self.query.weight"

static void expect_half(const char *const *list, pln_part part, const char *words, const char *query, uint32_t found)
{
    if (open_names(list, part) != PLN_OK)
        fail_msg("%s", error.message);
    assert_string_equal(source_of(WORDS), words);
    assert_string_equal(source_of(QUERY), query);
    assert_int_equal(names.found, found);
    close_names();
}

static void expect_refusal(const char *const *list, pln_part part, const char *sentence)
{
    assert_int_equal(open_names(list, part), PLN_BAD_MODEL);
    if (!strstr(error.message, sentence))
        fail_msg("'%s' lacks '%s'", error.message, sentence);
    close_names();
}

static const char own_query[] = "generator/encoder/layer_0/attention/self/query/kernel";
static const char query[] = "electra/encoder/layer_0/attention/self/query/kernel";
static const char words[] = "electra/embeddings/word_embeddings";

static void a_run_has_two_halves(void **state)
{
    (void)state;
    static const char *const usual[] = {DISCRIMINATOR, GENERATOR, OF_DISCRIMINATOR, OF_GENERATOR, OF_TRAINING, NULL};
    expect_half(usual, PLN_PART_DISCRIMINATOR, words, query, 6);
    expect_half(usual, PLN_PART_GENERATOR, words, own_query, 6);
    expect_refusal(usual, PLN_PART_DEFAULT, "a discriminator and a generator");
    assert_int_equal(open_names(usual, PLN_PART_GENERATOR), PLN_OK);
    assert_string_equal(source_of("generator_lm_head.bias"), "generator_predictions/output_bias");
    assert_string_equal(source_of("electra.embeddings_project.weight"), "generator/embeddings_project/kernel");
    assert_int_equal(electra_infer_head(&names), PLN_HEAD_MASKED_LM);
    close_names();
    assert_int_equal(open_names(usual, PLN_PART_DISCRIMINATOR), PLN_OK);
    assert_string_equal(source_of("discriminator_predictions.dense_prediction.weight"),
                        "discriminator_predictions/dense_1/kernel");
    assert_string_equal(source_of("generator_lm_head.bias"), "nothing");
    assert_int_equal(electra_infer_head(&names), PLN_HEAD_PRETRAINING);
    close_names();
}

static void other_runs_have_other_halves(void **state)
{
    (void)state;
    static const char *const own_embeddings[] = {DISCRIMINATOR,
                                                 "generator/embeddings/word_embeddings",
                                                 "generator/embeddings/LayerNorm/gamma",
                                                 own_query,
                                                 OF_DISCRIMINATOR,
                                                 OF_GENERATOR,
                                                 NULL};
    expect_half(own_embeddings, PLN_PART_GENERATOR, "generator/embeddings/word_embeddings", own_query, 5);
    expect_half(own_embeddings, PLN_PART_DISCRIMINATOR, words, query, 6);
    static const char *const tied[] = {DISCRIMINATOR, OF_DISCRIMINATOR, OF_GENERATOR, NULL};
    expect_half(tied, PLN_PART_GENERATOR, words, query, 6);
    expect_half(tied, PLN_PART_DISCRIMINATOR, words, query, 6);
    expect_refusal(tied, PLN_PART_DEFAULT, "a discriminator and a generator");
    static const char *const bert[] = {DISCRIMINATOR, OF_GENERATOR, NULL};
    expect_half(bert, PLN_PART_DEFAULT, words, query, 6);
    expect_half(bert, PLN_PART_GENERATOR, words, query, 6);
    expect_refusal(bert, PLN_PART_DISCRIMINATOR, "no discriminator, but a generator");
    static const char *const electric[] = {DISCRIMINATOR,
                                           OF_DISCRIMINATOR,
                                           "generator_ltr/encoder/layer_0/attention/self/query/kernel",
                                           "generator_rtl/encoder/layer_0/attention/self/query/kernel",
                                           "cloze_predictions/dense/kernel",
                                           NULL};
    expect_half(electric, PLN_PART_DEFAULT, words, query, 6);
    expect_refusal(electric, PLN_PART_GENERATOR, "two towers");
    static const char *const tuned[] = {DISCRIMINATOR, "task_specific/cola/dense/kernel", OF_TRAINING, NULL};
    expect_half(tuned, PLN_PART_DEFAULT, words, query, 5);
    expect_refusal(tuned, PLN_PART_GENERATOR, "no generator");
}

static void a_half_of_other_files_is_checked(void **state)
{
    (void)state;
    static const char *const generator[] = {WORDS, "generator_predictions.dense.weight", NULL};
    expect_half(generator, PLN_PART_GENERATOR, WORDS, "nothing", 2);
    expect_refusal(generator, PLN_PART_DISCRIMINATOR, "holds no discriminator, but a generator");
}

static int make_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(in_folder("model.safetensors"));
    return rmdir(folder);
}

/* Layers of a task are told apart by which ones it has; what is beside them of an optimizer is not read. */
static void heads_of_google_are_named(void **state)
{
    (void)state;
    static const struct row answers[] = {
        {"electra/embeddings/word_embeddings", "electra.embeddings.word_embeddings.weight"},
        {"task_specific/squad/dense/kernel", "joint_qa.start.weight"},
        {"task_specific/squad/dense/bias", "joint_qa.start.bias"},
        {"task_specific/squad/dense/kernel/adam_m", NULL},
        {"task_specific/squad/qa_hidden/kernel", "joint_qa.end_hidden.weight"},
        {"task_specific/squad/dense_1/kernel", "joint_qa.end.weight"},
        {"task_specific/squad/dense_2/kernel", "joint_qa.answerable_hidden.weight"},
        {"task_specific/squad/dense_3/bias", "joint_qa.answerable.bias"},
    };
    static const struct row apart_too[] = {
        {"electra/embeddings/word_embeddings", "electra.embeddings.word_embeddings.weight"},
        {"task_specific/squad/dense/kernel", "joint_qa.start.weight"},
        {"task_specific/squad/dense_1/kernel", "joint_qa.end.weight"},
        {"task_specific/squad/dense_2/kernel", "joint_qa.answerable.weight"},
    };
    static const struct row first[] = {
        {"electra/embeddings/word_embeddings", "electra.embeddings.word_embeddings.weight"},
        {"task_specific/newsqa/qa_hidden/kernel", "joint_qa.end_hidden.weight"},
        {"task_specific/newsqa/dense_2/kernel", "joint_qa.answerable.weight"},
    };
    static const struct row classes[] = {
        {"electra/embeddings/word_embeddings", "electra.embeddings.word_embeddings.weight"},
        {"task_specific/mnli/dense/kernel", "task_specific.dense.weight"},
        {"task_specific/mnli/dense/bias/adam_v", NULL},
    };
    static const struct row tags[] = {
        {"electra/embeddings/word_embeddings", "electra.embeddings.word_embeddings.weight"},
        {"task_specific/chunk/dense/kernel", "classifier.weight"},
    };
    check_rows(answers, COUNT(answers));
    check_rows(first, COUNT(first));
    check_rows(apart_too, COUNT(apart_too));
    check_rows(classes, COUNT(classes));
    check_rows(tags, COUNT(tags));
    static const char *const several[] = {"electra/embeddings/word_embeddings", "task_specific/cola/dense/kernel",
                                          "task_specific/rte/dense/kernel", NULL};
    assert_int_equal(open_names(several, PLN_PART_DEFAULT), PLN_OK);
    assert_string_equal(names.note, "there are heads of several tasks under task_specific/, none of which is read");
    assert_int_equal(electra_infer_head(&names), PLN_HEAD_MODEL);
    close_names();
    static const char *const apart[] = {"electra/embeddings/word_embeddings", "task_specific/squadv1/dense/kernel",
                                        "task_specific/squadv1/dense_1/kernel", NULL};
    assert_int_equal(open_names(apart, PLN_PART_DEFAULT), PLN_OK);
    assert_int_equal(electra_infer_head(&names), PLN_HEAD_JOINT_QUESTION_ANSWERING);
    close_names();
    static const char *const squad[] = {"electra/embeddings/word_embeddings", "task_specific/squad/dense/kernel",
                                        "task_specific/squad/qa_hidden/kernel", NULL};
    assert_int_equal(open_names(squad, PLN_PART_DEFAULT), PLN_OK);
    assert_int_equal(electra_infer_head(&names), PLN_HEAD_JOINT_QUESTION_ANSWERING);
    close_names();
}

static void wrappers_inside_of_names_are_taken_away(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"_fsdp_wrapped_module.electra.encoder.layer.0._fsdp_wrapped_module.output.dense.weight",
         "electra.encoder.layer.0.output.dense.weight"},
        {"_fsdp_wrapped_module.electra._orig_mod.embeddings._checkpoint_wrapped_module.word_embeddings.weight",
         "electra.embeddings.word_embeddings.weight"},
        {"_fsdp_wrapped_module.electra.my_orig_mod.weight", "electra.my_orig_mod.weight"},
    };
    check_rows(rows, COUNT(rows));
}

/* The table of words says how a model is called that stands in another one; two of them are left as they are. */
static void models_in_other_ones_are_found(void **state)
{
    (void)state;
    static const struct row whole[] = {
        {"net.electra.embeddings.word_embeddings.weight", "electra.embeddings.word_embeddings.weight"},
        {"net.discriminator_predictions.dense.weight", "discriminator_predictions.dense.weight"},
        {"loss.weight", "loss.weight"},
    };
    static const struct row body[] = {
        {"bert.embeddings.word_embeddings.weight", "electra.embeddings.word_embeddings.weight"},
        {"bert.encoder.layer.0.output.dense.weight", "electra.encoder.layer.0.output.dense.weight"},
        {"fc.weight", "fc.weight"},
    };
    static const struct row inside[] = {
        {"ema/electra.embeddings.word_embeddings.weight", "electra.embeddings.word_embeddings.weight"},
        {"best/loss", "best.loss"},
    };
    static const struct row two[] = {
        {"teacher.electra.embeddings.word_embeddings.weight", "teacher.electra.embeddings.word_embeddings.weight"},
        {"student.electra.embeddings.word_embeddings.weight", "student.electra.embeddings.word_embeddings.weight"},
    };
    check_rows(whole, COUNT(whole));
    check_rows(body, COUNT(body));
    check_rows(inside, COUNT(inside));
    check_rows(two, COUNT(two));
}

static void halves_of_pytorch_are_chosen(void **state)
{
    (void)state;
    static const char *const both[] = {"model.discriminator.electra.embeddings.word_embeddings.weight",
                                       "model.discriminator.discriminator_predictions.dense.weight",
                                       "model.generator.electra.embeddings.word_embeddings.weight",
                                       "model.generator.generator_lm_head.bias", NULL};
    assert_int_equal(open_names(both, PLN_PART_DEFAULT), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "holds a discriminator and a generator: which one is meant?"));
    close_names();
    assert_int_equal(open_names(both, PLN_PART_GENERATOR), PLN_OK);
    assert_string_equal(source_of("electra.embeddings.word_embeddings.weight"), both[2]);
    assert_string_equal(source_of("generator_lm_head.bias"), both[3]);
    assert_int_equal(names.found, 2);
    close_names();
    static const char *const one[] = {"discriminator_model.electra.embeddings.word_embeddings.weight", NULL};
    assert_int_equal(open_names(one, PLN_PART_DEFAULT), PLN_OK);
    assert_string_equal(source_of("electra.embeddings.word_embeddings.weight"), one[0]);
    close_names();
    assert_int_equal(open_names(one, PLN_PART_GENERATOR), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "holds no generator"));
    close_names();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_google_are_named),      cmocka_unit_test(wrappers_inside_of_names_are_taken_away),
        cmocka_unit_test(models_in_other_ones_are_found), cmocka_unit_test(names_of_keras_3_are_translated),
        cmocka_unit_test(halves_of_pytorch_are_chosen),   cmocka_unit_test(keras_names_are_translated),
        cmocka_unit_test(flax_names_are_translated),      cmocka_unit_test(names_of_objects_are_translated),
        cmocka_unit_test(wrappers_are_taken_away),        cmocka_unit_test(a_run_has_two_halves),
        cmocka_unit_test(other_runs_have_other_halves),   cmocka_unit_test(a_half_of_other_files_is_checked),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
