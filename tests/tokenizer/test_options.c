/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays the rows that the reference gives under random options (options.json, from make_options.py): truncation,
 * windows, padding, words, look-ups. The argument is the root of the source tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/pleione.h"

enum { MAX_EXAMPLES = 3, MAX_WORDS = 16 };
enum { EXAMPLE, IDS, TYPES, WORDS, SEQUENCES, ATTENTION, SPECIAL, BEGINS, ENDS };

static const char *root;
static pln_error error;

static pln_text text_of(const json_t *json)
{
    return (pln_text){json_string_value(json), json_string_length(json)};
}

static const pln_text *words_of(const json_t *list, pln_text *words, uint32_t *n)
{
    *n = (uint32_t)json_array_size(list);
    assert_true(*n <= MAX_WORDS);
    for (uint32_t i = 0; i < *n; i++)
        words[i] = text_of(json_array_get(list, i));
    return json_is_array(list) ? words : NULL;
}

static uint32_t read_examples(const json_t *list, pln_example *examples, pln_text (*words)[2][MAX_WORDS])
{
    const uint32_t n = (uint32_t)json_array_size(list);
    assert_true(n <= MAX_EXAMPLES);
    for (uint32_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i), *text = json_array_get(one, 0), *pair = json_array_get(one, 1);
        examples[i] = (pln_example){.text = text_of(text), .pair = text_of(pair)};
        examples[i].words = words_of(text, words[i][0], &examples[i].n_words);
        examples[i].pair_words = words_of(pair, words[i][1], &examples[i].n_pair_words);
    }
    return n;
}

static uint32_t number_of(const json_t *json, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(json, key));
}

static bool is_true(const json_t *json, const char *key)
{
    return json_is_true(json_object_get(json, key));
}

static pln_encode_options read_options(const json_t *json)
{
    return (pln_encode_options){.size = sizeof(pln_encode_options),
                                .max_length = number_of(json, "max_length"),
                                .truncation = (pln_truncation)number_of(json, "truncation"),
                                .truncate_left = is_true(json, "truncate_left"),
                                .overflow = is_true(json, "overflow"),
                                .stride = number_of(json, "stride"),
                                .padding = (pln_padding)number_of(json, "padding"),
                                .pad_left = is_true(json, "pad_left"),
                                .pad_length = number_of(json, "pad_length"),
                                .pad_multiple = number_of(json, "pad_multiple"),
                                .no_special = is_true(json, "no_special"),
                                .split_special = is_true(json, "split_special")};
}

static void check_row(const json_t *json, const pln_encodings *e, uint32_t r, const json_t *row)
{
    const uint32_t start = e->starts[r], n = e->starts[r + 1] - start;
    assert_int_equal(e->examples[r], json_integer_value(json_array_get(row, EXAMPLE)));
    if (n != json_array_size(json_array_get(row, IDS)))
        fail_msg("%s: row %u has %u tokens", json_dumps(json, JSON_ENSURE_ASCII), r, n);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t t = start + i;
        const int64_t found[] = {e->examples[r],       e->ids[t],          e->types[t],  e->words[t], e->sequences[t],
                                 e->attention_mask[t], e->special_mask[t], e->begins[t], e->ends[t]};
        for (size_t k = IDS; k <= ENDS; k++) {
            const json_int_t expected = json_integer_value(json_array_get(json_array_get(row, k), i));
            if (found[k] != expected)
                fail_msg("%s: row %u token %u column %zu is %d, not %d", json_dumps(json, JSON_ENSURE_ASCII), r, i, k,
                         (int)found[k], (int)expected);
        }
    }
}

static void check_look(const pln_encodings *e, const json_t *look)
{
    const uint32_t row = (uint32_t)json_integer_value(json_array_get(look, 0));
    const int sequence = (int)json_integer_value(json_array_get(look, 1));
    const uint32_t character = (uint32_t)json_integer_value(json_array_get(look, 2));
    const json_int_t expected = json_integer_value(json_array_get(look, 3));
    uint32_t token, begin, end;
    const bool found = pln_encodings_char_to_token(e, row, sequence, character, &token);
    assert_int_equal(found ? (json_int_t)(token - e->starts[row]) : -1, expected);
    if (!found)
        return;
    assert_true(pln_encodings_word_to_tokens(e, row, sequence, e->words[token], &begin, &end));
    assert_true(begin <= token && token < end);
    assert_int_equal(e->words[begin], e->words[end - 1]);
}

static void check_case(pln_encoder *encoder, const json_t *json)
{
    pln_text words[MAX_EXAMPLES][2][MAX_WORDS];
    pln_example examples[MAX_EXAMPLES];
    const pln_encodings *e;
    const json_t *rows = json_object_get(json, "rows"), *look;
    const uint32_t n = read_examples(json_object_get(json, "examples"), examples, words);
    const pln_encode_options options = read_options(json);
    const pln_status status = pln_encoder_encode(encoder, examples, n, &options, &e, &error);
    if (status != (rows ? PLN_OK : PLN_INVALID))
        fail_msg("%s: %d %s", json_dumps(json, JSON_ENSURE_ASCII), status, status ? error.message : "");
    if (!rows)
        return;
    if (e->rows != json_array_size(rows))
        fail_msg("%s: %u rows", json_dumps(json, JSON_ENSURE_ASCII), e->rows);
    for (uint32_t r = 0; r < e->rows; r++)
        check_row(json, e, r, json_array_get(rows, r));
    size_t i;
    json_array_foreach(json_object_get(json, "look"), i, look) check_look(e, look);
}

static void rows_are_the_references(void **state)
{
    (void)state;
    char path[4096];
    pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    json_error_t problem;
    size_t i;
    snprintf(path, sizeof path, "%s/tests/tokenizer/options.json", root);
    json_t *cases = json_load_file(path, 0, &problem), *one;
    if (!cases)
        fail_msg("options.json: line %d: %s", problem.line, problem.text);
    snprintf(path, sizeof path, "%s/tests/tokenizer/vocab.txt", root);
    assert_int_equal(pln_tokenizer_open(path, NULL, &tokenizer, &error), PLN_OK);
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        assert_int_equal(pln_encoder_create(tokenizer, threads, &encoder, &error), PLN_OK);
        json_array_foreach(cases, i, one) check_case(encoder, one);
        assert_true(i > 200);
        pln_encoder_destroy(&encoder);
    }
    pln_tokenizer_close(&tokenizer);
    json_decref(cases);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    static const struct {
        pln_encode_options options;
        const char *sentence;
    } cases[] = {
        {{.size = sizeof(pln_encode_options), .max_length = 9, .padding = PLN_PADDING_LONGEST, .pad_multiple = 8},
         "9 is not a multiple of pad_multiple 8"},
        {{.size = sizeof(pln_encode_options), .max_length = 4, .stride = 2},
         "a stride of 2 is not smaller than its window of 2"},
        {{.size = sizeof(pln_encode_options), .max_length = 4, .truncation = PLN_TRUNCATION_ONLY_SECOND},
         "only its pair is to be cut, but it has none"},
        {{.size = sizeof(pln_encode_options), .padding = PLN_PADDING_LENGTH, .pad_length = UINT32_MAX},
         "more than 2^32 tokens"},
    };
    char path[4096];
    pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    const pln_encodings *e;
    const pln_example two[] = {{.text = {"a b c d", 7}}, {.text = {"e f g h", 7}}};
    snprintf(path, sizeof path, "%s/tests/tokenizer/vocab.txt", root);
    assert_int_equal(pln_tokenizer_open(path, NULL, &tokenizer, &error), PLN_OK);
    assert_int_equal(pln_encoder_create(tokenizer, 2, &encoder, &error), PLN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(pln_encoder_encode(encoder, two, 2, &cases[i].options, &e, &error), PLN_INVALID);
        if (!strstr(error.message, cases[i].sentence))
            fail_msg("'%s' lacks '%s'", error.message, cases[i].sentence);
    }
    assert_int_equal(pln_encoder_encode(encoder, NULL, 0, NULL, &e, &error), PLN_OK);
    assert_int_equal(e->rows, 0);
    pln_encoder_destroy(&encoder);
    pln_tokenizer_close(&tokenizer);
}

/* The windows of a pair are the product of those of its texts: refused before memory is asked for. */
static void many_windows_are_refused(void **state)
{
    (void)state;
    static char text[12000];
    char path[4096];
    pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    const pln_encodings *e;
    uint32_t token, end;
    const pln_example pair = {.text = {text, sizeof text}, .pair = {text, sizeof text}};
    const pln_encode_options options = {.size = sizeof options, .max_length = 5, .overflow = true};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? ' ' : 'a';
    snprintf(path, sizeof path, "%s/tests/tokenizer/vocab.txt", root);
    assert_int_equal(pln_tokenizer_open(path, NULL, &tokenizer, &error), PLN_OK);
    assert_int_equal(pln_encoder_create(tokenizer, 1, &encoder, &error), PLN_OK);
    assert_int_equal(pln_encoder_encode(encoder, &pair, 1, &options, &e, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "6000 windows of one text by 6000 of the other"));
    assert_int_equal(pln_encoder_encode(encoder, &pair, 1, NULL, &e, &error), PLN_OK);
    assert_int_equal(e->rows, 1);
    assert_true(pln_encodings_char_to_token(e, 0, 1, 0, &token));
    assert_false(pln_encodings_char_to_token(e, 1, 1, 0, &token));
    assert_false(pln_encodings_word_to_tokens(e, 1, 1, 0, &token, &end));
    pln_encoder_destroy(&encoder);
    pln_tokenizer_close(&tokenizer);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_references),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(many_windows_are_refused),
    };
    root = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
