/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays what the reference answered (expected.json, from make_expected.py), then files, broken bytes and random ones.
 * The argument is the root of the source tree.
 */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tokenizer/normalizer.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"
#include "tokenizer/words.h"

static const char *root;
static char folder[] = "tokenizer-XXXXXX";
static pln_error error;

static const char *in_root(const char *name)
{
    static char path[2][4096];
    static unsigned next;
    snprintf(path[next % 2], sizeof path[0], "%s/%s", root, name);
    return path[next++ % 2];
}

static const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int remove_files(void **state)
{
    (void)state;
    remove(in_folder("vocab.txt"));
    remove(in_folder("tokenizer_config.json"));
    return 0;
}

static json_t *expected(void)
{
    json_error_t problem;
    json_t *json = json_load_file(in_root("tests/tokenizer/expected.json"), JSON_ALLOW_NUL, &problem);
    if (!json)
        fail_msg("expected.json: line %d: %s", problem.line, problem.text);
    return json;
}

/* Byte where code point `index` of valid UTF-8 begins. */
static uint32_t byte_of(const char *text, uint32_t index)
{
    uint32_t byte = 0;
    for (; index; index--)
        do
            byte++;
        while (((unsigned char)text[byte] & 0xc0) == 0x80);
    return byte;
}

enum { TEXT, PAIR, MAX_LENGTH, IDS, TYPES, WORDS, BEGINS, ENDS, SPECIAL };

static int number(const json_t *row, size_t list, size_t i)
{
    return (int)json_integer_value(json_array_get(json_array_get(row, list), i));
}

/* One row, of an encoder of its own. */
static const pln_encodings *encode(const pln_tokenizer *tokenizer, pln_text text, pln_text pair, uint32_t max_length,
                                   pln_encoder **encoder)
{
    const pln_encodings *e;
    const pln_example example = {.text = text, .pair = pair};
    const pln_encode_options options = {.size = sizeof options, .max_length = max_length};
    assert_int_equal(pln_encoder_create(tokenizer, 1, encoder, &error), PLN_OK);
    assert_int_equal(pln_encoder_encode(*encoder, &example, 1, &options, &e, &error), PLN_OK);
    assert_int_equal(e->rows, 1);
    return e;
}

static const pln_text none;

/* Compares one case; on a difference says which text and which token. */
static void check_case(const pln_tokenizer *tokenizer, const json_t *row)
{
    const json_t *text = json_array_get(row, TEXT), *pair = json_array_get(row, PAIR);
    const uint32_t max_length = (uint32_t)json_integer_value(json_array_get(row, MAX_LENGTH));
    pln_encoder *encoder;
    const pln_encodings *e =
        encode(tokenizer, (pln_text){json_string_value(text), json_string_length(text)},
               (pln_text){json_string_value(pair), json_string_length(pair)}, max_length, &encoder);
    if (e->tokens != json_array_size(json_array_get(row, IDS)))
        fail_msg("%s: %u tokens", json_dumps(row, JSON_ENSURE_ASCII), e->tokens);
    for (uint32_t i = 0; i < e->tokens; i++) {
        const char *source = json_string_value(e->types[i] ? pair : text);
        if (e->ids[i] != number(row, IDS, i) || e->types[i] != number(row, TYPES, i) ||
            e->words[i] != number(row, WORDS, i) || (int)e->begins[i] != number(row, BEGINS, i) ||
            (int)e->ends[i] != number(row, ENDS, i) || e->special_mask[i] != number(row, SPECIAL, i))
            fail_msg("%s: token %u is id %d type %d word %d %u-%u special %d", json_dumps(row, JSON_ENSURE_ASCII), i,
                     e->ids[i], e->types[i], e->words[i], e->begins[i], e->ends[i], e->special_mask[i]);
        assert_int_equal(e->begin_bytes[i], byte_of(source, e->begins[i]));
        assert_int_equal(e->end_bytes[i], byte_of(source, e->ends[i]));
    }
    pln_encoder_destroy(&encoder);
}

static void check_decoded(const pln_tokenizer *tokenizer, const json_t *row)
{
    int32_t ids[512];
    const uint32_t n = (uint32_t)json_array_size(json_array_get(row, 0));
    assert_true(n <= 512);
    for (uint32_t i = 0; i < n; i++)
        ids[i] = number(row, 0, i);
    for (int skip = 0; skip < 2; skip++) {
        const pln_decode_options how = {.size = sizeof how, .skip_special = skip};
        char *text;
        assert_int_equal(pln_tokenizer_decode(tokenizer, ids, n, &how, &text, &error), PLN_OK);
        assert_string_equal(text, json_string_value(json_array_get(row, 1 + (size_t)skip)));
        pln_free(text);
    }
}

static void answers_are_the_references(void **state)
{
    (void)state;
    size_t i, k, cases = 0;
    json_t *json = expected(), *set, *row;
    json_array_foreach(json_object_get(json, "sets"), i, set)
    {
        pln_tokenizer *tokenizer;
        const char *own = json_string_value(json_object_get(set, "vocabulary"));
        const char *path = in_root(own[0] == 'o' ? "tests/tokenizer/vocab.txt" : "tests/tasks/lower.txt");
        assert_int_equal(tok_open(path, json_object_get(set, "config"), NULL, &tokenizer, &error), PLN_OK);
        json_array_foreach(json_object_get(set, "cases"), k, row) check_case(tokenizer, row);
        cases += k;
        json_array_foreach(json_object_get(set, "decoded"), k, row) check_decoded(tokenizer, row);
        pln_tokenizer_close(&tokenizer);
    }
    assert_true(cases > 1000);
    json_decref(json);
}

static uint64_t hash(uint64_t value, uint32_t code)
{
    return (value ^ code) * 0x100000001b3u;
}

static void every_code_point_normalizes_as_the_references(void **state)
{
    (void)state;
    size_t i;
    json_t *json = expected(), *row;
    json_array_foreach(json_object_get(json, "sweeps"), i, row)
    {
        struct tok_normalizer normalizer;
        struct tok_source source = {.normalizer = &normalizer};
        uint64_t value = 0xcbf29ce484222325u;
        tok_normalizer_init(&normalizer, true, json_is_true(json_array_get(row, 0)),
                            json_is_true(json_array_get(row, 1)), json_is_true(json_array_get(row, 2)));
        for (uint32_t code = 0; code < TOK_CODES; code++) {
            unsigned char raw[6] = "a", out[6];
            if (code >= 0xd800 && code < 0xe000)
                continue;
            source.text = raw;
            source.at = source.index = 0;
            source.end = 1 + tok_utf8_encode(code, raw + 1);
            raw[source.end++] = 'b';
            while (source.at < source.end) {
                tok_source_read(&source);
                for (uint32_t k = 0; k < source.ready; k++)
                    for (uint32_t n = tok_char_write(&source.chars[k], out), at = 0, c; at < n; value = hash(value, c))
                        at += tok_utf8_decode(out + at, n - at, &c);
            }
            value = hash(value, 0);
        }
        tok_source_finish(&source);
        char text[17];
        snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
        assert_string_equal(text, json_string_value(json_array_get(row, 3)));
    }
    json_decref(json);
}

/* Unicode 15, tables 3-8 to 3-11: one U+FFFD for each maximal subpart. */
static void broken_utf8_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t from[12]; /* ends with the number of bytes */
    } texts[] = {
        {"a\xc0\xafz", {0, 1, 2, 3, 4}},
        {"\xe0\x80\xbf", {0, 1, 2, 3}},
        {"\xf0\x80\x80\x41", {0, 1, 2, 3, 4}},
        {"\xed\xa0\x80\xed\xbf\xbf\x41", {0, 1, 2, 3, 4, 5, 6, 7}},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", {0, 2, 3, 6, 8, 9}},
        {"\xe2\x82", {0, 2}},
        {"\xf0\x9f\x98\x80\xc3\xa9", {0, 4, 6}},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const uint32_t bytes = (uint32_t)strlen(texts[i].bytes);
        uint32_t k = 0, code;
        for (uint32_t at = 0; at < bytes; k++) {
            assert_int_equal(at, texts[i].from[k]);
            at += tok_utf8_decode((const unsigned char *)texts[i].bytes + at, bytes - at, &code);
        }
        assert_int_equal(bytes, texts[i].from[k]);
    }
}

static void broken_bytes_keep_offsets_right(void **state)
{
    (void)state;
    pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nab\nc\n");
    assert_int_equal(pln_tokenizer_open(folder, NULL, &tokenizer, &error), PLN_OK);
    const pln_encodings *e = encode(tokenizer, (pln_text){"a\xe1\x80\x62 \xff c", 8}, none, 0, &encoder);
    assert_int_equal(e->tokens, 4);
    assert_string_equal(pln_tokenizer_token(tokenizer, e->ids[1]), "ab");
    assert_int_equal(e->ends[1], 3);
    assert_int_equal(e->end_bytes[1], 4);
    assert_string_equal(pln_tokenizer_token(tokenizer, e->ids[2]), "c");
    assert_int_equal(e->begins[2], 6);
    assert_int_equal(e->begin_bytes[2], 7);
    pln_encoder_destroy(&encoder);
    pln_tokenizer_close(&tokenizer);
    assert_null(tokenizer);
}

static void words_are_normalized(void **state)
{
    (void)state;
    static const char text[] = "  CAF\xc3\x89,\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80x \xcc\x81\xff";
    static const char *const expected_words[] = {"cafe", ",", "\xe4\xb8\xad", "\xe6\x96\x87", "\xf0\x9f\x98\x80x"};
    struct tok_normalizer normalizer;
    struct tok_words words = {0};
    struct tok_word word;
    tok_normalizer_init(&normalizer, true, true, true, true);
    tok_words_begin(&words, &normalizer, (pln_text){text, sizeof text - 1}, 0);
    for (size_t i = 0; i < sizeof expected_words / sizeof *expected_words; i++) {
        assert_true(tok_words_next(&words, &word));
        assert_int_equal(word.bytes, strlen(expected_words[i]));
        assert_memory_equal(word.text, expected_words[i], word.bytes);
    }
    assert_false(tok_words_next(&words, &word));
    tok_words_finish(&words);
}

static char warnings[2000];

static void keep_warning(void *context, pln_log_level level, const char *message)
{
    (void)context;
    assert_int_equal(level, PLN_LOG_LEVEL_WARNING);
    strncat(warnings, message, sizeof warnings - strlen(warnings) - 1);
}

static void missing_config_is_told(void **state)
{
    (void)state;
    pln_tokenizer *tokenizer;
    put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nabc\n[UNK2]\nabc");
    warnings[0] = '\0';
    assert_int_equal(
        pln_tokenizer_open(folder, PLN_OPTIONS(pln_tokenizer_options, .log = keep_warning), &tokenizer, &error),
        PLN_OK);
    assert_non_null(strstr(warnings, "tokenizer_config.json is missing"));
    assert_non_null(strstr(warnings, "'[MASK]' is not in the vocabulary"));
    assert_int_equal(pln_tokenizer_id(tokenizer, "abc"), 5);
    assert_null(pln_tokenizer_token(tokenizer, 3));
    assert_null(pln_tokenizer_token(tokenizer, -1));
    assert_null(pln_tokenizer_token(tokenizer, 100));
    assert_int_equal(pln_tokenizer_id(tokenizer, "ab"), -1);
    assert_int_equal(pln_tokenizer_special_id(tokenizer, PLN_SPECIAL_PAD),
                     5); /* 5 tokens are distinct: as the reference counts */
    assert_int_equal(pln_tokenizer_special_id(tokenizer, PLN_SPECIAL_MASK), 6);
    assert_int_equal(pln_tokenizer_count(tokenizer), 7);
    assert_int_equal(pln_tokenizer_max_length(tokenizer), 0);
    pln_tokenizer_close(&tokenizer);
}

static void config_is_obeyed(void **state)
{
    (void)state;
    pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    put("vocab.txt", "<pad>\r\n[UNK]\r\n<s>\r\n[SEP]\r\n<mask>\r\nA\r\n<e1>\r\n");
    put("tokenizer_config.json",
        "{\"do_lower_case\":false,\"strip_accents\":null,\"max_len\":77,\"pad_token\":\"<pad>\",\"cls_token\":\"<s>\","
        "\"mask_token\":{\"content\":\"<mask>\",\"lstrip\":true},\"additional_special_tokens\":[\"<e1>\",\"<e1>+\"],"
        "\"added_tokens_decoder\":{\"10\":{\"content\":\"<e2>\",\"special\":true}}}");
    assert_int_equal(pln_tokenizer_open(folder, NULL, &tokenizer, &error), PLN_OK);
    assert_int_equal(pln_tokenizer_max_length(tokenizer), 77);
    const char *text = "A  <mask> A<e1>+<e1><e2>";
    static const int32_t ids[] = {2, 5, 4, 5, 8, 6, 7, 3};
    const pln_encodings *e = encode(tokenizer, (pln_text){text, strlen(text)}, none, 0, &encoder);
    assert_int_equal(e->tokens, 8);
    assert_memory_equal(e->ids, ids, sizeof ids);
    assert_int_equal(e->begins[2], 1);
    assert_int_equal(e->ends[2], 9);
    pln_encoder_destroy(&encoder);
    pln_tokenizer_close(&tokenizer);
}

static void decoded_text_is_cleaned(void **state)
{
    (void)state;
    static const int32_t ids[] = {-1, 2, 5, 6, 7, 8, 3, 99};
    static const pln_decode_options how[] = {
        {.size = sizeof *how, .clean_up = PLN_CHOICE_YES, .skip_special = true},
        {.size = sizeof *how, .clean_up = PLN_CHOICE_NO},
    };
    for (int said = 0; said < 2; said++) {
        pln_tokenizer *tokenizer;
        put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n'\nb\n.\n");
        put("tokenizer_config.json", said ? "{\"clean_up_tokenization_spaces\":true}" : "{}");
        assert_int_equal(pln_tokenizer_open(folder, NULL, &tokenizer, &error), PLN_OK);
        char *texts[3];
        for (int i = 0; i < 3; i++)
            assert_int_equal(pln_tokenizer_decode(tokenizer, ids, 8, i ? &how[i - 1] : NULL, &texts[i], &error),
                             PLN_OK);
        assert_string_equal(texts[0], said ? "[CLS] a'b. [SEP]" : "[CLS] a ' b. [SEP]");
        assert_string_equal(texts[1], "a'b.");
        assert_string_equal(texts[2], "[CLS] a ' b. [SEP]");
        for (int i = 0; i < 3; i++)
            pln_free(texts[i]);
        pln_tokenizer_close(&tokenizer);
    }
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *vocabulary, *config, *sentence;
    } files[] = {
        {"", "{}", "vocab.txt: empty"},
        {"[UNK]\n\xff\n", "{}", "vocab.txt: line 2 is not UTF-8"},
        {"a\nb\n", "{}", "'[UNK]' is not in the vocabulary"},
        {"[UNK]", "{", "tokenizer_config.json: line 1: "},
        {"[UNK]", "{\"do_lower_case\":1}", "'do_lower_case' is not true or false"},
        {"[UNK]", "{\"strip_accents\":\"no\"}", "'strip_accents' is not true or false"},
        {"[UNK]", "{\"model_max_length\":\"x\"}", "'model_max_length' is not a length"},
        {"[UNK]", "{\"mask_token\":3}", "'mask_token' is not a token"},
        {"[UNK]", "{\"mask_token\":\"\"}", "'mask_token' is not a token"},
        {"[UNK]", "{\"unk_token\":\"<unk>\"}", "'<unk>' is not in the vocabulary"},
    };
    pln_tokenizer *tokenizer;
    assert_int_equal(pln_tokenizer_open(folder, NULL, &tokenizer, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "holds neither vocab.txt nor tokenizer.json"));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put("vocab.txt", files[i].vocabulary);
        put("tokenizer_config.json", files[i].config);
        assert_int_equal(pln_tokenizer_open(folder, NULL, &tokenizer, &error), PLN_BAD_MODEL);
        assert_null(tokenizer);
        if (!strstr(error.message, files[i].sentence))
            fail_msg("'%s' lacks '%s'", error.message, files[i].sentence);
    }
}

static uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

/* Random bytes and random cuts of real text: offsets stay inside and in order, pieces are known. */
static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char seed[] =
        "caf\xc3\xa9 [MASK] \xed\x95\x9c\xea\xb5\xad \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80 I\xcc\x87 [SEP";
    uint32_t random = 1;
    pln_tokenizer *tokenizer;
    assert_int_equal(pln_tokenizer_open(in_root("tests/tokenizer/vocab.txt"), NULL, &tokenizer, &error), PLN_OK);
    for (int round = 0; round < 20000; round++) {
        char text[64];
        const size_t n = next_random(&random) % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(round % 2 ? next_random(&random) : (uint32_t)seed[(i + (uint32_t)round) % sizeof seed]);
        if (n)
            text[next_random(&random) % n] = (char)next_random(&random);
        char *exact = malloc(n + 1); /* so that a read past the end is seen */
        memcpy(exact, text, n);
        pln_encoder *encoder;
        const pln_encodings *e =
            encode(tokenizer, (pln_text){exact, n}, (pln_text){exact, n / 2}, next_random(&random) % 40, &encoder);
        for (uint32_t i = 0; i < e->tokens; i++) {
            assert_true(e->begins[i] <= e->ends[i] && e->begin_bytes[i] <= e->end_bytes[i]);
            assert_true(e->end_bytes[i] <= (e->types[i] ? n / 2 : n));
            assert_non_null(pln_tokenizer_token(tokenizer, e->ids[i]));
        }
        pln_encoder_destroy(&encoder);
        free(exact);
    }
    pln_tokenizer_close(&tokenizer);
}

static void *encode_often(void *tokenizer)
{
    static const pln_example example = {.text = {"hello[MASK]world caf\xc3\xa9", 22}};
    const pln_encodings *e;
    pln_encoder *encoder;
    uintptr_t sum = 0;
    if (pln_encoder_create(tokenizer, 2, &encoder, NULL) != PLN_OK)
        return NULL;
    for (int i = 0; i < 200; i++) {
        if (pln_encoder_encode(encoder, &example, 1, NULL, &e, NULL) != PLN_OK)
            return NULL;
        for (uint32_t k = 0; k < e->tokens; k++)
            sum += (uintptr_t)e->ids[k] * (k + 1);
    }
    pln_encoder_destroy(&encoder);
    return (void *)sum; /* a number, the same in every thread */
}

static void threads_share_a_tokenizer(void **state)
{
    (void)state;
    pln_tokenizer *tokenizer;
    pthread_t threads[4];
    void *sums[4];
    assert_int_equal(pln_tokenizer_open(in_root("models/electra-tiny-discriminator"), NULL, &tokenizer, &error),
                     PLN_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_often, tokenizer), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], &sums[i]);
    assert_non_null(sums[0]);
    for (int i = 1; i < 4; i++)
        assert_ptr_equal(sums[i], sums[0]);
    pln_tokenizer_close(&tokenizer);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_references),
        cmocka_unit_test(every_code_point_normalizes_as_the_references),
        cmocka_unit_test(broken_utf8_is_replaced),
        cmocka_unit_test_teardown(broken_bytes_keep_offsets_right, remove_files),
        cmocka_unit_test_teardown(missing_config_is_told, remove_files),
        cmocka_unit_test_teardown(config_is_obeyed, remove_files),
        cmocka_unit_test_teardown(decoded_text_is_cleaned, remove_files),
        cmocka_unit_test_teardown(bad_files_are_refused, remove_files),
        cmocka_unit_test(words_are_normalized),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(threads_share_a_tokenizer),
    };
    root = argc > 1 ? argv[1] : ".";
    if (!mkdtemp(folder))
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
