/* SPDX-License-Identifier: Apache-2.0
 *
 * Mixtures of tokenizer files are read as the reference reads them (files.json, from make_files.py), what is saved is
 * read as it was, and broken files are refused. The argument is the root of the source tree.
 */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/pleione.h"

static const char *root;
static char folder[] = "tokenizer-XXXXXX";
static pln_error error;

static const char *const names[] = {"vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                    "added_tokens.json"};
enum { NAMES = sizeof names / sizeof *names };

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int remove_files(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++)
        remove(path_of(names[i]));
    return 0;
}

static pln_tokenizer *open_strictly(bool strict)
{
    pln_tokenizer *tokenizer;
    const pln_tokenizer_options options = {.strict = strict};
    if (pln_tokenizer_open(folder, &options, &tokenizer, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

static void check_ids(const pln_tokenizer *tokenizer, const json_t *files, const json_t *row)
{
    const json_t *text = json_array_get(row, 0), *ids = json_array_get(row, 1);
    const pln_example example = {.text = {json_string_value(text), json_string_length(text)}};
    const pln_encodings *e;
    pln_encoder *encoder;
    assert_int_equal(pln_encoder_create(tokenizer, 1, &encoder, &error), PLN_OK);
    assert_int_equal(pln_encoder_encode(encoder, &example, 1, NULL, &e, &error), PLN_OK);
    bool same = e->tokens == json_array_size(ids);
    for (uint32_t i = 0; same && i < e->tokens; i++)
        same = e->ids[i] == json_integer_value(json_array_get(ids, i));
    if (!same) {
        for (uint32_t i = 0; i < e->tokens; i++)
            fprintf(stderr, "%d ", (int)e->ids[i]);
        fail_msg("%s: %s", json_dumps(files, JSON_ENSURE_ASCII), json_dumps(row, JSON_ENSURE_ASCII));
    }
    pln_encoder_destroy(&encoder);
}

/* Reads the mixture, then what was saved of it in the layout. */
static void check_mixture(const json_t *mixture, pln_tokenizer_layout layout)
{
    json_t *files = json_object_get(mixture, "files"), *text, *row;
    const char *name;
    size_t i;
    remove_files(NULL);
    json_object_foreach(files, name, text) put(name, json_string_value(text));
    pln_tokenizer *tokenizer = open_strictly(true);
    json_array_foreach(json_object_get(mixture, "cases"), i, row) check_ids(tokenizer, files, row);
    remove_files(NULL);
    if (pln_tokenizer_save(tokenizer, folder, layout, &error) != PLN_OK)
        fail_msg("%s", error.message);
    pln_tokenizer_close(&tokenizer);
    tokenizer = open_strictly(layout == PLN_LAYOUT_4);
    json_array_foreach(json_object_get(mixture, "cases"), i, row) check_ids(tokenizer, files, row);
    pln_tokenizer_close(&tokenizer);
}

static void mixtures_are_read_as_the_reference_does(void **state)
{
    (void)state;
    char path[4096];
    json_error_t problem;
    size_t i;
    snprintf(path, sizeof path, "%s/tests/tokenizer/files.json", root);
    json_t *mixtures = json_load_file(path, 0, &problem), *mixture;
    if (!mixtures)
        fail_msg("files.json: line %d: %s", problem.line, problem.text);
    for (int layout = PLN_LAYOUT_5; layout <= PLN_LAYOUT_4; layout++)
        json_array_foreach(mixtures, i, mixture) check_mixture(mixture, (pln_tokenizer_layout)layout);
    assert_true(i > 10);
    json_decref(mixtures);
}

static const char cased[] =
    "{\"added_tokens\":[{\"id\":9,\"content\":\"<n>\",\"normalized\":true,\"special\":false}],\"normalizer\":{\"type\":"
    "\"BertNormalizer\",\"lowercase\":false},\"truncation\":{\"max_length\":5,\"strategy\":\"OnlyFirst\",\"stride\":1,"
    "\"direction\":\"Left\"},\"padding\":{\"strategy\":{\"Fixed\":8},\"direction\":\"Left\",\"pad_to_multiple_of\":4},"
    "\"model\":{\"type\":\"WordPiece\",\"max_input_chars_per_word\":3,\"vocab\":{\"[UNK]\":0,\"A\":1,\"##b\":2}}}";

/* What transformers 5 drops of tokenizer.json is obeyed, unless strictness is asked for. */
static void all_of_a_tokenizer_json_counts(void **state)
{
    (void)state;
    put("tokenizer.json", cased);
    pln_tokenizer *tokenizer = open_strictly(false);
    const pln_encode_options o = pln_tokenizer_defaults(tokenizer);
    assert_true(o.max_length == 5 && o.truncation == PLN_ONLY_FIRST && o.stride == 1 && o.truncate_left);
    assert_true(o.padding == PLN_PAD_LENGTH && o.pad_length == 8 && o.pad_left && o.pad_multiple == 4);
    assert_int_equal(pln_tokenizer_id(tokenizer, "A"), 1);
    json_t *row = json_pack("[s,[i,i,i,i,i,i,i,i]]", "Ab Abb Abbb", pln_tokenizer_special_id(tokenizer, PLN_CLS_TOKEN),
                            1, 2, 1, 2, 2, 0, pln_tokenizer_special_id(tokenizer, PLN_SEP_TOKEN));
    check_ids(tokenizer, NULL, row);
    json_decref(row);
    pln_tokenizer_close(&tokenizer);
    tokenizer = open_strictly(true);
    assert_int_equal(pln_tokenizer_defaults(tokenizer).max_length, 5);
    pln_tokenizer_close(&tokenizer);
}

static void options_overrule_files(void **state)
{
    (void)state;
    static const pln_added_token added[] = {{.content = "new york", .normalized = true, .rstrip = true}};
    const pln_tokenizer_options options = {.lower_case = PLN_NO, .max_word = 2, .added = added, .n_added = 1};
    pln_tokenizer *tokenizer;
    put("vocab.txt", "[UNK]\nA\n##b\na\n");
    assert_int_equal(pln_tokenizer_open(folder, &options, &tokenizer, &error), PLN_OK);
    const int32_t cls = pln_tokenizer_special_id(tokenizer, PLN_CLS_TOKEN),
                  sep = pln_tokenizer_special_id(tokenizer, PLN_SEP_TOKEN);
    json_t *row = json_pack("[s,[i,i,i,i,i,i,i,i]]", "Ab ab Abb new york A", cls, 1, 2, 3, 2, 0,
                            pln_tokenizer_id(tokenizer, "new york"), 1);
    json_array_append_new(json_array_get(row, 1), json_integer(sep));
    check_ids(tokenizer, NULL, row);
    json_decref(row);
    pln_tokenizer_close(&tokenizer);
}

static off_t size_of(const char *name)
{
    struct stat about;
    return stat(path_of(name), &about) == 0 ? about.st_size : -1;
}

/* The limit on the size of files stands for a full disk: of five files it lets two through. */
static void what_cannot_be_saved_leaves_what_was_there(void **state)
{
    (void)state;
    struct rlimit whole, small;
    off_t before[NAMES];
    put("tokenizer.json", "{\"model\":{\"vocab\":{\"[UNK]\":0,\"a\":9000}}}"); /* 9001 lines of vocab.txt */
    pln_tokenizer *large = open_strictly(false);
    put("tokenizer.json", cased);
    pln_tokenizer *tokenizer = open_strictly(false);
    assert_int_equal(pln_tokenizer_save(tokenizer, folder, PLN_LAYOUT_4, &error), PLN_OK);
    for (int i = 0; i < NAMES; i++)
        before[i] = size_of(names[i]);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
    small = (struct rlimit){50000, whole.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const pln_status status = pln_tokenizer_save(large, folder, PLN_LAYOUT_4, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
    assert_int_equal(status, PLN_FAILED);
    assert_non_null(strstr(error.message, "vocab.txt: cannot be written"));
    for (int i = 0; i < NAMES; i++)
        assert_true(size_of(names[i]) == before[i]);
    pln_tokenizer_close(&large);
    pln_tokenizer_close(&tokenizer);
    remove_files(NULL);
    assert_int_equal(rmdir(folder), 0); /* nothing beside them either */
    assert_int_equal(mkdir(folder, 0777), 0);
}

static uint32_t requests, failing_request; /* of memory by jansson; the one that fails */

static void *allocate(size_t bytes)
{
    return ++requests == failing_request ? NULL : malloc(bytes);
}

/* All files, one behind the other; free. */
static char *contents(void)
{
    size_t bytes;
    char *text;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    for (int i = 0; i < NAMES; i++) {
        FILE *file = fopen(path_of(names[i]), "rb");
        fprintf(out, "--- %s %d\n", names[i], file != NULL);
        for (int c; file && (c = fgetc(file)) != EOF;)
            fputc(c, out);
        if (file)
            fclose(file);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Whichever request of memory fails: all files are written, or none is touched. */
static void no_memory_saves_all_or_nothing(void **state)
{
    (void)state;
    static const pln_added_token added[] = {{.content = "<x>", .special = true}};
    static const char *const never_split[] = {"word"};
    const pln_tokenizer_options options = {
        .lower_case = PLN_NO, .added = added, .n_added = 1, .never_split = never_split, .n_never_split = 1};
    pln_tokenizer *tokenizer;
    put("tokenizer.json", cased);
    assert_int_equal(pln_tokenizer_open(folder, &options, &tokenizer, &error), PLN_OK);
    remove_files(NULL);
    assert_int_equal(pln_tokenizer_save(tokenizer, folder, PLN_LAYOUT_4, &error), PLN_OK);
    char *whole = contents();
    json_set_alloc_funcs(allocate, free);
    pln_status status = PLN_NO_MEMORY;
    for (failing_request = 1; status != PLN_OK; failing_request++) {
        remove_files(NULL);
        put("vocab.txt", "what was there before\n");
        char *before = contents();
        requests = 0;
        status = pln_tokenizer_save(tokenizer, folder, PLN_LAYOUT_4, &error);
        assert_int_equal(status, requests < failing_request ? PLN_OK : PLN_NO_MEMORY);
        char *after = contents();
        assert_string_equal(after, status == PLN_OK ? whole : before);
        free(before);
        free(after);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(failing_request > 100);
    free(whole);
    pln_tokenizer_close(&tokenizer);
}

/* The keys of a file, each with a value of a type that it does not have. */
static void keys_of_another_type_are_refused(void **state)
{
    (void)state;
    static const char model[] = "\"model\":{\"vocab\":{\"[UNK]\":0},", whole[] = "\"model\":{\"vocab\":{\"[UNK]\":0}},";
    static const struct {
        const char *name, *before, *key, *values[4], *after;
    } keys[] = {
        {"tokenizer.json", "{", "model", {"7", "[]", "\"x\"", "true"}, "}"},
        {"tokenizer.json", "{\"model\":{", "vocab", {"[[\"a\",-1.5]]", "7", "\"x\"", "true"}, "}}"},
        {"tokenizer.json", model, "type", {"7", "[]", "{}", "true"}, "}}"},
        {"tokenizer.json", model, "unk_token", {"7", "[]", "{}", "true"}, "}}"},
        {"tokenizer.json", model, "continuing_subword_prefix", {"7", "[]", "{}", "true"}, "}}"},
        {"tokenizer.json", model, "max_input_chars_per_word", {"\"7\"", "[]", "2.5", "true"}, "}}"},
        {"tokenizer.json", whole, "truncation", {"7", "[]", "\"x\"", "true"}, "}"},
        {"tokenizer.json", whole, "padding", {"7", "[]", "\"x\"", "true"}, "}"},
        {"tokenizer.json", whole, "normalizer", {"7", "[]", "\"x\"", "{\"type\":7}"}, "}"},
        {"tokenizer.json", whole, "pre_tokenizer", {"7", "[]", "\"x\"", "{\"type\":7}"}, "}"},
        {"tokenizer.json", whole, "decoder", {"7", "[]", "\"x\"", "{\"type\":7}"}, "}"},
        {"tokenizer.json", whole, "added_tokens", {"7", "{}", "\"x\"", "[\"x\"]"}, "}"},
        {"tokenizer.json",
         "{\"model\":{\"vocab\":{\"[UNK]\":0}},\"padding\":{",
         "strategy",
         {"7", "[]", "\"Longest\"", "{\"Fixed\":\"7\"}"},
         "}}"},
        {"tokenizer_config.json", "{", "added_tokens_decoder", {"7", "[]", "\"x\"", "{\"x\":\"y\"}"}, "}"},
        {"tokenizer_config.json", "{", "additional_special_tokens", {"7", "{}", "\"x\"", "[7]"}, "}"},
        {"tokenizer_config.json", "{", "extra_special_tokens", {"7", "{\"x\":7}", "\"x\"", "[7]"}, "}"},
        {"tokenizer_config.json", "{", "never_split", {"7", "{}", "\"x\"", "[7]"}, "}"},
        {"tokenizer_config.json", "{", "unk_token", {"7", "[]", "{}", "true"}, "}"},
        {"tokenizer_config.json", "{\"pad_token\":{\"content\":\"x\",", "lstrip", {"7", "[]", "\"x\"", "{}"}, "}}"},
        {"tokenizer_config.json", "{\"pad_token\":{\"content\":\"x\",", "normalized", {"7", "[]", "\"x\"", "{}"}, "}}"},
        {"tokenizer_config.json",
         "{\"added_tokens_decoder\":{\"1\":{\"content\":\"a\",",
         "special",
         {"7", "[]", "\"x\"", "{}"},
         "}}}"},
        {"tokenizer_config.json", "{", "do_lower_case", {"7", "[]", "\"x\"", "{}"}, "}"},
        {"tokenizer_config.json", "{", "strip_accents", {"7", "[]", "\"x\"", "{}"}, "}"},
        {"tokenizer_config.json", "{", "model_max_length", {"\"7\"", "[]", "2.5", "-1"}, "}"},
        {"tokenizer_config.json", "{", "padding_side", {"7", "[]", "true", "{}"}, "}"},
        {"special_tokens_map.json", "{", "additional_special_tokens", {"7", "{}", "\"x\"", "[7]"}, "}"},
        {"special_tokens_map.json", "{", "mask_token", {"7", "[]", "{}", "true"}, "}"},
        {"added_tokens.json", "{", "<x>", {"null", "[]", "\"x\"", "1.5"}, "}"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (int k = 0; k < 4; k++) {
            char text[300];
            pln_tokenizer *tokenizer;
            remove_files(NULL);
            put("vocab.txt", "[UNK]\na\n");
            snprintf(text, sizeof text, "%s%s\"%s\":%s%s", *keys[i].before == '{' ? "" : "{", keys[i].before,
                     keys[i].key, keys[i].values[k], keys[i].after);
            put(keys[i].name, text);
            const pln_status status = pln_tokenizer_open(folder, NULL, &tokenizer, &error);
            if (status != PLN_BAD_MODEL || !strstr(error.message, keys[i].name))
                fail_msg("%s %s: %d '%s'", keys[i].name, text, status, error.message);
        }
}

/* What people's files hold besides. */
static void other_ways_of_writing_are_read(void **state)
{
    (void)state;
    static const char parts[] =
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Sequence\",\"normalizers\":[{\"type\":"
        "\"BertNormalizer\",\"lowercase\":false}]}]},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{"
        "\"type\":"
        "\"BertPreTokenizer\"}]},\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"WordPiece\"}]},"
        "\"padding\":null,"
        "\"truncation\":null,\"added_tokens\":null,\"model\":{\"type\":\"WordPiece\",\"unk_token\":null,\"vocab\":{\"["
        "UNK]\":0,"
        "\"A\":1}}}";
    put("tokenizer.json", parts);
    put("tokenizer_config.json",
        "{\"extra_special_tokens\":{\"image_token\":\"<i>\",\"end_token\":{\"content\":\"<e>\",\"lstrip\":true}},"
        "\"model_max_length\":512.0,\"never_split\":null,\"added_tokens_decoder\":null,\"additional_special_tokens\":"
        "null}");
    pln_tokenizer *tokenizer = open_strictly(false);
    assert_int_equal(pln_tokenizer_max_length(tokenizer), 512);
    assert_int_equal(pln_tokenizer_id(tokenizer, "<i>"), 6); /* behind the vocabulary and the four named ones */
    assert_int_equal(pln_tokenizer_id(tokenizer, "<e>"), 7);
    json_t *row = json_pack("[s,[i,i,i,i,i,i]]", "A<i>a <e>", pln_tokenizer_special_id(tokenizer, PLN_CLS_TOKEN), 1, 6,
                            0, 7, pln_tokenizer_special_id(tokenizer, PLN_SEP_TOKEN));
    check_ids(tokenizer, NULL, row);
    json_decref(row);
    pln_tokenizer_close(&tokenizer);
}

static void lying_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *sentence;
        pln_status status;
    } files[] = {
        {"tokenizer.json", "{}", "holds no vocabulary", PLN_BAD_MODEL},
        {"tokenizer.json", "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "BPE is not WordPiece", PLN_BAD_MODEL},
        {"tokenizer.json", "{\"model\":{\"vocab\":{\"[UNK]\":0,\"a\":4000000000}}}", "the id of 'a'", PLN_BAD_MODEL},
        {"tokenizer.json", "{\"model\":{\"vocab\":{\"[UNK]\":0,\"a\":-1}}}", "the id of 'a'", PLN_BAD_MODEL},
        {"tokenizer.json", "{\"model\":{\"vocab\":{\"[UNK]\":0,\"a\":0}}}", "have the same id 0", PLN_BAD_MODEL},
        {"tokenizer.json", "{\"model\":{\"vocab\":{\"[UNK]\":0},\"continuing_subword_prefix\":\"@@\"}}", "'@@'",
         PLN_BAD_MODEL},
        {"tokenizer.json", "{\"normalizer\":{\"type\":\"NFKC\"},\"model\":{\"vocab\":{\"[UNK]\":0}}}", "NFKC",
         PLN_BAD_MODEL},
        {"tokenizer.json",
         "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"normalizer\":{\"type\":\"BertNormalizer\"},"
         "\"model\":{\"vocab\":{\"[UNK]\":0}}}",
         "ByteLevel", PLN_BAD_MODEL},
        {"tokenizer.json", "{\"added_tokens\":[{\"content\":\"x\"}],\"model\":{\"vocab\":{\"[UNK]\":0}}}",
         "'added_tokens' is not a list of tokens with ids", PLN_BAD_MODEL},
        {"tokenizer_config.json", "{\"padding_side\":\"up\"}", "'padding_side' is not", PLN_BAD_MODEL},
        {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"7\":5}}", "'7' is not a token", PLN_BAD_MODEL},
        {"added_tokens.json", "{\"<x>\":\"y\"}", "'<x>' is not an id", PLN_BAD_MODEL},
        {"special_tokens_map.json", "{\"cls_token\":7}", "special_tokens_map.json: 'cls_token' is not a token",
         PLN_BAD_MODEL},
        {"special_tokens_map.json", "[", "special_tokens_map.json: line 1", PLN_BAD_MODEL},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        pln_tokenizer *tokenizer;
        remove_files(NULL);
        put("vocab.txt", "[UNK]\na\n");
        put(files[i].name, files[i].text);
        const pln_status status = pln_tokenizer_open(folder, NULL, &tokenizer, &error);
        if (status != files[i].status || !strstr(error.message, files[i].sentence))
            fail_msg("%s %s: %d '%s' lacks '%s'", files[i].name, files[i].text, status, error.message,
                     files[i].sentence);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(mixtures_are_read_as_the_reference_does, remove_files),
        cmocka_unit_test_teardown(all_of_a_tokenizer_json_counts, remove_files),
        cmocka_unit_test_teardown(options_overrule_files, remove_files),
        cmocka_unit_test_teardown(what_cannot_be_saved_leaves_what_was_there, remove_files),
        cmocka_unit_test_teardown(no_memory_saves_all_or_nothing, remove_files),
        cmocka_unit_test_teardown(keys_of_another_type_are_refused, remove_files),
        cmocka_unit_test_teardown(other_ways_of_writing_are_read, remove_files),
        cmocka_unit_test_teardown(lying_files_are_refused, remove_files),
    };
    root = argc > 1 ? argv[1] : ".";
    if (!mkdtemp(folder))
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
