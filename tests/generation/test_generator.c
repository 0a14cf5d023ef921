/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens that a decoder writes, against `generate` of transformers 5, and what must change none of them:
 * test_generator CASES DEVICE [OPTION...]
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/on_devices.h"

enum { PROMPTS = 3, LONGEST = 40, MOST_STOPS = 8, HIDDEN = 12, SOURCE = 5 };

static const char *folder;
static json_t *cases;
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
    const pln_session_options options = {.size = sizeof options,
                                         .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
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

static void test_searches(void **state)
{
    const char *model = *state;
    struct fixture f;
    uint32_t n = 0;
    open_session(&f, model);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *json = json_array_get(cases, i);
        if (strcmp(json_string_value(json_object_get(json, "model")), model) != 0)
            continue;
        const pln_generator_options options = read_options(json_object_get(json, "options"), f.stop);
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

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        {"writer", test_searches, NULL, NULL, (void *)(uintptr_t) "writer"},
        {"looker", test_searches, NULL, NULL, (void *)(uintptr_t) "looker"},
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_ends),
    };
    char path[512];
    pln_tensor_file *file;
    uint32_t n;
    if (argc < 3)
        return 2;
    folder = argv[1];
    snprintf(path, sizeof path, "%s/cases.json", folder);
    if (!(cases = json_load_file(path, 0, NULL)))
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
    return failed;
}
