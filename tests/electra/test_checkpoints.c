/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories as PyTorch, TensorFlow, Flax and Google's code write them: test_checkpoints SET FORMATS DEVICES
 * [OPTION...]. Every tensor has the bits that were put in, under its PyTorch name, and the model answers as PyTorch does
 * in double precision; what is hostile or broken is refused. SET is what tests/checkpoint/make_checkpoints.py writes;
 * cases of other formats than FORMATS (separated by ',') are left out, but for those in safetensors.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/on_devices.h"

#include "checkpoint/checkpoint.h"
#include "common/half.h"
#include "electra/names.h"

enum { MOST_CASES = 256, MOST_INPUTS = 5 };

static const char *folder;
static json_t *manifest;

/* A model with a head, and how it is asked for. */
struct wanted {
    const char *directory, *model, *head;
    const json_t *options; /* of the case */
    pln_part part;
    uint32_t heads;
};

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static pln_tensor_file *open_file(const struct wanted *w, const char *what, bool must_be)
{
    char path[600];
    pln_error error;
    pln_tensor_file *file = NULL;
    snprintf(path, sizeof path, "%s/models/%s/%s", folder, w->model, what);
    const pln_status status = pln_tensor_file_open(path, &file, &error);
    if (must_be)
        must(status, &error);
    return file;
}

/* ---- bits */

static uint64_t expected_bits(const pln_tensor *t, uint64_t i, pln_dtype dtype)
{
    float value;
    uint32_t bits;
    memcpy(&value, (const float *)t->data + i, sizeof value);
    memcpy(&bits, &value, sizeof bits);
    if (dtype == PLN_F64) {
        const double wide = (double)value;
        uint64_t wide_bits;
        memcpy(&wide_bits, &wide, sizeof wide);
        return wide_bits;
    }
    return dtype == PLN_F16 ? float_to_half(value) : dtype == PLN_BF16 ? float_to_bfloat(value) : bits;
}

static pln_dtype dtype_of(const struct wanted *w)
{
    const char *dtype = text_of(w->options, "dtype");
    return !dtype                          ? PLN_F32
           : strcmp(dtype, "float16") == 0 ? PLN_F16
           : strcmp(dtype, "float64") == 0 ? PLN_F64
                                           : PLN_BF16;
}

static void compare_bits(const struct electra_names *names, const pln_tensor *expected, pln_dtype dtype)
{
    const struct electra_name *name = electra_names_find(names, expected->name);
    if (!name)
        fail_msg("there is no %s", expected->name);
    const struct weight weight = electra_name_weight(name);
    const uint64_t n = pln_tensor_elements(expected);
    assert_int_equal(weight.dtype, dtype);
    assert_int_equal(weight.rank, expected->rank);
    for (uint32_t i = 0; i < weight.rank; i++)
        assert_int_equal(weight.shape[i], expected->shape[i]);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t bits = 0;
        weight_copy(&weight, i, 1, &bits);
        if (bits != expected_bits(expected, i, dtype))
            fail_msg("%s: element %llu has other bits", expected->name, (unsigned long long)i);
    }
}

static void check_bits(const struct wanted *w)
{
    struct ckpt *checkpoint;
    struct electra_names names;
    pln_error error;
    char own[100];
    must(ckpt_open(w->directory, NULL, 0, &checkpoint, &error), &error);
    must(electra_names_init(&names, checkpoint, w->part, &error), &error);
    snprintf(own, sizeof own, "%s.tensors.safetensors", w->head);
    pln_tensor_file *files[] = {open_file(w, "tensors.safetensors", true), open_file(w, own, false)};
    for (size_t i = 0; i < 2; i++) {
        uint32_t n = 0;
        const pln_tensor *all = files[i] ? pln_tensor_file_tensors(files[i], &n) : NULL;
        for (uint32_t j = 0; j < n; j++)
            compare_bits(&names, &all[j], dtype_of(w));
        pln_tensor_file_close(&files[i]);
    }
    electra_names_finish(&names);
    ckpt_close(&checkpoint);
}

/* ---- answers */

static const struct {
    const char *name;
    const char *inputs[4]; /* of the file, NULL behind the last */
    bool labels;
} variants[] = {
    {"full", {"input_ids", "attention_mask", "token_type_ids", NULL}, false},
    {"bare", {"input_ids", NULL}, false},
    {"dark", {"input_ids", "attention_mask_dark", "token_type_ids", NULL}, false},
    {"labels", {"input_ids", "attention_mask", "token_type_ids", NULL}, true},
};

static const pln_tensor *find(const pln_tensor_file *file, const char *name)
{
    uint32_t n;
    const pln_tensor *all = pln_tensor_file_tensors(file, &n);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

static void add_input(pln_tensor *inputs, uint32_t *n, const pln_tensor_file *file, const char *from, const char *name)
{
    const pln_tensor *tensor = find(file, from);
    assert_non_null(tensor);
    inputs[*n] = *tensor;
    inputs[(*n)++].name = name;
}

static uint32_t choose_inputs(const struct wanted *w, size_t variant, const pln_tensor_file *file, pln_tensor *inputs)
{
    uint32_t n = 0;
    char labels[64];
    for (size_t i = 0; variants[variant].inputs[i]; i++) {
        const char *from = variants[variant].inputs[i];
        add_input(inputs, &n, file, from, strcmp(from, "attention_mask_dark") == 0 ? "attention_mask" : from);
        if (strcmp(w->head, "multiple-choice") != 0)
            continue;
        pln_tensor *t = &inputs[n - 1]; /* one example of three choices */
        memmove(t->shape + 1, t->shape, 2 * sizeof *t->shape);
        t->shape[0] = 1;
        t->rank = 3;
    }
    if (variants[variant].labels && strcmp(w->head, "question-answering") == 0) {
        add_input(inputs, &n, file, "labels.start", "start_positions");
        add_input(inputs, &n, file, "labels.end", "end_positions");
    } else if (variants[variant].labels) {
        snprintf(labels, sizeof labels, "labels.%s", w->head);
        add_input(inputs, &n, file, labels, "labels");
    }
    return n;
}

static double real(const pln_tensor *t, uint64_t i)
{
    return t->dtype == PLN_F64 ? ((const double *)t->data)[i] : (double)((const float *)t->data)[i];
}

static void compare_answer(const char *variant, const pln_tensor *found, const pln_tensor_file *expected,
                           double tolerance)
{
    char name[100];
    snprintf(name, sizeof name, "pt64/%s/%s", variant, found->name);
    const pln_tensor *e = find(expected, name);
    if (!e) /* a loss beside logits that nobody recorded */
        return;
    assert_int_equal(pln_tensor_elements(found), pln_tensor_elements(e));
    for (uint64_t i = 0; i < pln_tensor_elements(e); i++)
        if (!(fabs(real(found, i) - real(e, i)) <= tolerance * (1 + fabs(real(e, i)))))
            fail_msg("%s: element %llu is %.9g, expected %.9g", name, (unsigned long long)i, real(found, i),
                     real(e, i));
}

/* Weights in half precision are others than those that the answers were recorded with. */
static void check_answers(const struct wanted *w)
{
    char outputs_file[100];
    pln_error error;
    pln_model *model;
    pln_session *session;
    if (dtype_of(w) == PLN_F16 || dtype_of(w) == PLN_BF16)
        return;
    snprintf(outputs_file, sizeof outputs_file, "%s.outputs.safetensors", w->head);
    pln_tensor_file *inputs = open_file(w, "inputs.safetensors", true), *expected = open_file(w, outputs_file, true);
    must(pln_model_open(runtime, w->directory, PLN_OPTIONS(pln_model_options, .part = w->part, .heads = w->heads),
                        &model, &error),
         &error);
    pln_session_options options = {.size = sizeof options, .every_position = true};
    assert_true(pln_head_find(w->head, &options.head));
    must(pln_session_create(model, devices, &options, &session, &error), &error);
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        pln_tensor in[MOST_INPUTS];
        const pln_tensor *out;
        uint32_t n_out;
        if (variants[i].labels && strcmp(w->head, "model") == 0)
            continue;
        const uint32_t n = choose_inputs(w, i, inputs, in);
        must(pln_session_forward(session, in, n, &out, &n_out, &error), &error);
        /* Where the first key is masked in a causal row, no agreement is asked for. */
        for (uint32_t j = 0; j < n_out; j++)
            compare_answer(variants[i].name, &out[j], expected, 1e-5);
    }
    pln_session_destroy(&session);
    pln_model_close(&model);
    pln_tensor_file_close(&inputs);
    pln_tensor_file_close(&expected);
}

/* ---- cases */

static void check(const struct wanted *w)
{
    check_bits(w);
    check_answers(w);
}

static void check_refusal(const char *directory)
{
    pln_error error = {.message = ""};
    pln_model *model = NULL;
    const pln_status status = pln_model_open(runtime, directory, NULL, &model, &error);
    assert_null(model);
    assert_int_equal(status, PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, directory));
}

/* Each half that the case lists; heads: what no shape of a bundle says. */
static void check_parts(struct wanted w, json_t *parts)
{
    const char *part;
    json_t *model;
    json_object_foreach(parts, part, model)
    {
        w.part = strcmp(part, "generator") == 0 ? PLN_PART_GENERATOR : PLN_PART_DISCRIMINATOR;
        w.model = json_string_value(json_array_get(model, 0));
        w.head = json_string_value(json_array_get(model, 1));
        const json_t *config = json_object_get(json_object_get(manifest, "models"), w.model);
        w.heads = (uint32_t)json_integer_value(json_object_get(config, "num_attention_heads"));
        check(&w);
    }
}

static void replay(void **state)
{
    const json_t *one = *state;
    char directory[512];
    snprintf(directory, sizeof directory, "%s/cases/%s", folder, text_of(one, "name"));
    const struct wanted w = {.directory = directory,
                             .model = text_of(one, "model"),
                             .head = text_of(one, "head"),
                             .options = json_object_get(one, "options")};
    json_t *parts = json_object_get(one, "parts");
    const char *expect = text_of(one, "expect");
    if (expect && strcmp(expect, "error") == 0)
        check_refusal(directory);
    else if (parts)
        check_parts(w, parts);
    else
        check(&w);
}

/* Whether a word of the list is the format of the case, or it is of safetensors. */
static bool is_read(const json_t *one, const char *formats)
{
    const char *format = text_of(one, "format");
    const size_t n = strlen(format);
    if (json_is_true(json_object_get(json_object_get(one, "options"), "safe")))
        return true;
    for (const char *at = formats; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, format, n) == 0 && (at[n] == ',' || !at[n]))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MOST_CASES];
    char path[512];
    size_t n = 0, i;
    json_t *one;
    if (argc < 4)
        return 2;
    folder = argv[1];
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    manifest = json_load_file(path, 0, NULL);
    json_array_foreach(json_object_get(manifest, "cases"), i, one)
    {
        if (n < MOST_CASES && is_read(one, argv[2]))
            tests[n++] = (struct CMUnitTest){text_of(one, "name"), replay, NULL, NULL, one};
    }
    const int code = run_on_devices(tests, n, argc - 3, argv + 3);
    json_decref(manifest);
    return code;
}
