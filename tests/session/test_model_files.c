/* SPDX-License-Identifier: Apache-2.0
 *
 * What files say decides what a session does: which matrices are tied, which tensors and fields stop a run, how masks
 * are stretched, and that a file which shrinks under a run is told.
 */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"
#include "tests/noise.h"

enum { V = 20, E = 8, HEADS = 2, INNER = 12, LENGTH = 5, ROWS = 2, MOST_LOGITS = ROWS * LENGTH * V };

static char folder[] = "/tmp/pleione-files-XXXXXX";
static char logged[4096];
static pln_runtime *runtime;
static pln_devices *devices;

static void keep_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    (void)level;
    const size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%s\n", message);
}

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

/* ---- a model of noise */

static pln_tensor weights[64];
static uint32_t n_weights;

static void add(const char *name, uint32_t rows, uint32_t width)
{
    pln_tensor t = *noise_tensor(name, rows ? rows : 1, width, 1);
    if (!rows) {
        t.rank = 1;
        t.shape[0] = width;
    }
    weights[n_weights++] = t;
}

static void add_dense(const char *names[2], uint32_t rows, uint32_t width)
{
    add(names[0], rows, width);
    add(names[1], 0, rows);
}

#define PAIR(name) ((const char *[]){name ".weight", name ".bias"})
#define LAYER "electra.encoder.layer.0."

static void add_attention(const char *names[8])
{
    for (int i = 0; i < 8; i += 2)
        add_dense(names + i, E, E);
}

#define ATTENTION(name)                                                                                                \
    ((const char *[]){LAYER name ".self.query.weight", LAYER name ".self.query.bias", LAYER name ".self.key.weight",   \
                      LAYER name ".self.key.bias", LAYER name ".self.value.weight", LAYER name ".self.value.bias",     \
                      LAYER name ".output.dense.weight", LAYER name ".output.dense.bias"})

static void add_norm(const char *names[2])
{
    add(names[0], 0, E);
    add(names[1], 0, E);
}

/* The encoder without its word table, and the generator's head without its matrix. */
static void begin_model(void)
{
    noise_begin();
    n_weights = 0;
    add("electra.embeddings.position_embeddings.weight", 16, E);
    add("electra.embeddings.token_type_embeddings.weight", 2, E);
    add_norm(PAIR("electra.embeddings.LayerNorm"));
    add_attention(ATTENTION("attention"));
    add_norm(PAIR(LAYER "attention.output.LayerNorm"));
    add_dense(PAIR(LAYER "intermediate.dense"), INNER, E);
    add_dense(PAIR(LAYER "output.dense"), E, INNER);
    add_norm(PAIR(LAYER "output.LayerNorm"));
    add_dense(PAIR("generator_predictions.dense"), E, E);
    add_norm(PAIR("generator_predictions.LayerNorm"));
    add("generator_lm_head.bias", 0, V);
}

/* Noise that hangs on the number alone. */
static void add_table(const char *name, uint32_t number)
{
    add(name, V, E);
    float *data = (float *)(uintptr_t)weights[n_weights - 1].data;
    for (int i = 0; i < V * E; i++)
        data[i] = noise(&number);
}

#define TABLE "electra.embeddings.word_embeddings.weight"
#define MATRIX "generator_lm_head.weight"

static void write_model(const char *more)
{
    pln_error error;
    FILE *file = fopen(in_folder("config.json"), "w");
    assert_non_null(file);
    fprintf(file,
            "{\"vocab_size\": 20, \"embedding_size\": 8, \"hidden_size\": 8, \"num_attention_heads\": 2, "
            "\"intermediate_size\": 12, \"num_hidden_layers\": 1, \"max_position_embeddings\": 16%s}",
            more);
    fclose(file);
    must(pln_tensor_file_write(in_folder("model.safetensors"), weights, n_weights, &error), &error);
}

/* In the header of the file, a text by one as long. */
static void patch(const char *from, const char *to)
{
    static char bytes[1 << 16];
    FILE *file = fopen(in_folder("model.safetensors"), "rb+");
    const size_t n = fread(bytes, 1, sizeof bytes, file);
    for (size_t i = 0; i + strlen(from) <= n; i++)
        if (memcmp(bytes + i, from, strlen(from)) == 0) {
            memcpy(bytes + i, to, strlen(to));
            rewind(file);
            assert_int_equal(fwrite(bytes, 1, n, file), n);
            fclose(file);
            return;
        }
    fail_msg("%s is not in the file", from);
}

/* ---- a run */

static const int64_t ids[ROWS * LENGTH] = {2, 7, 1, 19, 3, 4, 4, 0, 11, 5};
static const pln_tensor input_ids = {"input_ids", PLN_I64, 2, {ROWS, LENGTH}, ids};

/* ids and one more input; the first output, and how many elements it has. */
static pln_status forward(const char *directory, pln_head head, const pln_tensor *more, float *out, uint64_t *n,
                          pln_error *error)
{
    pln_model *model = NULL;
    pln_session *session = NULL;
    const pln_tensor inputs[] = {input_ids, more ? *more : input_ids}, *outputs;
    const pln_session_options options = {.size = sizeof options, .head = head};
    uint32_t n_outputs;
    logged[0] = '\0';
    pln_status status = pln_model_open(runtime, directory, NULL, &model, error);
    if (status == PLN_OK)
        status = pln_session_create(model, devices, &options, &session, error);
    if (status == PLN_OK)
        status = pln_session_forward(session, inputs, more ? 2 : 1, &outputs, &n_outputs, error);
    if (status == PLN_OK) {
        *n = pln_tensor_elements(outputs);
        assert_true(*n <= MOST_LOGITS);
        memcpy(out, outputs->data, *n * sizeof *out);
    }
    if (session)
        pln_session_destroy(&session);
    if (model)
        pln_model_close(&model);
    return status;
}

static void run(pln_head head, const pln_tensor *more, float *out)
{
    pln_error error;
    uint64_t n = 0;
    memset(out, 0, MOST_LOGITS * sizeof *out);
    must(forward(folder, head, more, out, &n, &error), &error);
}

/* ---- tied or not */

static void the_file_says_what_is_tied(void **state)
{
    (void)state;
    static float tied[MOST_LOGITS], out[MOST_LOGITS], apart[MOST_LOGITS];
    static const pln_head heads[] = {PLN_HEAD_MASKED_LM, PLN_HEAD_CAUSAL_LM};
    for (int i = 0; i < 2; i++) {
        begin_model();
        add_table(TABLE, 1);
        write_model("");
        run(heads[i], NULL, tied);
        assert_null(strstr(logged, MATRIX));
        add_table(MATRIX, 1); /* the same once more */
        write_model("");
        run(heads[i], NULL, out);
        assert_memory_equal(out, tied, sizeof out);
        assert_null(strstr(logged, MATRIX));
        add_table(MATRIX, 2);
        weights[n_weights - 2] = weights[n_weights - 1];
        n_weights--;
        write_model("");
        run(heads[i], NULL, apart);
        assert_memory_not_equal(apart, tied, sizeof apart);
        assert_non_null(strstr(logged, MATRIX ": differs from the word table"));
        write_model(", \"tie_word_embeddings\": false");
        run(heads[i], NULL, out);
        assert_memory_equal(out, apart, sizeof out);
        assert_null(strstr(logged, MATRIX));
        begin_model();
        add_table(MATRIX, 1); /* alone: it is the table too */
        write_model("");
        run(heads[i], NULL, out);
        assert_memory_equal(out, tied, sizeof out);
        assert_null(strstr(logged, MATRIX));
        begin_model();
        add_table(TABLE, 1);
        write_model(", \"tie_word_embeddings\": false");
        run(heads[i], NULL, out);
        assert_memory_not_equal(out, tied, sizeof out);
        assert_non_null(strstr(logged, "drawn at random, because the weights lack them: " MATRIX));
    }
}

/* One step on the model in the folder, saved; which of the two matrices it holds then. */
static void train(const char *to, bool *table, bool *matrix)
{
    pln_trainer_options options = PLN_TRAINER_DEFAULTS;
    options.head = PLN_HEAD_MASKED_LM;
    const pln_tensor inputs[] = {input_ids, {"labels", PLN_I64, 2, {ROWS, LENGTH}, ids}};
    pln_model *model;
    pln_trainer *trainer;
    pln_trainer_report report = {.size = sizeof report};
    pln_tensor_file *file;
    pln_error error;
    uint32_t n;
    must(pln_model_open(runtime, folder, NULL, &model, &error), &error);
    must(pln_trainer_create(model, devices, &options, &trainer, &error), &error);
    must(pln_trainer_step(trainer, inputs, 2, &report, &error), &error);
    must(pln_trainer_save(trainer, to, &error), &error);
    pln_trainer_destroy(&trainer);
    pln_model_close(&model);
    char path[256];
    snprintf(path, sizeof path, "%s/model.safetensors", to);
    must(pln_tensor_file_open(path, &file, &error), &error);
    const pln_tensor *all = pln_tensor_file_tensors(file, &n);
    *table = *matrix = false;
    for (uint32_t i = 0; i < n; i++) {
        *table |= strcmp(all[i].name, TABLE) == 0;
        *matrix |= strcmp(all[i].name, MATRIX) == 0;
        for (uint32_t j = 0; j < n_weights; j++) /* nothing is saved as it was before the step */
            if (strcmp(all[i].name, weights[j].name) == 0 && strstr(all[i].name, "embeddings.word"))
                assert_memory_not_equal(all[i].data, weights[j].data, V * E * sizeof(float));
    }
    pln_tensor_file_close(&file);
}

static void remove_saved(const char *path)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

static void training_keeps_both_matrices(void **state)
{
    (void)state;
    static float out[MOST_LOGITS];
    const char *to = in_folder("saved");
    char path[128];
    bool table, matrix;
    pln_error error;
    uint64_t n;
    snprintf(path, sizeof path, "%s", to);
    for (int kind = 0; kind < 3; kind++) {
        begin_model();
        if (kind < 2)
            add_table(TABLE, 1);
        add_table(MATRIX, kind ? 1 : 2); /* apart; the same twice; the matrix alone */
        write_model("");
        train(path, &table, &matrix);
        assert_true(table);
        assert_int_equal(matrix, kind == 0);
        must(forward(path, PLN_HEAD_MASKED_LM, NULL, out, &n, &error), &error);
        assert_null(strstr(logged, MATRIX)); /* the saved config says what the saved file holds */
        remove_saved(path);
    }
}

static void what_a_source_needs_is_not_unused(void **state)
{
    (void)state;
    static float out[MOST_LOGITS];
    begin_model();
    add_table(TABLE, 1);
    add_attention(ATTENTION("crossattention"));
    add_norm(PAIR(LAYER "crossattention.output.LayerNorm"));
    write_model(", \"is_decoder\": true, \"add_cross_attention\": true");
    run(PLN_HEAD_CAUSAL_LM, NULL, out);
    assert_null(strstr(logged, "not used"));
    run(PLN_HEAD_MASKED_LM, NULL, out);
    assert_non_null(strstr(logged, "not used by this head: " LAYER "crossattention"));
}

/* ---- what stops a run */

static void only_what_is_read_stops_a_run(void **state)
{
    (void)state;
    static float out[MOST_LOGITS];
    pln_error error;
    uint64_t n;
    begin_model();
    add_table(TABLE, 1);
    add("unused", 1, 1);
    write_model(
        ", \"summary_type\": 5, \"eos_token_id\": [1, 2], \"classifier_dropout\": NaN, \"id2label\": {\"1\": 3}");
    patch("\"unused\":{\"dtype\":\"F32\"", "\"unused\":{\"dtype\":\"U32\"");
    run(PLN_HEAD_MASKED_LM, NULL, out);
    assert_non_null(strstr(logged, "not used by this head: unused"));
    assert_int_equal(forward(folder, PLN_HEAD_MULTIPLE_CHOICE, NULL, out, &n, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "summary_type"));
    patch("\"generator_predictions.dense.bias\":{\"dtype\":\"F32\"",
          "\"generator_predictions.dense.bias\":{\"dtype\":\"U32\"");
    run(PLN_HEAD_MODEL, NULL, out);
    assert_int_equal(forward(folder, PLN_HEAD_MASKED_LM, NULL, out, &n, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "generator_predictions.dense.bias: expected floats [8], found U32 of 1"));
}

/* The head's tensor decides between num_labels and id2label. */
static void the_weights_count_the_labels(void **state)
{
    (void)state;
    static float out[MOST_LOGITS];
    static const char *const configs[] = {
        ", \"id2label\": null",
        "",
        ", \"num_labels\": 2, \"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}",
        ", \"num_labels\": 3, \"id2label\": {\"0\": \"a\", \"1\": \"b\"}",
        ", \"_num_labels\": 3",
        ", \"num_labels\": 3.0"};
    pln_error error;
    uint64_t n;
    begin_model();
    add_table(TABLE, 1);
    add_dense(PAIR("classifier"), 3, E);
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        write_model(configs[i]);
        must(forward(folder, PLN_HEAD_TOKEN_CLASSIFICATION, NULL, out, &n, &error), &error);
        assert_int_equal(n, ROWS * LENGTH * 3);
    }
    write_model(", \"num_labels\": 2");
    assert_int_equal(forward(folder, PLN_HEAD_TOKEN_CLASSIFICATION, NULL, out, &n, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "classifier.weight: expected floats [2, 8], found f32 [3, 8]"));
}

/* Configs as people have them: what is taken, with what is said of it (NULL: nothing), and what is refused. */
static void configs_as_people_have_them(void **state)
{
    (void)state;
    static float out[MOST_LOGITS];
    static const struct {
        const char *more, *said;
        bool refused;
    } configs[] = {
        {", \"id2label\": [\"a\", \"b\", \"c\"]", "id2label is a list", false},
        {", \"id2label\": {\"0\": \"a\", \"1\": \"b\", \"7\": \"c\"}", NULL, false},
        {", \"torch_dtype\": \"float16\"", NULL, false},
        {", \"dtype\": \"torch.bfloat16\"", NULL, false},
        {", \"torch_dtype\": \"floaty\"", "its dtype is none that is known", false},
        {", \"model_type\": \"bert\", \"architectures\": null", "model_type is another", false},
        {", \"unread\": NaN, \"other\": -Infinity", NULL, false},
        {", \"hidden_act\": \"gelu\", \"hidden_act\": \"relu\"", NULL, false},
        {", \"hidden_size\": 8.0", NULL, false},
        {", \"summary_activation\": null, \"directionality\": \"bidi\", \"output_past\": true", NULL, false},
        {", \"embedding_size\": null, \"hidden_size\": null", "config.json lacks sizes", false},
        {", \"vocab_size\": 9999", "expected floats [9999, 8], found f32 [20, 8]", true},
        {", \"layer_norm_eps\": NaN", "layer_norm_eps is \"NaN\"", true},
        {", \"layer_norm_eps\": \"1e-12\"", "layer_norm_eps is \"1e-12\", expected a number", true},
        {", \"hidden_size\": \"8\"", "hidden_size is \"8\"", true},
        {", \"hidden_size\": 8.5", "hidden_size is 8.5", true},
        {", \"num_attention_heads\": 3", "hidden_size 8 is not a multiple of num_attention_heads 3", true},
        {",", "config.json: line 1", true},
    };
    pln_error error;
    uint64_t n;
    begin_model();
    add_table(TABLE, 1);
    add_dense(PAIR("classifier"), 3, E);
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        write_model(configs[i].more);
        const pln_status status = forward(folder, PLN_HEAD_TOKEN_CLASSIFICATION, NULL, out, &n, &error);
        const char *told = configs[i].refused ? error.message : logged;
        if (status != (configs[i].refused ? PLN_BAD_MODEL : PLN_OK))
            fail_msg("%s: %s", configs[i].more, error.message);
        if (configs[i].said ? !strstr(told, configs[i].said) : strstr(told, "config.json") != NULL)
            fail_msg("%s: '%s'", configs[i].more, told);
    }
}

/* ---- what is stretched */

/* x [shape] as [full], sides of 1 repeated; elements of `bytes`. */
static void stretch(const pln_tensor *x, const uint64_t full[4], size_t bytes, char *out)
{
    uint64_t at[4], total = full[0] * full[1] * full[2] * full[3];
    for (uint64_t i = 0; i < total; i++) {
        uint64_t rest = i, place = 0;
        for (int k = 3; k >= 0; k--) {
            at[k] = rest % full[k];
            rest /= full[k];
        }
        for (int k = 0; k < 4; k++)
            place = place * x->shape[k] + (x->shape[k] == 1 ? 0 : at[k]);
        memcpy(out + i * bytes, (const char *)x->data + place * bytes, bytes);
    }
}

static void masks_are_stretched(void **state)
{
    (void)state;
    static const uint64_t shapes[][4] = {{1, 1, LENGTH, LENGTH},    {ROWS, 1, 1, LENGTH}, {1, HEADS, LENGTH, LENGTH},
                                         {ROWS, HEADS, 1, LENGTH},  {1, 1, 1, LENGTH},    {ROWS, 1, LENGTH, 1},
                                         {ROWS, 1, LENGTH, LENGTH}, {1, 1, 1, 1}};
    static const uint64_t full[4] = {ROWS, HEADS, LENGTH, LENGTH};
    enum { MOST = ROWS * HEADS * LENGTH * LENGTH };
    static float floats[MOST], wide[MOST], out[MOST_LOGITS], expected[MOST_LOGITS];
    static unsigned char bools[MOST], wide_bools[MOST];
    uint32_t seed = 3;
    for (int i = 0; i < MOST; i++) {
        floats[i] = noise(&seed) * 6;
        bools[i] = noise(&seed) > -0.2f;
    }
    begin_model();
    add_table(TABLE, 1);
    write_model("");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = 0; kind < 2; kind++) {
            void *const data[] = {floats, bools}, *const wide_data[] = {wide, wide_bools};
            pln_tensor mask = {"attention_mask", kind ? PLN_BOOL : PLN_F32, 4, {0}, data[kind]};
            memcpy(mask.shape, shapes[i], sizeof shapes[i]);
            pln_tensor stretched = {"attention_mask", mask.dtype, 4, {0}, wide_data[kind]};
            memcpy(stretched.shape, full, sizeof full);
            stretch(&mask, full, kind ? 1 : sizeof(float), wide_data[kind]);
            run(PLN_HEAD_MODEL, &mask, out);
            run(PLN_HEAD_MODEL, &stretched, expected);
            assert_memory_equal(out, expected, sizeof out);
        }
}

static void types_and_positions_are_stretched(void **state)
{
    (void)state;
    static const int64_t row[LENGTH] = {0, 1, 1, 0, 1}, column[ROWS] = {1, 0};
    static float out[MOST_LOGITS], expected[MOST_LOGITS];
    int64_t rows[ROWS * LENGTH], columns[ROWS * LENGTH];
    for (int i = 0; i < ROWS * LENGTH; i++) {
        rows[i] = row[i % LENGTH];
        columns[i] = column[i / LENGTH];
    }
    static const char *const names[] = {"token_type_ids", "position_ids"};
    begin_model();
    add_table(TABLE, 1);
    write_model("");
    for (int i = 0; i < 2; i++) {
        const pln_tensor by_row = {names[i], PLN_I64, 2, {1, LENGTH}, row},
                         vector = {names[i], PLN_I64, 1, {LENGTH}, row};
        const pln_tensor by_column = {names[i], PLN_I64, 2, {ROWS, 1}, column};
        const pln_tensor all_rows = {names[i], PLN_I64, 2, {ROWS, LENGTH}, rows};
        const pln_tensor all_columns = {names[i], PLN_I64, 2, {ROWS, LENGTH}, columns};
        run(PLN_HEAD_MODEL, &all_rows, expected);
        run(PLN_HEAD_MODEL, &by_row, out);
        assert_memory_equal(out, expected, sizeof out);
        if (i == 0) {
            run(PLN_HEAD_MODEL, &vector, out);
            assert_memory_equal(out, expected, sizeof out);
        }
        run(PLN_HEAD_MODEL, &all_columns, expected);
        run(PLN_HEAD_MODEL, &by_column, out);
        assert_memory_equal(out, expected, sizeof out);
    }
}

static void what_cannot_be_stretched_is_refused(void **state)
{
    (void)state;
    static const int64_t zeros[256];
    static const pln_tensor wrong[] = {
        {"attention_mask", PLN_I64, 2, {1, LENGTH}, zeros},
        {"attention_mask", PLN_BOOL, 4, {3, 1, LENGTH, LENGTH}, zeros},
        {"attention_mask", PLN_F32, 4, {1, 1, LENGTH, 2}, zeros},
        {"attention_mask", PLN_I64, 4, {1, 1, 1, LENGTH}, zeros},
        {"token_type_ids", PLN_I64, 2, {3, LENGTH}, zeros},
        {"token_type_ids", PLN_I64, 1, {2}, zeros},
        {"position_ids", PLN_I64, 1, {LENGTH}, zeros},
        {"token_type_ids", PLN_I64, 0, {0}, zeros},
        {"token_type_ids", (pln_dtype)0, 2, {ROWS, LENGTH}, zeros},
    };
    static float out[MOST_LOGITS];
    pln_error error;
    uint64_t n;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(forward(folder, PLN_HEAD_MODEL, &wrong[i], out, &n, &error), PLN_INVALID);
        assert_non_null(strstr(error.message, wrong[i].name));
    }
}

/* ---- files that are none, and files that shrink */

/* Nobody writes to the pipe: who waited for it would wait for ever. */
static void a_pipe_is_no_file(void **state)
{
    (void)state;
    static const char *const names[] = {"vocab.txt", "tokenizer.json", "tokenizer_config.json",
                                        "special_tokens_map.json", "added_tokens.json"};
    pln_tokenizer *tokenizer = NULL;
    pln_tensor_file *file = NULL;
    pln_error error;
    for (int i = 0; i < 5; i++) {
        FILE *vocabulary = fopen(in_folder("vocab.txt"), "w");
        fputs("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", vocabulary);
        fclose(vocabulary);
        unlink(in_folder(names[i]));
        assert_int_equal(mkfifo(in_folder(names[i]), 0600), 0);
        assert_int_equal(pln_tokenizer_open(folder, NULL, &tokenizer, &error), PLN_BAD_MODEL);
        if (!strstr(error.message, names[i]) || !strstr(error.message, "not a regular file"))
            fail_msg("%s: %s", names[i], error.message);
        assert_int_equal(pln_tensor_file_open(in_folder(names[i]), &file, &error), PLN_INVALID);
        unlink(in_folder(names[i]));
        unlink(in_folder("vocab.txt"));
    }
    assert_int_equal(pln_tensor_file_open("/dev/zero", &file, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "/dev/zero: not a regular file"));
}

static void a_file_that_shrinks_ends_the_run(void **state)
{
    (void)state;
    const pln_session_options options = {.size = sizeof options, .head = PLN_HEAD_MODEL};
    pln_model *model;
    pln_session *session;
    pln_tensor_file *file;
    const pln_tensor *outputs;
    pln_error error;
    uint32_t n;
    must(pln_tensor_file_write(in_folder("in.safetensors"), &input_ids, 1, &error), &error);
    must(pln_tensor_file_open(in_folder("in.safetensors"), &file, &error), &error);
    must(pln_model_open(runtime, folder, NULL, &model, &error), &error);
    must(pln_session_create(model, devices, &options, &session, &error), &error);
    const pln_tensor *inputs = pln_tensor_file_tensors(file, &n);
    must(pln_session_forward(session, inputs, n, &outputs, &n, &error), &error);
    must(pln_tensor_file_check(file, &error), &error);
    assert_int_equal(truncate(in_folder("in.safetensors"), 100), 0);
    assert_int_equal(pln_session_forward(session, inputs, 1, &outputs, &n, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "input_ids: its file became shorter"));
    assert_int_equal(pln_tensor_file_check(file, &error), PLN_INVALID);
    must(pln_session_forward(session, &input_ids, 1, &outputs, &n, &error), &error);
    assert_int_equal(truncate(in_folder("model.safetensors"), 4096), 0);
    assert_int_equal(pln_session_forward(session, &input_ids, 1, &outputs, &n, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "model.safetensors: became shorter"));
    pln_session_destroy(&session);
    assert_int_equal(pln_session_create(model, devices, &options, &session, &error), PLN_BAD_MODEL);
    pln_model_close(&model);
    pln_tensor_file_close(&file);
    unlink(in_folder("in.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_says_what_is_tied),          cmocka_unit_test(training_keeps_both_matrices),
        cmocka_unit_test(what_a_source_needs_is_not_unused),   cmocka_unit_test(only_what_is_read_stops_a_run),
        cmocka_unit_test(the_weights_count_the_labels),        cmocka_unit_test(masks_are_stretched),
        cmocka_unit_test(configs_as_people_have_them),         cmocka_unit_test(types_and_positions_are_stretched),
        cmocka_unit_test(what_cannot_be_stretched_is_refused), cmocka_unit_test(a_pipe_is_no_file),
        cmocka_unit_test(a_file_that_shrinks_ends_the_run),
    };
    pln_error error;
    if (!mkdtemp(folder) ||
        pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .log = keep_log), &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, "reference", NULL, 0, &devices, &error) != PLN_OK)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    unlink(in_folder("config.json"));
    unlink(in_folder("model.safetensors"));
    rmdir(folder);
    return failed;
}
