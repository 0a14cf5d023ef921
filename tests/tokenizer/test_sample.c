/* SPDX-License-Identifier: Apache-2.0
 *
 * A small run of compare.py: for each kind of text a vocabulary, cased and uncased, and for each line the hash of what
 * the reference answered (sample.json). Then lines of megabytes. The argument is the root of the source tree.
 */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/pleione.h"
#include "tokenizer/encode.h"

static const char *root;
static char path[] = "sample-XXXXXX";
static pln_error error;

static pln_tokenizer *open_vocabulary(const json_t *tokens, bool lower)
{
    const pln_tokenizer_options options = {.size = sizeof options,
                                           .lower_case = lower ? PLN_CHOICE_YES : PLN_CHOICE_NO};
    FILE *file = fopen(path, "wb");
    pln_tokenizer *tokenizer;
    const json_t *token;
    size_t i;
    assert_non_null(file);
    json_array_foreach(tokens, i, token) fprintf(file, "%s\n", json_string_value(token));
    assert_int_equal(fclose(file), 0);
    if (pln_tokenizer_open(path, &options, &tokenizer, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

/* FNV-1a over the numbers. */
static uint64_t hash(uint64_t value, uint32_t number)
{
    return (value ^ number) * 0x100000001b3u;
}

static void check_row(const pln_encodings *e, uint32_t row, const json_t *line, const json_t *expected)
{
    uint64_t value = 0xcbf29ce484222325u;
    char text[17];
    for (uint32_t i = e->starts[row]; i < e->starts[row + 1]; i++) {
        value = hash(value, (uint32_t)e->ids[i]);
        value = hash(value, (uint32_t)e->words[i]);
        value = hash(value, e->begins[i]);
        value = hash(value, e->ends[i]);
    }
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    if (strcmp(text, json_string_value(expected)) != 0)
        fail_msg("%s", json_dumps(line, JSON_ENSURE_ASCII | JSON_ENCODE_ANY));
}

/* Without places the ids are the same, when nothing is remembered yet and when all is. */
static void check_without_places(pln_encoder *encoder, const pln_example *examples, uint32_t n, const pln_encodings *e)
{
    const pln_encode_options options = {.size = sizeof options, .no_places = true};
    const size_t bytes = e->tokens * sizeof *e->ids;
    int32_t *ids = malloc(bytes);
    memcpy(ids, e->ids, bytes);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(pln_encoder_encode(encoder, examples, n, &options, &e, &error), PLN_OK);
        assert_int_equal(e->tokens * sizeof *e->ids, bytes);
        assert_memory_equal(e->ids, ids, bytes);
        assert_null(e->begins);
        assert_null(e->words);
    }
    free(ids);
}

/* A cache of four words, in which nearly all take the place of another, gives the ids that no cache gives. */
static void check_small_cache(const pln_tokenizer *tokenizer, const pln_example *examples, uint32_t n)
{
    static struct tok_scratch plain, small;
    struct tok_tokens expected = {0}, found = {0};
    small.cache.bits = 1;
    for (uint32_t i = 0; i < n; i++) {
        tok_tokens_begin(&expected, false);
        tok_tokens_begin(&found, true);
        assert_true(tok_encode(tokenizer, examples[i].text, TOK_COUNT_WORDS, false, &plain, &expected));
        assert_true(tok_encode(tokenizer, examples[i].text, TOK_COUNT_WORDS, false, &small, &found));
        assert_int_equal(found.n, expected.n);
        if (found.n)
            assert_memory_equal(found.ids, expected.ids, found.n * sizeof *found.ids);
    }
    tok_tokens_finish(&expected);
    tok_tokens_finish(&found);
    tok_scratch_finish(&plain);
    tok_scratch_finish(&small);
}

static uint32_t check_set(const json_t *set)
{
    const json_t *lines = json_object_get(set, "lines"), *hashes = json_object_get(set, "hashes"), *line;
    const uint32_t n = (uint32_t)json_array_size(lines);
    pln_tokenizer *tokenizer =
        open_vocabulary(json_object_get(set, "vocabulary"), json_is_true(json_object_get(set, "lower")));
    pln_example *examples = calloc(n, sizeof *examples);
    pln_encoder *encoder;
    const pln_encodings *e;
    size_t i;
    json_array_foreach(lines, i, line) examples[i].text = (pln_text){json_string_value(line), json_string_length(line)};
    for (uint32_t threads = 1; threads <= 2; threads++) {
        assert_int_equal(pln_encoder_create(tokenizer, threads, &encoder, &error), PLN_OK);
        assert_int_equal(pln_encoder_encode(encoder, examples, n, NULL, &e, &error), PLN_OK);
        assert_int_equal(e->rows, n);
        for (uint32_t r = 0; r < n; r++)
            check_row(e, r, json_array_get(lines, r), json_array_get(hashes, r));
        check_without_places(encoder, examples, n, e);
        check_small_cache(tokenizer, examples, n);
        pln_encoder_destroy(&encoder);
    }
    free(examples);
    pln_tokenizer_close(&tokenizer);
    return n;
}

static void every_kind_of_text_is_the_references(void **state)
{
    (void)state;
    char name[4096];
    json_error_t problem;
    size_t i;
    uint32_t lines = 0;
    snprintf(name, sizeof name, "%s/tests/tokenizer/sample.json", root);
    json_t *sets = json_load_file(name, JSON_ALLOW_NUL, &problem), *set;
    if (!sets)
        fail_msg("sample.json: line %d: %s", problem.line, problem.text);
    json_array_foreach(sets, i, set) lines += check_set(set);
    assert_true(i == 26 && lines > 500);
    json_decref(sets);
}

/* One line of many megabytes: of one word, of combining marks, of what is removed, of broken bytes. */
/* Words that are the same up to some byte, or but for a capital, and characters that are words or no part of one. */
static void words_that_are_nearly_alike(void **state)
{
    static const char *const texts[] = {"abababab abababababab abababababba abababababab",
                                        "abababababababab abababababababba ababababababababa abababababababab",
                                        "AB ab Ab aB AB",
                                        "ab\xcc\x81 ab a\xcc\x81"
                                        "b .\xcc\x81 ab\x01"
                                        "ba ab\x7f ba",
                                        "a.b,a-b(ab)[ab] ##ab #ab a#b"};
    static const char *const pieces[] = {"[UNK]", "[PAD]", "[CLS]",    "[SEP]",  "a", "b", "A", "##b",
                                         "##a",   "##ab",  "abababab", "##abab", "#", ".", "(", "[MASK]"};
    const uint32_t n = sizeof texts / sizeof *texts;
    pln_example examples[sizeof texts / sizeof *texts] = {0};
    json_t *tokens = json_array();
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        json_array_append_new(tokens, json_string(pieces[i]));
    for (uint32_t i = 0; i < n; i++)
        examples[i].text = (pln_text){texts[i], strlen(texts[i])};
    for (int lower = 0; lower < 2; lower++) {
        pln_tokenizer *tokenizer = open_vocabulary(tokens, lower);
        for (uint32_t i = 0; i < 5 * n; i++) { /* and what stands behind a text is no part of it */
            examples[i % n].text.bytes = strlen(texts[i % n]) - i / n;
            check_small_cache(tokenizer, examples, n);
        }
        pln_tokenizer_close(&tokenizer);
    }
    json_decref(tokens);
}

static void long_lines_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *part;
        uint32_t tokens;
    } lines[] = {
        {"a", 1},
        {"\xcc\x81\xcc\xa3", 0},
        {"\xf0\x9d\x85\xa5\xcc\xa3", 1},
        {"\x01", 0},
        {"\xff", 0},
        {"\xe4\xb8\xad", 1000000},
        {"a ", 1000000},
        {"[", 1000000},
        {"[MASK]", 1000000},
        {"\xea\xb0\x80", 1},
    };
    enum { PARTS = 1000000 };
    json_t *tokens = json_pack("[s,s,s,s,s,s,s]", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "[");
    pln_tokenizer *tokenizer = open_vocabulary(tokens, true);
    pln_encoder *encoder;
    const pln_encodings *e;
    assert_int_equal(pln_encoder_create(tokenizer, 1, &encoder, &error), PLN_OK);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const size_t bytes = strlen(lines[i].part);
        char *text = malloc(PARTS * bytes);
        for (size_t k = 0; k < PARTS; k++)
            memcpy(text + k * bytes, lines[i].part, bytes);
        const pln_example example = {.text = {text, PARTS * bytes}};
        assert_int_equal(pln_encoder_encode(encoder, &example, 1, NULL, &e, &error), PLN_OK);
        if (e->tokens != lines[i].tokens + 2)
            fail_msg("line %zu: %u tokens", i, e->tokens - 2);
        free(text);
    }
    pln_encoder_destroy(&encoder);
    pln_tokenizer_close(&tokenizer);
    json_decref(tokens);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_text_is_the_references),
        cmocka_unit_test(words_that_are_nearly_alike),
        cmocka_unit_test(long_lines_are_read),
    };
    root = argc > 1 ? argv[1] : ".";
    const int file = mkstemp(path);
    if (file < 0)
        return 1;
    close(file);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(path);
    return failed;
}
