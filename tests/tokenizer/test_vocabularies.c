/* SPDX-License-Identifier: Apache-2.0
 *
 * Vocabularies as the reference trains them (vocabulary.json, from make_vocabulary.py), whatever the threads and
 * however the text is handed over. The argument is the root of the source tree.
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

#define SPECIAL "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

static const char *root;
static pln_error error;
static json_t *expected;

static int read_expected(void **state)
{
    (void)state;
    char path[4096];
    json_error_t problem;
    snprintf(path, sizeof path, "%s/tests/tokenizer/vocabulary.json", root);
    expected = json_load_file(path, 0, &problem);
    return expected ? 0 : -1;
}

static int free_expected(void **state)
{
    (void)state;
    json_decref(expected);
    return 0;
}

static uint32_t number(const json_t *options, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(options, key));
}

static pln_vocabulary_trainer *create(const json_t *options, uint32_t threads)
{
    const char *special[512];
    const json_t *tokens = json_object_get(options, "special");
    const pln_vocabulary_options wanted = {
        .size = sizeof wanted,
        .n_entries = number(options, "size"),
        .min_frequency = number(options, "min_frequency"),
        .limit_alphabet = number(options, "limit_alphabet"),
        .cased = json_is_true(json_object_get(options, "cased")),
        .keep_accents = json_is_true(json_object_get(options, "keep_accents")),
        .join_chinese = json_is_true(json_object_get(options, "join_chinese")),
        .special = special,
        .n_special = (uint32_t)json_array_size(tokens),
        .threads = threads,
    };
    assert_true(wanted.n_special <= 512);
    for (size_t i = 0; i < wanted.n_special; i++)
        special[i] = json_string_value(json_array_get(tokens, i));
    pln_vocabulary_trainer *trainer;
    if (pln_vocabulary_trainer_create(&wanted, &trainer, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return trainer;
}

static void add(pln_vocabulary_trainer *trainer, const char *text, size_t bytes)
{
    if (pln_vocabulary_trainer_add(trainer, text, bytes, &error) != PLN_OK)
        fail_msg("%s", error.message);
}

/* Returns new text. */
static char *train(pln_vocabulary_trainer *trainer, uint32_t *entries)
{
    char *text;
    size_t bytes;
    if (pln_vocabulary_trainer_train(trainer, &text, &bytes, entries, &error) != PLN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(strlen(text), bytes);
    return text;
}

static void check_tokens(const json_t *one, size_t index, const char *text, uint32_t entries)
{
    const json_t *tokens = json_object_get(one, "tokens");
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        const char *token = json_string_value(json_array_get(tokens, i)), *end = strchr(text, '\n');
        if (!end || (size_t)(end - text) != strlen(token) || memcmp(text, token, strlen(token)) != 0)
            fail_msg("case %zu, entry %zu: expected %s, found %.*s", index, i, token, end ? (int)(end - text) : 0,
                     text);
        text = end + 1;
    }
    assert_string_equal(text, "");
    assert_int_equal(entries, json_array_size(tokens));
}

static void test_expected(void **state)
{
    (void)state;
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(expected, "cases"), i, one)
    {
        const char *text = json_string_value(
            json_object_get(json_object_get(expected, "texts"), json_string_value(json_object_get(one, "text"))));
        for (uint32_t threads = 1; threads <= 3; threads += 2) {
            pln_vocabulary_trainer *trainer = create(json_object_get(one, "options"), threads);
            uint32_t entries;
            add(trainer, text, strlen(text));
            char *found = train(trainer, &entries);
            check_tokens(one, i, found, entries);
            pln_free(found);
            pln_vocabulary_trainer_destroy(&trainer);
            assert_null(trainer);
        }
    }
}

static char *train_pieces(const char *text, size_t bytes, size_t piece, uint32_t threads)
{
    const pln_vocabulary_options options = {.size = sizeof options, .n_entries = 700, .threads = threads};
    pln_vocabulary_trainer *trainer;
    uint32_t entries;
    assert_int_equal(pln_vocabulary_trainer_create(&options, &trainer, &error), PLN_OK);
    for (size_t at = 0; at < bytes;) {
        size_t end = at + piece < bytes ? at + piece : bytes;
        while (end < bytes && text[end] != ' ')
            end++;
        add(trainer, text + at, end - at);
        at = end;
    }
    char *found = train(trainer, &entries);
    pln_vocabulary_trainer_destroy(&trainer);
    return found;
}

/* A text of some megabytes, so that threads take several shares each: in one call, and in many. */
static void test_same_on_threads(void **state)
{
    (void)state;
    const char *text = json_string_value(json_object_get(json_object_get(expected, "texts"), "mixed"));
    const size_t n = strlen(text), times = 2000000 / n;
    char *many = malloc(n * times);
    assert_non_null(many);
    for (size_t i = 0; i < times; i++)
        memcpy(many + i * n, text, n);
    char *one = train_pieces(many, n * times, n * times, 1);
    for (uint32_t threads = 2; threads <= 4; threads++) {
        char *other = train_pieces(many, n * times, threads == 3 ? 1000 : n * times, threads);
        assert_string_equal(one, other);
        pln_free(other);
    }
    pln_free(one);
    free(many);
}

/* No blank for a megabyte: a line of a script without blanks, and one word. */
static void test_long_lines(void **state)
{
    (void)state;
    enum { BYTES = 3 << 20 };
    char *text = malloc(BYTES);
    assert_non_null(text);
    for (size_t i = 0; i < BYTES; i += 3)
        memcpy(text + i, i % 2 ? "\xe4\xb8\xad" : "\xe6\x96\x87", 3);
    char *found = train_pieces(text, BYTES, BYTES, 2);
    assert_string_equal(found, SPECIAL "中\n文\n");
    pln_free(found);
    memset(text, 'a', BYTES);
    found = train_pieces(text, BYTES, BYTES, 2);
    assert_memory_equal(found, SPECIAL "a\n##a\n##aa\n##aaaa\n", strlen(SPECIAL "a\n##a\n##aa\n##aaaa\n"));
    pln_free(found);
    free(text);
}

static void check_text(const char *text, size_t bytes, const char *entries)
{
    char *found = train_pieces(text, bytes, bytes, 1);
    assert_memory_equal(found, SPECIAL, strlen(SPECIAL));
    assert_string_equal(found + strlen(SPECIAL), entries);
    pln_free(found);
}

static void test_broken_text(void **state)
{
    (void)state;
    static const char nul[] = "a\0b a\0b";
    check_text("", 0, "");
    check_text(nul, sizeof nul - 1, "a\nb\n##b\nab\n");
    check_text("a\xff\xfe"
               "b ab \xf0\x9f\x98",
               10, "a\nb\n##b\nab\n");
    check_text("ab\r\nab", 6, "a\nb\n##b\nab\n");
}

static void refuse(const char *token, const char *sentence)
{
    pln_vocabulary_trainer *trainer;
    const pln_vocabulary_options options = {.size = sizeof options, .special = &token, .n_special = 1};
    assert_int_equal(pln_vocabulary_trainer_create(&options, &trainer, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, sentence));
    assert_null(trainer);
}

static void test_refused(void **state)
{
    (void)state;
    static char longer[PLN_VOCABULARY_TOKEN_BYTES + 2];
    memset(longer, 'a', sizeof longer - 1);
    refuse("", "empty");
    refuse("a b", "\"a b\"");
    refuse("a\n", "blank");
    refuse(longer, "too long");
}

static bool halt(void *context, uint32_t entries, uint32_t size)
{
    ++*(int *)context;
    assert_true(entries >= 5 && entries < size);
    return false;
}

/* Stopped once, and trained again with more text. */
static void test_stopped(void **state)
{
    (void)state;
    int called = 0;
    const pln_vocabulary_options options = {.size = sizeof options, .progress = halt, .progress_context = &called};
    pln_vocabulary_trainer *trainer;
    char *text;
    size_t bytes;
    uint32_t entries;
    assert_int_equal(pln_vocabulary_trainer_create(&options, &trainer, &error), PLN_OK);
    text = train(trainer, &entries);
    assert_int_equal(entries, 5);
    pln_free(text);
    add(trainer, "abab abab", 9);
    assert_int_equal(pln_vocabulary_trainer_train(trainer, &text, &bytes, &entries, &error), PLN_FAILED);
    assert_null(text);
    assert_int_equal(called, 1);
    pln_vocabulary_trainer_destroy(&trainer);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    root = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected),    cmocka_unit_test(test_same_on_threads), cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_broken_text), cmocka_unit_test(test_refused),         cmocka_unit_test(test_stopped),
    };
    return cmocka_run_group_tests(tests, read_expected, free_expected);
}
