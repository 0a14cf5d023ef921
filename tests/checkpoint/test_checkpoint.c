/* SPDX-License-Identifier: Apache-2.0
 *
 * Model directories: their weights are found, alone or in shards; what is missing or damaged is named.
 */
#define _DEFAULT_SOURCE /* symlink */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/find.h"
#include "common/jsonfile.h"
#include "tests/checkpoint/folder.h"

static pln_error error;

static void put_model(void)
{
    put_text("config.json", "{\"model_type\":\"electra\",\"max_length\":1000000000000000019884624838656}");
}

static void a_single_file_opens(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    put_shard("model.safetensors", "zz");
    assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
    assert_string_equal(ckpt_directory(c), folder);
    assert_string_equal(json_string_value(json_object_get(ckpt_config(c), "model_type")), "electra");
    assert_float_equal(json_number_value(json_object_get(ckpt_config(c), "max_length")), 1e30, 1e15);
    assert_int_equal(ckpt_count(c), 2);
    assert_string_equal(ckpt_tensor(c, 0)->name, "unlisted");
    assert_string_equal(ckpt_tensor(c, 1)->name, "zz");
    assert_ptr_equal(ckpt_find(c, "zz"), ckpt_tensor(c, 1));
    assert_null(ckpt_find(c, "z"));
    ckpt_release_pages(c);
    ckpt_close(&c);
}

static void shards_open(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    put_shard("real-2", "b");
    assert_int_equal(symlink("real-2", in_folder("2.safetensors")), 0);
    put_shard("1.safetensors", "a");
    put_text("model.safetensors.index.json",
             "{\"weight_map\":{\"b\":\"2.safetensors\",\"a\":\"1.safetensors\",\"unlisted\":\"1.safetensors\"}}");
    assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
    assert_int_equal(ckpt_count(c), 3);
    assert_true(*(const float *)ckpt_find(c, "b")->data == 7);
    assert_non_null(ckpt_find(c, "a"));
    ckpt_close(&c);
}

/* Old, swapped and short indexes: what a shard holds is found by its name, and the first sentence says so. */
static void indexes_may_be_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *map;
        uint32_t count;
        bool noted;
    } rows[] = {
        {"{\"a\":\"1\",\"b\":\"2\",\"unlisted\":\"2\"}", 3, false},
        {"{\"a\":\"2\",\"b\":\"1\",\"unlisted\":\"1\"}", 3, true},             /* swapped */
        {"{\"a\":\"1\",\"b\":\"2\"}", 3, true},                                /* short */
        {"{\"a\":\"1\",\"b\":\"2\",\"unlisted\":\"1\",\"c\":\"1\"}", 3, true}, /* old */
        {"{\"c\":\"1\"}", 2, true},
    };
    put_model();
    put_shard("1", "a");
    put_shard("2", "b");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ckpt *c = NULL;
        char text[300];
        snprintf(text, sizeof text, "{\"metadata\":null,\"weight_map\":%s}", rows[i].map);
        put_text("model.safetensors.index.json", text);
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
        assert_int_equal(ckpt_count(c), rows[i].count);
        assert_non_null(ckpt_find(c, "a"));
        assert_non_null(ckpt_find(c, "unlisted"));
        assert_null(ckpt_find(c, "c"));
        assert_int_equal(ckpt_note(c) != NULL, rows[i].noted);
        ckpt_close(&c);
    }
}

static const char *found_weights(const char *chosen)
{
    static char path[PATH_MAX];
    enum ckpt_found_by by;
    if (ckpt_find_weights(folder, chosen, path, &by, &error) != PLN_OK)
        return error.message;
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

/* The order of files, and each way to name one. */
static void weights_are_found(void **state)
{
    (void)state;
    static const char *const order[] = {
        "flax_model.msgpack", "tf_model.h5.index.json",       "tf_model.h5",      "pytorch_model.bin.index.json",
        "pytorch_model.bin",  "model.safetensors.index.json", "model.safetensors"};
    put_text("optimizer.pt", "");
    put_text("training_args.bin", "");
    assert_string_equal(found_weights(NULL), "");
    put_text("old.index", "");
    assert_string_equal(found_weights(NULL), "old.index");
    put_text("model.ckpt-900.index", "");
    put_text("model.ckpt-1000.index", "");
    put_text("model.ckpt-x.index", "");
    assert_string_equal(found_weights(NULL), "model.ckpt-1000.index"); /* the highest step */
    put_text("checkpoint", "model_checkpoint_path: \"/of/another/machine/model.ckpt-900\"\n");
    assert_string_equal(found_weights(NULL), "model.ckpt-900.index");
    put_text("checkpoint", "model_checkpoint_path: \"/of/another/machine/model.ckpt-5\"\n");
    assert_string_equal(found_weights(NULL), "model.ckpt-1000.index");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        put_text(order[i], "");
        assert_string_equal(found_weights(NULL), order[i]);
    }
    assert_string_equal(found_weights("pytorch_model.bin"), "pytorch_model.bin");
    assert_string_equal(found_weights(in_folder("tf_model.h5")), "tf_model.h5");
    assert_string_equal(found_weights("model.ckpt-900"), "model.ckpt-900.index");
    put_text("model.ckpt-900.data-00000-of-00001", "");
    assert_string_equal(found_weights("model.ckpt-900.data-00000-of-00001"), "model.ckpt-900.index");
    assert_non_null(strstr(found_weights("absent.bin"), "absent.bin: the weights that were chosen"));
}

/* MODEL may be a file in a directory, or the prefix of a bundle. */
static void a_model_may_be_a_file(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    put_shard("model.safetensors", "a");
    put_shard("other", "b");
    assert_int_equal(ckpt_open(in_folder("other"), NULL, 0, &c, &error), PLN_OK);
    assert_non_null(ckpt_find(c, "b"));
    assert_string_equal(ckpt_directory(c), folder);
    ckpt_close(&c);
    assert_int_equal(ckpt_open(folder, "other", 0, &c, &error), PLN_OK);
    assert_non_null(ckpt_find(c, "b"));
    assert_true(ckpt_has_config(c));
    ckpt_close(&c);
    unlink(in_folder("config.json"));
    assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
    assert_false(ckpt_has_config(c));
    assert_int_equal(json_object_size(ckpt_config(c)), 0);
    ckpt_close(&c);
    char directory[PATH_MAX], file[PATH_MAX];
    put_text("model.ckpt-7.index", "");
    assert_int_equal(ckpt_find_model(in_folder("model.ckpt-7"), directory, file, &error), PLN_OK);
    assert_string_equal(directory, folder);
    assert_string_equal(file, in_folder("model.ckpt-7"));
}

static void bad_directories_are_refused(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    const struct {
        const char *name, *text; /* one more file */
        const char *sentence;
    } steps[] = {
        {"nothing", "", "config.json: cannot be opened"},
        {"config.json", "{\n\n\"a\": tru}", "config.json: line 3: "},
        {"config.json", "[]", "not a JSON object"},
        {"config.json", "{\"a\": \"\xff\"}", "config.json: line 1: unable to decode"},
        {"config.json", "{\"a\": 1}", "holds no weights"},
        {"flax_model.msgpack", "", "flax_model.msgpack: the file is empty"},
        {"tf_model.h5", "", "tf_model.h5: the file is empty"},
        {"pytorch_model.bin", "", "pytorch_model.bin: the file is empty"},
        {"model.safetensors.index.json", "{}", "has no weight_map"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":3}}", "tensor 'a': its shard is not a string"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"../x\"}}", "'../x' is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"b/..\"}}", "'b/..' is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"\"}}", "is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"..x\"}}", "..x: cannot be opened"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":null}}", "tensor 'a': its shard is not a string"},
        {"model.safetensors.index.json", "{\"weight_map\":{}}", "names no shard"},
        {"model.safetensors.index.json", "{\"weight_map\":[\"s\"]}", "has no weight_map"},
    };
    put_shard("s", "b");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put_text(steps[i].name, steps[i].text);
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_BAD_MODEL);
        assert_null(c);
        if (!strstr(error.message, steps[i].sentence))
            fail_msg("'%s' lacks '%s'", error.message, steps[i].sentence);
    }
    assert_int_equal(ckpt_open(in_folder("absent"), NULL, 0, &c, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "absent"));
    assert_int_equal(ckpt_open(in_folder("config.json"), NULL, 0, &c, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "config.json: not a file of weights, but a JSON text"));
}

/* What a sentence names where no model is found. */
static void lost_models_are_named(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    static const struct {
        const char *name; /* one more file */
        const char *with, *without;
    } steps[] = {
        {"config.json", "one of their indexes, or a bundle)", "but"},
        {"optimizer.pt", "or a bundle)", "optimizer.pt"},
        {"last.ckpt", ", but last.ckpt: a file of another name is read if it is chosen", NULL},
        {"b.pth", ", but b.pth, last.ckpt: ", NULL},
        {"c.bin", ", but b.pth, c.bin, last.ckpt: ", NULL},
        {"d.h5", ", but b.pth, c.bin, d.h5, ...: ", NULL},
        {"model-00001-of-00002.safetensors", "holds shards of weights (model-00001-of-00002.safetensors), and not",
         "b.pth"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put_text(steps[i].name, "{}");
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_BAD_MODEL);
        if (!strstr(error.message, steps[i].with) || (steps[i].without && strstr(error.message, steps[i].without)))
            fail_msg("'%s' at %s", error.message, steps[i].name);
    }
    remove_files(state);
    static const char *const folders[] = {"snapshots", "snapshots/abc", "step-10", "step-9"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(mkdir(in_folder(folders[i]), 0700), 0);
        char config[64];
        snprintf(config, sizeof config, "%s/config.json", folders[i]);
        if (i)
            put_text(config, "{}");
        const char *sentence[] = {"config.json: cannot be opened", "models are in its folder snapshots: abc",
                                  "holds no model, but its folders do: step-10", "folders do: step-9, step-10"};
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_BAD_MODEL);
        if (!strstr(error.message, sentence[i]))
            fail_msg("'%s' lacks '%s'", error.message, sentence[i]);
    }
    for (size_t i = 4; i-- > 0;) {
        char config[64];
        snprintf(config, sizeof config, "%s/config.json", folders[i]);
        remove(in_folder(config));
        assert_int_equal(rmdir(in_folder(folders[i])), 0);
    }
}

static void weights_may_be_absent(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    assert_int_equal(ckpt_open(folder, NULL, CKPT_MAY_LACK_WEIGHTS, &c, &error), PLN_OK);
    assert_false(ckpt_has_weights(c));
    assert_int_equal(ckpt_count(c), 0);
    assert_null(ckpt_find(c, "a"));
    ckpt_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_single_file_opens, remove_files),
        cmocka_unit_test_teardown(shards_open, remove_files),
        cmocka_unit_test_teardown(indexes_may_be_wrong, remove_files),
        cmocka_unit_test_teardown(weights_are_found, remove_files),
        cmocka_unit_test_teardown(a_model_may_be_a_file, remove_files),
        cmocka_unit_test_teardown(bad_directories_are_refused, remove_files),
        cmocka_unit_test_teardown(lost_models_are_named, remove_files),
        cmocka_unit_test_teardown(weights_may_be_absent, remove_files),
    };
    return run_in_folder(tests);
}
