/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays what the tokenizers in Python answer, that of transformers 4 and Google's (slow.json, from make_slow.py). The
 * argument is the root of the source tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokenizer/tokenizer.h"

static const char *root;
static pln_error error;

static const pln_encodings *encode(pln_encoder *encoder, const json_t *text, const json_t *pair,
                                   const pln_encode_options *options)
{
    const pln_encodings *e;
    const pln_example example = {.text = {json_string_value(text), json_string_length(text)},
                                 .pair = {json_string_value(pair), json_string_length(pair)}};
    if (pln_encoder_encode(encoder, &example, 1, options, &e, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return e;
}

static bool same_ids(const pln_encodings *e, const json_t *ids)
{
    bool same = e->tokens == json_array_size(ids);
    for (uint32_t i = 0; same && i < e->tokens; i++)
        same = e->ids[i] == json_integer_value(json_array_get(ids, i));
    return same;
}

/* Ids, and places that lie in the text and in order. */
static void check_text(const pln_tokenizer *tokenizer, pln_encoder *encoder, const json_t *row)
{
    const json_t *text = json_array_get(row, 0);
    const pln_encodings *e = encode(encoder, text, NULL, PLN_OPTIONS(pln_encode_options, .no_special = true));
    if (!same_ids(e, json_array_get(row, 1))) {
        for (uint32_t i = 0; i < e->tokens; i++)
            fprintf(stderr, "%s ", pln_tokenizer_token(tokenizer, e->ids[i]));
        fail_msg("%s", json_dumps(row, JSON_ENSURE_ASCII));
    }
    for (uint32_t i = 0; i < e->tokens; i++) {
        assert_true(e->begins[i] < e->ends[i] && e->begin_bytes[i] < e->end_bytes[i]);
        assert_true(e->end_bytes[i] <= json_string_length(text));
        assert_true(i == 0 || e->words[i] >= e->words[i - 1]);
    }
}

static void check_pair(pln_encoder *encoder, const json_t *row)
{
    const pln_encode_options options = {.size = sizeof options,
                                        .max_length = (uint32_t)json_integer_value(json_array_get(row, 2))};
    const pln_encodings *e = encode(encoder, json_array_get(row, 0), json_array_get(row, 1), &options);
    if (!same_ids(e, json_array_get(row, 3)))
        fail_msg("%s: %u tokens", json_dumps(row, 0), e->tokens);
}

static void ids_are_those_of_python(void **state)
{
    (void)state;
    char path[4096];
    json_error_t problem;
    size_t i, k, cases = 0;
    snprintf(path, sizeof path, "%s/tests/tokenizer/slow.json", root);
    json_t *sets = json_load_file(path, JSON_ALLOW_NUL, &problem), *set, *row;
    if (!sets)
        fail_msg("slow.json: line %d: %s", problem.line, problem.text);
    snprintf(path, sizeof path, "%s/tests/tokenizer/vocab.txt", root);
    json_array_foreach(sets, i, set)
    {
        pln_tokenizer *tokenizer;
        pln_encoder *encoder;
        const char *mode = json_string_value(json_object_get(set, "mode"));
        const pln_tokenizer_options options = {
            .size = sizeof options, .mode = mode[0] == 's' ? PLN_TOKENIZER_MODE_SLOW : PLN_TOKENIZER_MODE_GOOGLE};
        assert_int_equal(tok_open(path, json_object_get(set, "config"), &options, &tokenizer, &error), PLN_OK);
        assert_int_equal(pln_encoder_create(tokenizer, 1, &encoder, &error), PLN_OK);
        json_array_foreach(json_object_get(set, "cases"), k, row) check_text(tokenizer, encoder, row);
        cases += k;
        json_array_foreach(json_object_get(set, "pairs"), k, row) check_pair(encoder, row);
        pln_encoder_destroy(&encoder);
        pln_tokenizer_close(&tokenizer);
    }
    assert_true(cases > 1000);
    json_decref(sets);
}

/* A million marks out of order: time that grows by the square would not end. */
static void long_runs_of_marks_end(void **state)
{
    (void)state;
    enum { MARKS = 500000 };
    static const char marks[] = "\xcc\x81\xcc\xa3\xf0\x9d\x85\xad\xf0\x9d\x85\xa5";
    char path[4096], *text = malloc(MARKS * (sizeof marks - 1));
    snprintf(path, sizeof path, "%s/tests/tokenizer/vocab.txt", root);
    for (size_t i = 0; i < MARKS; i++)
        memcpy(text + i * (sizeof marks - 1), marks, sizeof marks - 1);
    const pln_example example = {.text = {text, MARKS * (sizeof marks - 1)}};
    for (int mode = PLN_TOKENIZER_MODE_SLOW; mode <= PLN_TOKENIZER_MODE_GOOGLE; mode++) {
        const pln_tokenizer_options options = {.size = sizeof options, .mode = (pln_tokenizer_mode)mode};
        pln_tokenizer *tokenizer;
        pln_encoder *encoder;
        const pln_encodings *e;
        assert_int_equal(pln_tokenizer_open(path, &options, &tokenizer, &error), PLN_OK);
        assert_int_equal(pln_encoder_create(tokenizer, 1, &encoder, &error), PLN_OK);
        assert_int_equal(pln_encoder_encode(encoder, &example, 1, NULL, &e, &error), PLN_OK);
        assert_int_equal(e->tokens, 3); /* one word, too long to be known */
        pln_encoder_destroy(&encoder);
        pln_tokenizer_close(&tokenizer);
    }
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_python),
        cmocka_unit_test(long_runs_of_marks_end),
    };
    root = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
