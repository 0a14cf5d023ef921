/* SPDX-License-Identifier: Apache-2.0
 *
 * A model saved for other packages is the same model when it is opened again: in every format, in files of any size, from
 * one format to the next, with its tokenizer; a directory that is there is replaced or stays as it was.
 */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/on_devices.h"

static char folder[] = "save-XXXXXX";
static const char *models;
static bool has_program; /* for HDF5 */

static const char *const formats[] = {"safetensors", "pytorch", "tf", "flax"};
static const char *const files[] = {"model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"};

static bool is_there(const char *directory, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static uint32_t count_files(const char *directory)
{
    uint32_t n = 0;
    DIR *list = opendir(directory);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));)
        n += entry->d_name[0] != '.';
    closedir(list);
    return n;
}

static pln_model *open_model(const char *directory)
{
    pln_model *model;
    pln_error error;
    must(pln_model_open(runtime, directory, NULL, &model, &error), &error);
    return model;
}

/* The answer to a few ids, which the caller frees. */
static float *answer(const char *directory, uint64_t *n)
{
    static const int32_t ids[] = {2, 17, 5, 90, 3};
    const pln_tensor input = {"input_ids", PLN_I32, 2, {1, 5}, ids};
    const pln_tensor *out;
    pln_session *session;
    pln_error error;
    uint32_t n_out;
    pln_model *model = open_model(directory);
    must(pln_session_create(model, devices, PLN_OPTIONS(pln_session_options, .head = pln_model_head(model)), &session,
                            &error),
         &error);
    must(pln_session_forward(session, &input, 1, &out, &n_out, &error), &error);
    *n = pln_tensor_elements(&out[0]);
    float *copy = malloc(*n * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, out[0].data, *n * sizeof *copy);
    pln_session_destroy(&session);
    pln_model_close(&model);
    return copy;
}

static void same_answers(const char *a, const char *b)
{
    uint64_t n, m;
    float *x = answer(a, &n), *y = answer(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
    free(x);
    free(y);
}

static void same_tokenizers(const char *a, const char *b)
{
    static const char text[] = "And God said, Let there be light";
    const char *const directories[] = {a, b};
    const pln_example example = {.text = {text, sizeof text - 1}};
    int32_t ids[2][64];
    uint32_t n[2];
    for (int i = 0; i < 2; i++) {
        pln_tokenizer *tokenizer;
        pln_encoder *encoder;
        pln_error error;
        const pln_encodings *encodings;
        must(pln_tokenizer_open(directories[i], NULL, &tokenizer, &error), &error);
        must(pln_encoder_create(tokenizer, 1, &encoder, &error), &error);
        must(pln_encoder_encode(encoder, &example, 1, NULL, &encodings, &error), &error);
        n[i] = encodings->tokens;
        assert_true(n[i] <= 64);
        memcpy(ids[i], encodings->ids, n[i] * sizeof *ids[i]);
        pln_encoder_destroy(&encoder);
        pln_tokenizer_close(&tokenizer);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(ids[0], ids[1], n[0] * sizeof *ids[0]);
}

/* PLN_OK, unless the message is asked for. */
static void save(const char *from, const char *to, const pln_save_options *options, pln_status wanted,
                 const char *words)
{
    pln_error error = {.message = ""};
    pln_model *model = open_model(from);
    const pln_status status = pln_model_save(model, to, options, &error);
    if (status != wanted || (words && !strstr(error.message, words)))
        fail_msg("%d: '%s' lacks '%s'", (int)status, error.message, words ? words : "nothing");
    pln_model_close(&model);
}

static const char *of_models(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", models, name);
    return path;
}

static const char *in_folder(const char *name)
{
    static char paths[2][600];
    static unsigned next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* From one format to the next, in the place of the last one. */
static void through_all(const char *name)
{
    char from[600], last[600];
    snprintf(from, sizeof from, "%s", of_models(name));
    snprintf(last, sizeof last, "%s", from);
    for (size_t i = 0; i < 4; i++) {
        const char *to = in_folder(name);
        pln_save_options options = {.size = sizeof options};
        assert_true(pln_save_format_find(formats[i], &options.format));
        if (options.format == PLN_SAVE_FORMAT_TF && !has_program)
            continue;
        save(last, to, &options, PLN_OK, NULL);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(is_there(to, files[k]), k == i);
        same_answers(from, to);
        same_tokenizers(from, to);
        assert_true(is_there(to, "vocab.txt") && is_there(to, "tokenizer.json") &&
                    is_there(to, "special_tokens_map.json"));
        snprintf(last, sizeof last, "%s", to);
    }
}

static void every_format(void **state)
{
    (void)state;
    through_all("electra-tiny-discriminator");
    through_all("electra-tiny-generator");
}

static void several_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char index[64];
        pln_save_options options = {.size = sizeof options, .format = (pln_save_format)i, .shard_bytes = 500000};
        if (options.format == PLN_SAVE_FORMAT_TF && !has_program)
            continue;
        const char *to = in_folder(formats[i]);
        save(of_models("electra-tiny-generator"), to, &options, PLN_OK, NULL);
        snprintf(index, sizeof index, "%s.index.json", files[i]);
        assert_true(is_there(to, index) && !is_there(to, files[i]) && count_files(to) > 7);
        same_answers(of_models("electra-tiny-generator"), to);
        options.shard_bytes = 0; /* the shards go */
        save(of_models("electra-tiny-generator"), to, &options, PLN_OK, NULL);
        assert_true(!is_there(to, index) && is_there(to, files[i]) && count_files(to) == 6);
    }
}

static void half(void **state)
{
    (void)state;
    const char *to = in_folder("half");
    save(of_models("electra-tiny-discriminator"), to, PLN_OPTIONS(pln_save_options, .dtype = PLN_BF16), PLN_OK, NULL);
    char path[600];
    struct stat saved;
    snprintf(path, sizeof path, "%s/config.json", to);
    json_t *config = json_load_file(path, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(config, "torch_dtype")), "bfloat16");
    assert_string_equal(json_string_value(json_object_get(config, "model_type")), "electra");
    assert_string_equal(json_string_value(json_array_get(json_object_get(config, "architectures"), 0)),
                        "ElectraForPreTraining");
    json_decref(config);
    snprintf(path, sizeof path, "%s/model.safetensors", to);
    assert_int_equal(stat(path, &saved), 0);
    pln_tensor_file *file;
    pln_error error;
    uint32_t n;
    must(pln_tensor_file_open(path, &file, &error), &error);
    const pln_tensor *all = pln_tensor_file_tensors(file, &n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(all[i].dtype, PLN_BF16);
    pln_tensor_file_close(&file);
}

/* The body alone: names without a prefix, and no head. */
static void another_head(void **state)
{
    (void)state;
    const char *to = in_folder("body");
    save(of_models("electra-tiny-discriminator"), to, PLN_OPTIONS(pln_save_options, .head = PLN_HEAD_MODEL), PLN_OK,
         NULL);
    char path[600];
    pln_tensor_file *file;
    pln_error error;
    uint32_t n;
    snprintf(path, sizeof path, "%s/model.safetensors", to);
    must(pln_tensor_file_open(path, &file, &error), &error);
    const pln_tensor *all = pln_tensor_file_tensors(file, &n);
    assert_true(n > 10);
    for (uint32_t i = 0; i < n; i++)
        assert_true(strncmp(all[i].name, "em", 2) == 0 || strncmp(all[i].name, "en", 2) == 0);
    pln_tensor_file_close(&file);
    pln_model *model = open_model(to);
    assert_int_equal(pln_model_head(model), PLN_HEAD_MODEL);
    pln_model_close(&model);
}

static void what_cannot_be(void **state)
{
    (void)state;
    const char *to = in_folder("never");
    save(of_models("electra-tiny-discriminator"), to, PLN_OPTIONS(pln_save_options, .head = PLN_HEAD_MASKED_LM),
         PLN_BAD_MODEL, "lacks tensors of the head masked-lm: ");
    assert_int_equal(access(to, F_OK), -1);
    save(of_models("electra-tiny-generator"), to,
         PLN_OPTIONS(pln_save_options, .head = PLN_HEAD_CAUSAL_LM, .format = PLN_SAVE_FORMAT_TF), PLN_INVALID,
         "TensorFlow has no class for this head");
    save(of_models("electra-tiny-generator"), in_folder("no/such/place"), NULL, PLN_FAILED, "no/such/place");
    FILE *file = fopen(in_folder("a-file"), "w");
    assert_non_null(file);
    fclose(file);
    save(of_models("electra-tiny-generator"), in_folder("a-file"), NULL, PLN_FAILED, "a-file");
    assert_int_equal(access(in_folder("a-file"), F_OK), 0);
    assert_int_equal(mkdir(in_folder("others"), 0700), 0);
    file = fopen(in_folder("others/letter"), "w");
    assert_non_null(file);
    fclose(file);
    save(of_models("electra-tiny-generator"), in_folder("others"), NULL, PLN_FAILED, "others");
    assert_int_equal(count_files(in_folder("others")), 1);
}

/* ---- what ends in the middle */

struct ending {
    uint32_t asked, last; /* the one that is refused */
};

static bool end_at_last(void *context, const char *what, uint64_t done, uint64_t total)
{
    struct ending *ending = context;
    if (strcmp(what, "writing") != 0)
        return true;
    assert_true(done < total);
    return ending->asked++ != ending->last;
}

/* How often it was asked. */
static uint32_t save_asked(const pln_save_options *options, uint32_t last, pln_status wanted)
{
    pln_error error = {.message = ""};
    pln_runtime *asking;
    pln_model *model;
    struct ending ending = {0, last};
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .progress = end_at_last, .progress_context = &ending),
                            &asking, &error),
         &error);
    must(pln_model_open(asking, of_models("electra-tiny-generator"), NULL, &model, &error), &error);
    assert_int_equal(pln_model_save(model, in_folder("middle/model"), options, &error), wanted);
    if (wanted != PLN_OK)
        assert_non_null(strstr(error.message, "cancelled while writing"));
    pln_model_close(&model);
    pln_runtime_destroy(&asking);
    return ending.asked;
}

/* The folder above has nothing but the model that was there before. */
static void as_before(void)
{
    assert_int_equal(count_files(in_folder("middle")), 1);
    same_answers(of_models("electra-tiny-discriminator"), in_folder("middle/model"));
}

static void begin_middle(void)
{
    char command[700];
    snprintf(command, sizeof command, "rm -rf %s", in_folder("middle"));
    assert_int_equal(system(command), 0);
    assert_int_equal(mkdir(in_folder("middle"), 0700), 0);
    save(of_models("electra-tiny-discriminator"), in_folder("middle/model"), NULL, PLN_OK, NULL);
}

static void cancelled(void **state)
{
    (void)state;
    for (uint32_t format = 0; format < 4; format++) {
        const pln_save_options whole = {.size = sizeof whole, .format = (pln_save_format)format},
                               cut = {
                                   .size = sizeof cut, .format = whole.format, .dtype = PLN_F16, .shard_bytes = 300000};
        if (format == PLN_SAVE_FORMAT_TF && !has_program)
            continue;
        for (int i = 0; i < 2; i++) {
            begin_middle();
            const pln_save_options *options = i ? &cut : &whole;
            const uint32_t all = save_asked(options, UINT32_MAX, PLN_OK);
            assert_true(all > 20);
            begin_middle();
            for (uint32_t last = 0; last < all; last += all / 3) {
                save_asked(options, last, PLN_CANCELLED);
                as_before();
            }
            save_asked(options, all - 1, PLN_CANCELLED);
            as_before();
        }
    }
}

/* Every file has a largest size here, as if the disk were full behind it. */
static void full(void **state)
{
    (void)state;
    const struct rlimit small = {300000, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    begin_middle();
    signal(SIGXFSZ, SIG_IGN);
    for (uint32_t format = 0; format < 4; format++) {
        if (format == PLN_SAVE_FORMAT_TF && !has_program)
            continue;
        const pln_save_options options = {.size = sizeof options, .format = (pln_save_format)format};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        save(of_models("electra-tiny-generator"), in_folder("middle/model"), &options, PLN_FAILED, files[format]);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        as_before();
    }
    signal(SIGXFSZ, SIG_DFL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format), cmocka_unit_test(several_files),  cmocka_unit_test(half),
        cmocka_unit_test(another_head), cmocka_unit_test(what_cannot_be), cmocka_unit_test(cancelled),
        cmocka_unit_test(full),
    };
    char command[64];
    char *const device[] = {"reference"};
    if (argc < 2 || !mkdtemp(folder))
        return 2;
    models = argv[1];
    has_program = argc > 2;
    const int code = run_on_devices(tests, sizeof tests / sizeof *tests, 1, (char **)device);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? code : 1;
}
