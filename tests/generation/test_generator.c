/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens that a decoder writes, against `generate` of transformers 5, and what must change none of them:
 * test_generator CASES DEVICE [OPTION...]
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, realpath, symlink */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/on_devices.h"

enum { PROMPTS = 3, LONGEST = 40, MOST_STOPS = 8, HIDDEN = 12, SOURCE = 5 };

static const char *folder;
static const char *const *device_list; /* and its options */
static uint32_t n_options;
static pln_on_loss on_loss;
static json_t *cases, *drawn, *stops;
static pln_tensor sources[PROMPTS];
static pln_error error;

struct fixture {
    pln_model *model;
    pln_session *session;
    pln_generator *generator;
    int32_t ids[PROMPTS][LONGEST], stop[MOST_STOPS];
    pln_prompt prompts[PROMPTS];
};

static uint32_t integers(const json_t *list, int32_t *out)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return (uint32_t)json_array_size(list);
}

static uint32_t number(const json_t *options, const char *key, uint32_t unsaid)
{
    const json_t *x = json_object_get(options, key);
    return x ? (uint32_t)json_integer_value(x) : unsaid;
}

static float real(const json_t *options, const char *key, float unsaid)
{
    const json_t *x = json_object_get(options, key);
    return x ? (float)json_number_value(x) : unsaid;
}

static pln_generator_options read_options(const json_t *json, int32_t *stop)
{
    pln_generator_options o = PLN_GENERATOR_DEFAULTS;
    o.max_new_tokens = number(json, "max_new_tokens", 20);
    o.min_new_tokens = number(json, "min_new_tokens", 0);
    o.beams = number(json, "num_beams", 1);
    o.n_best = number(json, "num_return_sequences", 1);
    o.length_penalty = real(json, "length_penalty", 1);
    o.early_stopping = json_is_true(json_object_get(json, "early_stopping"));
    o.repetition_penalty = real(json, "repetition_penalty", 1);
    o.no_repeat_ngram = number(json, "no_repeat_ngram_size", 0);
    o.sample = json_is_true(json_object_get(json, "do_sample"));
    o.seed = number(json, "seed", 0);
    o.temperature = real(json, "temperature", 1);
    o.top_k = number(json, "top_k", 50);
    o.top_p = real(json, "top_p", 1);
    o.typical_p = real(json, "typical_p", 1);
    o.n_stop = integers(json_object_get(json, "eos_token_id"), stop);
    o.stop = stop;
    return o;
}

static void open_session(struct fixture *f, const char *model)
{
    char path[512];
    *f = (struct fixture){0};
    snprintf(path, sizeof path, "%s/%s", folder, model);
    must(pln_model_open(runtime, path, NULL, &f->model, &error), &error);
    const pln_session_options options = {
        .size = sizeof options, .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true, .on_loss = on_loss)};
    must(pln_session_create(f->model, devices, &options, &f->session, &error), &error);
}

static void close_session(struct fixture *f)
{
    pln_generator_destroy(&f->generator);
    pln_session_destroy(&f->session);
    pln_model_close(&f->model);
}

static void read_prompts(struct fixture *f, const json_t *json)
{
    const bool looks = strcmp(json_string_value(json_object_get(json, "model")), "looker") == 0;
    const json_t *list = json_object_get(json, "prompts");
    for (uint32_t i = 0; i < PROMPTS; i++)
        f->prompts[i] = (pln_prompt){.ids = f->ids[i],
                                     .n_ids = integers(json_array_get(list, i), f->ids[i]),
                                     .source = looks ? &sources[i] : NULL,
                                     .number = i};
}

static void compare(const struct fixture *f, const json_t *json)
{
    for (uint32_t i = 0; i < PROMPTS; i++) {
        const json_t *ranks = json_array_get(json_object_get(json, "ids"), i);
        for (uint32_t rank = 0; rank < json_array_size(ranks); rank++) {
            int32_t expected[LONGEST];
            const uint32_t n = integers(json_array_get(ranks, rank), expected);
            const pln_generated *found = pln_generator_result(f->generator, i, rank);
            assert_non_null(found);
            const json_t *scores = json_array_get(json_object_get(json, "scores"), i);
            const double score = json_number_value(json_array_get(scores, rank));
            for (uint32_t j = 0; j < n && j < found->n_ids; j++)
                if (found->ids[j] != expected[j])
                    fail_msg("prompt %u, rank %u: token %u is %d, expected %d", i, rank, j, found->ids[j], expected[j]);
            assert_int_equal(found->n_ids, n);
            assert_true(fabs((double)found->score - score) <= 1e-3 * (1 + fabs(score)));
        }
    }
}

static void run_cases(const json_t *list, const char *model, uint32_t batch)
{
    struct fixture f;
    uint32_t n = 0;
    open_session(&f, model);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *json = json_array_get(list, i);
        if (strcmp(json_string_value(json_object_get(json, "model")), model) != 0)
            continue;
        pln_generator_options options = read_options(json_object_get(json, "options"), f.stop);
        options.batch = batch;
        read_prompts(&f, json);
        must(pln_generator_create(f.session, &options, &f.generator, &error), &error);
        must(pln_generator_run(f.generator, f.prompts, PROMPTS, NULL, NULL, &error), &error);
        print_message("%s\n", json_string_value(json_object_get(json, "name")));
        compare(&f, json);
        pln_generator_destroy(&f.generator);
        n++;
    }
    assert_true(n > 3);
    close_session(&f);
}

static void test_searches(void **state)
{
    run_cases(cases, *state, 0);
}

/* With draws of ours in the place of torch's the reference draws these sequences; in any batch. */
static void test_drawn(void **state)
{
    (void)state;
    run_cases(drawn, "writer", 0);
    run_cases(drawn, "writer", 1);
}

/* ---- what ends a text */

static void write_json(const char *directory, const char *name, const json_t *json)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
    if (json && !json_is_null(json))
        assert_int_equal(json_dump_file(json, path, JSON_ENCODE_ANY), 0);
}

/* The writer with another config, and a generation_config.json if it is none of null. */
static void make_model(const char *directory, const json_t *own, const json_t *generation)
{
    char from[600], to[600], whole[600];
    snprintf(from, sizeof from, "%s/writer/model.safetensors", folder);
    snprintf(to, sizeof to, "%s/model.safetensors", directory);
    assert_non_null(realpath(from, whole));
    assert_true(symlink(whole, to) == 0 || errno == EEXIST);
    snprintf(from, sizeof from, "%s/writer/config.json", folder);
    json_t *config = json_load_file(from, 0, NULL);
    assert_non_null(config);
    json_object_del(config, "eos_token_id");
    json_object_update(config, (json_t *)(uintptr_t)own);
    write_json(directory, "config.json", config);
    write_json(directory, "generation_config.json", generation);
    json_decref(config);
}

static pln_status write_on(struct fixture *f, const char *directory, const int32_t *stop)
{
    pln_generator_options options = PLN_GENERATOR_DEFAULTS;
    options.max_new_tokens = 25;
    options.stop = stop;
    must(pln_model_open(runtime, directory, NULL, &f->model, &error), &error);
    must(pln_session_create(f->model, devices, NULL, &f->session, &error), &error);
    const pln_status status = pln_generator_create(f->session, &options, &f->generator, &error);
    if (status == PLN_OK)
        must(pln_generator_run(f->generator, f->prompts, 1, NULL, NULL, &error), &error);
    return status;
}

static void check_stops(const char *directory, const json_t *row)
{
    struct fixture f = {0};
    int32_t expected[LONGEST];
    make_model(directory, json_object_get(row, "config"), json_object_get(row, "generation_config"));
    f.prompts[0] = (pln_prompt){.ids = f.ids[0], .n_ids = integers(json_object_get(row, "prompt"), f.ids[0])};
    must(write_on(&f, directory, NULL), &error);
    const pln_generated *found = pln_generator_result(f.generator, 0, 0);
    const uint32_t n = integers(json_object_get(row, "ids"), expected);
    assert_int_equal(found->n_ids, n);
    assert_memory_equal(found->ids, expected, n * sizeof *expected);
    assert_int_equal(found->stopped, n < 25);
    close_session(&f);
    must(write_on(&f, directory, expected), &error); /* none, whatever the model says */
    assert_int_equal(pln_generator_result(f.generator, 0, 0)->n_ids, 25);
    close_session(&f);
}

static void test_stops(void **state)
{
    (void)state;
    static const struct {
        const char *own, *words;
    } bad[] = {{"{\"eos_token_id\": \"a\"}", "generation_config.json: eos_token_id is no token"},
               {"{\"eos_token_id\": [1, [2]]}", "generation_config.json: eos_token_id is no token"},
               {"{\"eos_token_id\": 2.5}", "generation_config.json: eos_token_id is no token"},
               {"[]", "generation_config.json"}};
    char directory[] = "/tmp/pleione-stops-XXXXXX", path[600];
    uint32_t stopped = 0;
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < json_array_size(stops); i++) {
        check_stops(directory, json_array_get(stops, i));
        stopped += json_array_size(json_object_get(json_array_get(stops, i), "ids")) < 25;
    }
    assert_true(stopped > 3 && stopped < json_array_size(stops));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fixture f = {0};
        json_t *json = json_loads(bad[i].own, 0, NULL), *none = json_object();
        make_model(directory, none, json);
        assert_int_equal(write_on(&f, directory, NULL), PLN_BAD_MODEL);
        if (!strstr(error.message, bad[i].words))
            fail_msg("\"%s\" does not say \"%s\"", error.message, bad[i].words);
        close_session(&f);
        json_decref(json);
        json_decref(none);
    }
    static const char *const names[] = {"config.json", "generation_config.json", "model.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(directory), 0);
}

/* ---- drawn sequences */

struct seen {
    int32_t ids[PROMPTS][2][LONGEST];
    uint32_t n[PROMPTS][2], all, most;
};

static bool see(void *context, uint32_t prompt, uint32_t rank, int32_t token)
{
    struct seen *seen = context;
    seen->ids[prompt][rank][seen->n[prompt][rank]++] = token;
    return ++seen->all != seen->most;
}

static void draw(struct fixture *f, uint64_t seed, uint32_t batch, uint32_t first, uint32_t n, struct seen *seen)
{
    pln_generator_options options = PLN_GENERATOR_DEFAULTS;
    options.max_new_tokens = 9;
    options.sample = true;
    options.n_best = 2;
    options.seed = seed;
    options.batch = batch;
    must(pln_generator_create(f->session, &options, &f->generator, &error), &error);
    must(pln_generator_run(f->generator, f->prompts + first, n, see, seen, &error), &error);
    for (uint32_t i = 0; !seen->most && i < n; i++)
        for (uint32_t rank = 0; rank < 2; rank++) {
            const pln_generated *result = pln_generator_result(f->generator, i, rank);
            assert_int_equal(result->n_ids, seen->n[i][rank]);
            assert_memory_equal(result->ids, seen->ids[i][rank], result->n_ids * sizeof(int32_t));
        }
    assert_null(pln_generator_result(f->generator, n, 0));
    assert_null(pln_generator_result(f->generator, 0, 2));
    pln_generator_destroy(&f->generator);
}

/* The same in any company; another seed, another rank, another text. */
static void test_draws(void **state)
{
    (void)state;
    struct fixture f;
    static struct seen together, one_by_one, alone, other;
    memset(&together, 0, sizeof together);
    one_by_one = alone = other = together;
    open_session(&f, "writer");
    read_prompts(&f, json_array_get(cases, 0));
    draw(&f, 7, 8, 0, PROMPTS, &together);
    draw(&f, 7, 1, 0, PROMPTS, &one_by_one);
    draw(&f, 7, 8, 2, 1, &alone);
    draw(&f, 8, 8, 0, PROMPTS, &other);
    assert_memory_equal(together.ids, one_by_one.ids, sizeof together.ids);
    assert_memory_equal(together.ids[2], alone.ids[0], sizeof together.ids[2]);
    assert_memory_not_equal(together.ids, other.ids, sizeof together.ids);
    assert_memory_not_equal(together.ids[0][0], together.ids[0][1], sizeof together.ids[0][0]);
    close_session(&f);
}

/* Whoever has seen enough gets what there is; the last position of the model ends a sequence. */
static void test_ends(void **state)
{
    (void)state;
    struct fixture f;
    struct seen seen = {.most = 4};
    pln_generator_options options = PLN_GENERATOR_DEFAULTS;
    open_session(&f, "writer");
    read_prompts(&f, json_array_get(cases, 0));
    must(pln_generator_create(f.session, &options, &f.generator, &error), &error);
    must(pln_generator_run(f.generator, f.prompts, PROMPTS, see, &seen, &error), &error);
    assert_int_equal(seen.all, 4);
    assert_int_equal(pln_generator_result(f.generator, 0, 0)->n_ids, 2);
    pln_generator_destroy(&f.generator);
    options.max_new_tokens = 1000;
    must(pln_generator_create(f.session, &options, &f.generator, &error), &error);
    must(pln_generator_run(f.generator, f.prompts, PROMPTS, NULL, NULL, &error), &error);
    assert_int_equal(pln_generator_result(f.generator, 1, 0)->n_ids, LONGEST - f.prompts[1].n_ids);
    assert_false(pln_generator_result(f.generator, 1, 0)->stopped);
    close_session(&f);
}

/* The device is lost at that run: the tokens are those of a device that stays, and each is told once. */
static void draw_with_loss(uint32_t k, const struct seen *right)
{
    struct fixture f;
    static struct seen seen;
    char rule[32];
    pln_runtime *own = runtime;
    pln_devices *own_devices = devices;
    memset(&seen, 0, sizeof seen);
    snprintf(rule, sizeof rule, "plan_run:%u=lost", k);
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .faults = rule), &runtime, &error), &error);
    must(pln_devices_open(runtime, device_list[0], device_list + 1, n_options, &devices, &error), &error);
    on_loss = PLN_ON_LOSS_REOPEN;
    open_session(&f, "writer");
    read_prompts(&f, json_array_get(cases, 0));
    draw(&f, 7, 8, 0, PROMPTS, &seen);
    on_loss = PLN_ON_LOSS_FAIL;
    assert_int_equal(seen.all, right->all);
    assert_memory_equal(seen.ids, right->ids, sizeof seen.ids);
    close_session(&f);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    runtime = own;
    devices = own_devices;
}

static void test_loss(void **state)
{
    (void)state;
    struct fixture f;
    static struct seen right;
    memset(&right, 0, sizeof right);
    open_session(&f, "writer");
    read_prompts(&f, json_array_get(cases, 0));
    draw(&f, 7, 8, 0, PROMPTS, &right);
    close_session(&f);
    draw_with_loss(1, &right);
    draw_with_loss(2, &right);
    draw_with_loss(7, &right);
}

static json_t *load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    return json_load_file(path, 0, NULL);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        {"writer", test_searches, NULL, NULL, (void *)(uintptr_t) "writer"},
        {"looker", test_searches, NULL, NULL, (void *)(uintptr_t) "looker"},
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_loss),
    };
    char path[512];
    pln_tensor_file *file;
    uint32_t n;
    if (argc < 3)
        return 2;
    folder = argv[1];
    device_list = (const char *const *)argv + 2;
    n_options = (uint32_t)argc - 3;
    if (!(cases = load("cases")) || !(drawn = load("draws")) || !(stops = load("stops")))
        return 2;
    snprintf(path, sizeof path, "%s/source.safetensors", folder);
    if (pln_tensor_file_open(path, &file, &error) != PLN_OK)
        return 2;
    const float *data = pln_tensor_file_tensors(file, &n)->data;
    for (uint32_t i = 0; i < PROMPTS; i++)
        sources[i] = (pln_tensor){.name = "source",
                                  .dtype = PLN_F32,
                                  .rank = 2,
                                  .shape = {SOURCE, HIDDEN},
                                  .data = data + (size_t)i * SOURCE * HIDDEN};
    const int failed = run_on_devices(tests, sizeof tests / sizeof *tests, argc - 2, argv + 2);
    pln_tensor_file_close(&file);
    json_decref(cases);
    json_decref(drawn);
    json_decref(stops);
    return failed;
}
