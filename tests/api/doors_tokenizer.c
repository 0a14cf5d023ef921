/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of tokenizers, encoders and the training of a vocabulary.
 */
#include "tests/api/doors.h"

#include <unistd.h>

static void knock_pln_tokenizer_mode_find(void)
{
    pln_tokenizer_mode mode;
    assert_false(pln_tokenizer_mode_find(NULL, &mode));
    assert_false(pln_tokenizer_mode_find("fast", NULL));
    assert_false(pln_tokenizer_mode_find("none", &mode));
}

static void knock_pln_tokenizer_open(void)
{
    pln_tokenizer *t = NULL;
    char path[512];
    const pln_added_token no_content = {0};
    const char *const no_words[] = {NULL};
    const struct {
        pln_tokenizer_options options;
        const char *words;
    } cases[] = {
        {{.mode = NO_SUCH(pln_tokenizer_mode)}, "no mode 99"},
        {{.lower_case = NO_SUCH(pln_choice)}, "is no choice"},
        {{.n_added = 1}, "added token 0 is NULL"},
        {{.added = &no_content, .n_added = 1}, "added token 0 is NULL"},
        {{.n_never_split = 1}, "word 0 of never_split is NULL"},
        {{.never_split = no_words, .n_never_split = 1}, "word 0 of never_split is NULL"},
    };
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator", w.models);
    refused(pln_tokenizer_open(NULL, NULL, &t, fresh()), "path is NULL");
    refused(pln_tokenizer_open(path, NULL, NULL, fresh()), "tokenizer is NULL");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pln_tokenizer_open(path, &cases[i].options, &t, fresh()), cases[i].words);
    assert_null(t);
}

static void knock_pln_tokenizer_close(void)
{
    pln_tokenizer *none = NULL;
    pln_tokenizer_close(NULL);
    pln_tokenizer_close(&none);
}

static void knock_pln_tokenizer_save(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tokenizer", w.folder);
    refused(pln_tokenizer_save(NULL, path, PLN_LAYOUT_5, fresh()), "tokenizer is NULL");
    refused(pln_tokenizer_save(w.tokenizer, NULL, PLN_LAYOUT_5, fresh()), "directory is NULL");
    refused(pln_tokenizer_save(w.tokenizer, path, NO_SUCH(pln_tokenizer_layout), fresh()), "no layout 99");
    assert_int_not_equal(access(path, F_OK), 0);
}

static void knock_pln_tokenizer_token(void)
{
    assert_null(pln_tokenizer_token(NULL, 0));
    assert_null(pln_tokenizer_token(w.tokenizer, -1));
    assert_null(pln_tokenizer_token(w.tokenizer, INT32_MAX));
}

static void knock_pln_tokenizer_id(void)
{
    assert_int_equal(pln_tokenizer_id(NULL, "the"), -1);
    assert_int_equal(pln_tokenizer_id(w.tokenizer, NULL), -1);
}

static void knock_pln_tokenizer_special_id(void)
{
    assert_int_equal(pln_tokenizer_special_id(NULL, PLN_UNK_TOKEN), -1);
    assert_int_equal(pln_tokenizer_special_id(w.tokenizer, (pln_special)50), -1);
}

static void knock_pln_tokenizer_count(void)
{
    assert_int_equal(pln_tokenizer_count(NULL), 0);
}

static void knock_pln_tokenizer_max_length(void)
{
    assert_int_equal(pln_tokenizer_max_length(NULL), 0);
}

static void knock_pln_tokenizer_decode(void)
{
    const int32_t ids[] = {INT32_MAX, -1, INT32_MIN};
    assert_null(pln_tokenizer_decode(NULL, ids, 3, NULL));
    assert_null(pln_tokenizer_decode(w.tokenizer, NULL, 3, NULL));
    char *text = pln_tokenizer_decode(w.tokenizer, ids, 3, NULL);
    assert_string_equal(text, "");
    pln_free(text);
}

static void knock_pln_tokenizer_defaults(void)
{
    assert_int_equal(pln_tokenizer_defaults(NULL).max_length, 0);
}

static void knock_pln_encodings_char_to_token(void)
{
    const pln_encodings empty = {0};
    uint32_t token;
    assert_false(pln_encodings_char_to_token(NULL, 0, 0, 0, &token));
    assert_false(pln_encodings_char_to_token(&empty, 0, 0, 0, NULL));
    assert_false(pln_encodings_char_to_token(&empty, 99999, 0, 0, &token));
}

static void knock_pln_encodings_word_to_tokens(void)
{
    const pln_encodings empty = {0};
    uint32_t begin, end;
    assert_false(pln_encodings_word_to_tokens(NULL, 0, 0, 0, &begin, &end));
    assert_false(pln_encodings_word_to_tokens(&empty, 0, 0, 0, NULL, &end));
    assert_false(pln_encodings_word_to_tokens(&empty, 0, 0, 0, &begin, NULL));
    assert_false(pln_encodings_word_to_tokens(&empty, 99999, 0, 0, &begin, &end));
}

static void knock_pln_encoder_create(void)
{
    pln_encoder *encoder = NULL;
    refused(pln_encoder_create(NULL, 1, &encoder, fresh()), "tokenizer is NULL");
    refused(pln_encoder_create(w.tokenizer, 1, NULL, fresh()), "encoder is NULL");
    assert_null(encoder);
}

static void knock_pln_encoder_destroy(void)
{
    pln_encoder *none = NULL;
    pln_encoder_destroy(NULL);
    pln_encoder_destroy(&none);
}

static void knock_pln_encoder_encode(void)
{
    pln_encoder *encoder;
    const pln_encodings *encodings;
    must(pln_encoder_create(w.tokenizer, 1, &encoder, fresh()), &w.error);
    const pln_example good = {.text = {"the cat", 7}}, wrong = {.text = {NULL, 7}}, no_words = {.n_words = 2};
    const pln_encode_options truncation = {.truncation = NO_SUCH(pln_truncation)};
    const pln_encode_options padding = {.padding = NO_SUCH(pln_padding)};
    refused(pln_encoder_encode(NULL, &good, 1, NULL, &encodings, fresh()), "encoder is NULL");
    refused(pln_encoder_encode(encoder, NULL, 1, NULL, &encodings, fresh()), "examples is NULL");
    refused(pln_encoder_encode(encoder, &good, 1, NULL, NULL, fresh()), "encodings is NULL");
    refused(pln_encoder_encode(encoder, &wrong, 1, NULL, &encodings, fresh()), "example 0");
    refused(pln_encoder_encode(encoder, &good, 1, &truncation, &encodings, fresh()), "truncation 99");
    refused(pln_encoder_encode(encoder, &good, 1, &padding, &encodings, fresh()), "padding 99");
    must(pln_encoder_encode(encoder, &no_words, 1, NULL, &encodings, fresh()), &w.error);
    must(pln_encoder_encode(encoder, NULL, 0, NULL, &encodings, fresh()), &w.error);
    pln_encoder_destroy(&encoder);
}

static void knock_pln_vocabulary_trainer_create(void)
{
    pln_vocabulary_trainer *trainer = NULL;
    const char *const special[] = {NULL};
    const pln_vocabulary_options no_special = {.special = special, .n_special = 1, .threads = 1};
    const pln_vocabulary_options many = {.threads = UINT32_MAX};
    refused(pln_vocabulary_trainer_create(NULL, NULL, fresh()), "trainer is NULL");
    refused(pln_vocabulary_trainer_create(&no_special, &trainer, fresh()), "special token 0 is NULL");
    refused(pln_vocabulary_trainer_create(&many, &trainer, fresh()), "4294967295 threads");
    assert_null(trainer);
}

static void knock_pln_vocabulary_trainer_destroy(void)
{
    pln_vocabulary_trainer *none = NULL;
    pln_vocabulary_trainer_destroy(NULL);
    pln_vocabulary_trainer_destroy(&none);
}

static void knock_pln_vocabulary_trainer_add(void)
{
    pln_vocabulary_trainer *trainer;
    must(pln_vocabulary_trainer_create(&(pln_vocabulary_options){.threads = 1}, &trainer, fresh()), &w.error);
    refused(pln_vocabulary_trainer_add(NULL, "a", 1, fresh()), "trainer is NULL");
    refused(pln_vocabulary_trainer_add(trainer, NULL, 1, fresh()), "text is NULL");
    must(pln_vocabulary_trainer_add(trainer, NULL, 0, fresh()), &w.error);
    pln_vocabulary_trainer_destroy(&trainer);
}

static void knock_pln_vocabulary_trainer_train(void)
{
    pln_vocabulary_trainer *trainer;
    char *text = NULL;
    size_t bytes;
    uint32_t entries;
    must(pln_vocabulary_trainer_create(&(pln_vocabulary_options){.threads = 1}, &trainer, fresh()), &w.error);
    refused(pln_vocabulary_trainer_train(NULL, &text, &bytes, &entries, fresh()), "trainer is NULL");
    refused(pln_vocabulary_trainer_train(trainer, NULL, &bytes, &entries, fresh()), "text is NULL");
    refused(pln_vocabulary_trainer_train(trainer, &text, NULL, &entries, fresh()), "bytes is NULL");
    refused(pln_vocabulary_trainer_train(trainer, &text, &bytes, NULL, fresh()), "entries is NULL");
    assert_null(text);
    pln_vocabulary_trainer_destroy(&trainer);
}

const struct door tokenizer_doors[] = {DOOR(pln_tokenizer_mode_find),
                                       DOOR(pln_tokenizer_open),
                                       DOOR(pln_tokenizer_close),
                                       DOOR(pln_tokenizer_save),
                                       DOOR(pln_tokenizer_token),
                                       DOOR(pln_tokenizer_id),
                                       DOOR(pln_tokenizer_special_id),
                                       DOOR(pln_tokenizer_count),
                                       DOOR(pln_tokenizer_max_length),
                                       DOOR(pln_tokenizer_decode),
                                       DOOR(pln_tokenizer_defaults),
                                       DOOR(pln_encodings_char_to_token),
                                       DOOR(pln_encodings_word_to_tokens),
                                       DOOR(pln_encoder_create),
                                       DOOR(pln_encoder_destroy),
                                       DOOR(pln_encoder_encode),
                                       DOOR(pln_vocabulary_trainer_create),
                                       DOOR(pln_vocabulary_trainer_destroy),
                                       DOOR(pln_vocabulary_trainer_add),
                                       DOOR(pln_vocabulary_trainer_train),
                                       {NULL, NULL}};
