/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of pre-training: a trainer of both halves, and a corpus.
 */
#include "tests/api/doors.h"

static const int32_t ids[] = {2, 96, 97, 98, 3}, masked[] = {2, 96, 4, 98, 3}, positions[] = {2};
static const pln_tensor good_batch[] = {
    {.name = "input_ids", .dtype = PLN_I32, .rank = 2, .shape = {1, 5}, .data = ids},
    {.name = "masked_ids", .dtype = PLN_I32, .rank = 2, .shape = {1, 5}, .data = masked},
    {.name = "positions", .dtype = PLN_I32, .rank = 2, .shape = {1, 1}, .data = positions}};

/* One that is destroyed by its user. */
static pln_trainer *make_trainer(void)
{
    pln_trainer *trainer;
    must(pln_trainer_create_pretraining(w.generator, w.discriminator, w.devices, NULL,
                                        PLN_OPTIONS(pln_pretraining_options, .sharing = PLN_SHARING_NONE), &trainer,
                                        fresh()),
         &w.error);
    return trainer;
}

static void knock_pln_trainer_create_pretraining(void)
{
    pln_trainer *t = NULL;
    const pln_pretraining_options none = {.size = sizeof none, .sharing = NO_SUCH(pln_sharing)};
    const pln_pretraining_options cold = {.size = sizeof cold, .temperature = -1};
    refused(pln_trainer_create_pretraining(NULL, w.discriminator, w.devices, NULL, NULL, &t, fresh()),
            "generator is NULL");
    refused(pln_trainer_create_pretraining(w.generator, NULL, w.devices, NULL, NULL, &t, fresh()),
            "discriminator is NULL");
    refused(pln_trainer_create_pretraining(w.generator, w.discriminator, NULL, NULL, NULL, &t, fresh()),
            "devices is NULL");
    refused(pln_trainer_create_pretraining(w.generator, w.discriminator, w.devices, NULL, NULL, NULL, fresh()),
            "trainer is NULL");
    refused(pln_trainer_create_pretraining(w.generator, w.discriminator, w.devices, NULL, &none, &t, fresh()),
            "no sharing 99");
    refused(pln_trainer_create_pretraining(w.generator, w.discriminator, w.devices, NULL, &cold, &t, fresh()),
            "temperature -1");
    const pln_pretraining_options colder = {.size = sizeof colder, .temperature = 1e-60}; /* 0 in f32 */
    refused(pln_trainer_create_pretraining(w.generator, w.discriminator, w.devices, NULL, &colder, &t, fresh()),
            "temperature 1e-60");
    const pln_pretraining_options heavy = {.size = sizeof heavy, .discriminator_weight = 1e39};
    refused(pln_trainer_create_pretraining(w.generator, w.discriminator, w.devices, NULL, &heavy, &t, fresh()),
            "discriminator weight 1e+39");
    assert_null(t);
}

static void knock_pln_trainer_pretraining_report(void)
{
    pln_pretraining_report report = {.size = sizeof report};
    pln_trainer *t = make_trainer();
    refused(pln_trainer_pretraining_report(NULL, &report, fresh()), "trainer is NULL");
    refused(pln_trainer_pretraining_report(t, NULL, fresh()), "report is NULL");
    refused(pln_trainer_pretraining_report(t, &report, fresh()), "before the first step");
    refused(pln_trainer_pretraining_report(w.trainer, &report, fresh()), "not one of both halves");
    pln_trainer_destroy(&t);
}

static void refuse_batch(pln_trainer *t, uint32_t i, const pln_tensor *bad, const char *words)
{
    pln_pretraining_report report = {.size = sizeof report};
    pln_tensor batch[3];
    memcpy(batch, good_batch, sizeof batch);
    batch[i] = *bad;
    refused(pln_trainer_pretraining_evaluate(t, batch, 3, 0, &report, fresh()), words);
    refused(pln_trainer_step(t, batch, 3, NULL, fresh()), words);
}

/* Batches that are numbered on are one look: the same as both by themselves, each as heavy as what it is a mean of. */
static void add_up_looks(void)
{
    pln_pretraining_report a = {.size = sizeof a}, b = a, both = a;
    pln_trainer *t = make_trainer(), *other = make_trainer();
    must(pln_trainer_pretraining_evaluate(t, good_batch, 3, 0, &a, fresh()), &w.error);
    must(pln_trainer_pretraining_evaluate(other, good_batch, 3, 1, &b, fresh()), &w.error);
    must(pln_trainer_pretraining_evaluate(t, good_batch, 3, 1, NULL, fresh()), &w.error);
    must(pln_trainer_pretraining_report(t, &both, fresh()), &w.error);
    assert_int_equal(both.examples, 2);
    assert_int_equal(both.tokens, a.tokens + b.tokens);
    assert_float_equal(both.masked_lm_loss, (a.masked_lm_loss + b.masked_lm_loss) / 2, 1e-5f);
    assert_float_equal(both.disc_loss, (a.disc_loss + b.disc_loss) / 2, 1e-6f);
    must(pln_trainer_pretraining_evaluate(t, good_batch, 3, 0, &both, fresh()), &w.error);
    assert_int_equal(both.examples, 1);
    assert_memory_equal(&both.masked_lm_loss, &a.masked_lm_loss, sizeof a.masked_lm_loss);
    pln_trainer_destroy(&other);
    pln_trainer_destroy(&t);
}

static void knock_pln_trainer_pretraining_evaluate(void)
{
    static const int32_t far[] = {5}, none[] = {-1}, wild[] = {2, 96, INT32_MAX, 98, 3};
    static const int32_t holes[] = {1, 0, 1, 1, 1};
    pln_pretraining_report report = {.size = sizeof report};
    pln_trainer *t = make_trainer();
    refused(pln_trainer_pretraining_evaluate(NULL, good_batch, 3, 0, &report, fresh()), "trainer is NULL");
    refused(pln_trainer_pretraining_evaluate(t, NULL, 3, 0, &report, fresh()), "NULL");
    must(pln_trainer_pretraining_evaluate(t, good_batch, 3, 0, NULL, fresh()), &w.error);
    refused(pln_trainer_pretraining_evaluate(t, good_batch, 2, 0, &report, fresh()), "positions");
    refuse_batch(t, 0, &(pln_tensor){.name = "labels", .dtype = PLN_I32, .rank = 2, .shape = {1, 5}, .data = ids},
                 "does not take a tensor labels");
    refuse_batch(t, 2, &(pln_tensor){.name = "positions", .dtype = PLN_I32, .rank = 2, .shape = {1, 1}, .data = far},
                 "slot 0 of row 0 is 5");
    refuse_batch(t, 2, &(pln_tensor){.name = "positions", .dtype = PLN_I32, .rank = 2, .shape = {1, 1}, .data = none},
                 "no token of the batch is chosen");
    refuse_batch(t, 1,
                 &(pln_tensor){.name = "masked_ids", .dtype = PLN_I32, .rank = 2, .shape = {1, 4}, .data = masked},
                 "masked_ids: expected [1, 5], found [1, 4]");
    refuse_batch(t, 1, &(pln_tensor){.name = "masked_ids", .dtype = PLN_I32, .rank = 2, .shape = {1, 5}, .data = wild},
                 "2147483647");
    refuse_batch(t, 0, &(pln_tensor){.name = "input_ids", .dtype = PLN_F32, .rank = 2, .shape = {1, 5}, .data = ids},
                 "whole numbers");
    const pln_tensor with_mask[] = {
        good_batch[0], good_batch[1], good_batch[2], {"attention_mask", PLN_I32, 2, {1, 5}, holes}};
    refused(pln_trainer_pretraining_evaluate(t, with_mask, 4, 0, &report, fresh()), "row 0");
    must(pln_trainer_pretraining_evaluate(t, good_batch, 3, 0, &report, fresh()), &w.error);
    assert_int_equal(report.masked, 1);
    pln_trainer_destroy(&t);
    add_up_looks();
}

static void knock_pln_trainer_save_half(void)
{
    pln_trainer *t = make_trainer();
    refused(pln_trainer_save_half(NULL, PLN_HALF_GENERATOR, w.folder, fresh()), "trainer is NULL");
    refused(pln_trainer_save_half(t, PLN_HALF_GENERATOR, NULL, fresh()), "directory is NULL");
    refused(pln_trainer_save_half(t, NO_SUCH(pln_half), w.folder, fresh()), "no half 99");
    refused(pln_trainer_save_half(w.trainer, PLN_HALF_GENERATOR, w.folder, fresh()), "not one of both halves");
    pln_trainer_destroy(&t);
}

static void knock_pln_sharing_find(void)
{
    pln_sharing sharing = PLN_SHARING_ALL;
    assert_false(pln_sharing_find("no such", &sharing));
    assert_false(pln_sharing_find(NULL, &sharing));
    assert_false(pln_sharing_find("none", NULL));
    assert_int_equal(sharing, PLN_SHARING_ALL);
}

static void knock_pln_corpus_open(void)
{
    const char *const paths[] = {"/no/such/corpus.txt"};
    pln_corpus *c = NULL;
    refused(pln_corpus_open(NULL, paths, 1, NULL, &c, fresh()), "tokenizer is NULL");
    refused(pln_corpus_open(w.tokenizer, NULL, 1, NULL, &c, fresh()), "paths is NULL");
    refused(pln_corpus_open(w.tokenizer, paths, 1, NULL, NULL, fresh()), "corpus is NULL");
    refused(pln_corpus_open(w.tokenizer, paths, 0, NULL, &c, fresh()), "no file");
    refused(pln_corpus_open(w.tokenizer, paths, 1, NULL, &c, fresh()), "/no/such/corpus.txt");
    refused(pln_corpus_open(w.tokenizer, paths, 1, PLN_OPTIONS(pln_corpus_options, .max_length = 4), &c, fresh()),
            "max_length 4");
    refused(pln_corpus_open(w.tokenizer, paths, 1, PLN_OPTIONS(pln_corpus_options, .mask_probability = 2), &c, fresh()),
            "mask probability 2");
    assert_null(c);
}

static void knock_pln_corpus_close(void)
{
    pln_corpus *none = NULL;
    pln_corpus_close(NULL);
    pln_corpus_close(&none);
}

/* Of the vocabulary of the model, which is a text like another. */
static pln_corpus *make_corpus(void)
{
    char path[1024];
    const char *const paths[] = {path};
    pln_corpus *c;
    snprintf(path, sizeof path, "%s/electra-tiny-generator/vocab.txt", w.models);
    must(pln_corpus_open(w.tokenizer, paths, 1, PLN_OPTIONS(pln_corpus_options, .shuffle_buffer = 1), &c, fresh()),
         &w.error);
    return c;
}

static void knock_pln_corpus_next(void)
{
    const pln_corpus_batch *batch;
    pln_corpus *c = make_corpus();
    refused(pln_corpus_next(NULL, 1, &batch, fresh()), "corpus is NULL");
    refused(pln_corpus_next(c, 1, NULL, fresh()), "batch is NULL");
    refused(pln_corpus_next(c, 0, &batch, fresh()), "rows is 0");
    must(pln_corpus_next(c, 2, &batch, fresh()), &w.error);
    assert_int_equal(batch->rows, 2);
    pln_corpus_close(&c);
}

static void knock_pln_corpus_look(void)
{
    pln_corpus *c = make_corpus();
    const pln_corpus_batch *batch;
    refused(pln_corpus_look(NULL, 1, fresh()), "corpus is NULL");
    must(pln_corpus_look(c, 0, fresh()), &w.error);
    must(pln_corpus_look(c, 3, fresh()), &w.error);
    must(pln_corpus_next(c, 2, &batch, fresh()), &w.error);
    assert_true(batch->epoch > 0 && batch->epoch < 0.2);
    pln_corpus_close(&c);
}

static void knock_pln_corpus_save(void)
{
    pln_corpus *c = make_corpus();
    refused(pln_corpus_save(NULL, "x", fresh()), "corpus is NULL");
    refused(pln_corpus_save(c, NULL, fresh()), "path is NULL");
    pln_corpus_close(&c);
}

static void knock_pln_corpus_restore(void)
{
    char path[1024];
    pln_corpus *c = make_corpus();
    refused(pln_corpus_restore(NULL, "x", fresh()), "corpus is NULL");
    refused(pln_corpus_restore(c, NULL, fresh()), "path is NULL");
    snprintf(path, sizeof path, "%s/electra-tiny-generator/model.safetensors", w.models);
    assert_int_equal(pln_corpus_restore(c, path, fresh()), PLN_BAD_MODEL);
    assert_non_null(strstr(w.error.message, "not where a corpus stands"));
    pln_corpus_close(&c);
}

const struct door pretraining_doors[] = {DOOR(pln_trainer_create_pretraining),
                                         DOOR(pln_trainer_pretraining_report),
                                         DOOR(pln_trainer_pretraining_evaluate),
                                         DOOR(pln_trainer_save_half),
                                         DOOR(pln_sharing_find),
                                         DOOR(pln_corpus_open),
                                         DOOR(pln_corpus_close),
                                         DOOR(pln_corpus_next),
                                         DOOR(pln_corpus_look),
                                         DOOR(pln_corpus_save),
                                         DOOR(pln_corpus_restore),
                                         {NULL, NULL}};
