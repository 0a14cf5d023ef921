/* SPDX-License-Identifier: Apache-2.0
 *
 * A decoder that goes on where it stopped answers what a whole run does: test_cache CASES DEVICE [OPTION...]. Sequences
 * begin at different times and bring one to three tokens a run; one parts from another; the states are outgrown.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "session/cache.h"
#include "tests/noise.h"
#include "tests/on_devices.h"

enum { SEQUENCES = 6, LENGTH = 16, VOCABULARY = 50, HIDDEN = 12, SOURCE = 5, PARTED = 4 };

static const char *folder;
static pln_error error;

/* The last sequence begins like the one before it, and looks at the same. */
static struct {
    int32_t ids[SEQUENCES][LENGTH];
    float source[SEQUENCES][SOURCE][HIDDEN];
    int32_t source_mask[SEQUENCES][SOURCE];
    float logits[SEQUENCES][LENGTH][VOCABULARY]; /* of the whole run */
} whole;

struct fixture {
    pln_model *model;
    pln_session *session;
    struct session_cache *cache;
    struct session_past pasts[SEQUENCES];
    bool looks;
};

static void make_inputs(void)
{
    uint32_t seed = 3;
    for (uint32_t s = 0; s < SEQUENCES; s++) {
        for (uint32_t i = 0; i < LENGTH; i++)
            whole.ids[s][i] = (int32_t)((noise(&seed) + 0.5f) * VOCABULARY);
        for (uint32_t i = 0; i < SOURCE; i++) {
            whole.source_mask[s][i] = (s + i) % 4 != 1;
            for (uint32_t c = 0; c < HIDDEN; c++)
                whole.source[s][i][c] = 2 * noise(&seed);
        }
    }
    memcpy(whole.ids[SEQUENCES - 1], whole.ids[SEQUENCES - 2], PARTED * sizeof(int32_t));
    memcpy(whole.source[SEQUENCES - 1], whole.source[SEQUENCES - 2], sizeof whole.source[0]);
    memcpy(whole.source_mask[SEQUENCES - 1], whole.source_mask[SEQUENCES - 2], sizeof whole.source_mask[0]);
}

static void run_whole(struct fixture *f)
{
    const pln_tensor inputs[] = {
        {.name = "input_ids", .dtype = PLN_I32, .rank = 2, .shape = {SEQUENCES, LENGTH}, .data = whole.ids},
        {.name = "encoder_hidden_states",
         .dtype = PLN_F32,
         .rank = 3,
         .shape = {SEQUENCES, SOURCE, HIDDEN},
         .data = whole.source},
        {.name = "encoder_attention_mask",
         .dtype = PLN_I32,
         .rank = 2,
         .shape = {SEQUENCES, SOURCE},
         .data = whole.source_mask},
    };
    const pln_tensor *outputs;
    uint32_t n;
    must(pln_session_forward(f->session, inputs, f->looks ? 3 : 1, &outputs, &n, &error), &error);
    assert_int_equal(n, 1);
    assert_string_equal(outputs[0].name, "logits");
    memcpy(whole.logits, outputs[0].data, sizeof whole.logits);
}

static void open_case(struct fixture *f, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *f = (struct fixture){.looks = strstr(name, "cross")};
    must(pln_model_open(runtime, path, NULL, &f->model, &error), &error);
    const pln_session_options options = {.size = sizeof options,
                                         .head = PLN_HEAD_CAUSAL_LM,
                                         .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
    must(pln_session_create(f->model, devices, &options, &f->session, &error), &error);
    run_whole(f);
    must(session_cache_create(f->session, &f->cache, &error), &error);
}

static void close_case(struct fixture *f)
{
    for (uint32_t s = 0; s < SEQUENCES; s++)
        session_past_drop(f->cache, &f->pasts[s]);
    session_cache_destroy(&f->cache);
    pln_session_destroy(&f->session);
    pln_model_close(&f->model);
}

static void compare(uint32_t sequence, uint32_t position, const float *logits)
{
    for (uint32_t i = 0; i < VOCABULARY; i++) {
        const double a = (double)logits[i], b = (double)whole.logits[sequence][position][i];
        if (!(fabs(a - b) <= 5e-5 * (1 + fabs(b))))
            fail_msg("sequence %u, token %u, logit %u is %.7g, expected %.7g", sequence, position, i, a, b);
    }
}

/* What sequence s brings in that round: nothing before it begins, in its last round less. */
static uint32_t n_ids(const struct fixture *f, uint32_t s, uint32_t round)
{
    const uint32_t past = f->pasts[s].tokens.n, n = 1 + (s + round) % 3;
    if (round < s || (s == SEQUENCES - 1 && !past))
        return 0;
    return n < LENGTH - past ? n : LENGTH - past;
}

static uint32_t list_turns(struct fixture *f, uint32_t round, struct session_turn *turns, pln_tensor *tensors)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < SEQUENCES; s++) {
        const uint32_t past = f->pasts[s].tokens.n;
        if (!n_ids(f, s, round))
            continue;
        turns[n] = (struct session_turn){&f->pasts[s], whole.ids[s] + past, n_ids(f, s, round), NULL, NULL};
        if (f->looks && !past) {
            tensors[2 * n] = (pln_tensor){
                .name = "source", .dtype = PLN_F32, .rank = 2, .shape = {SOURCE, HIDDEN}, .data = whole.source[s]};
            tensors[2 * n + 1] = (pln_tensor){
                .name = "mask", .dtype = PLN_I32, .rank = 1, .shape = {SOURCE}, .data = whole.source_mask[s]};
            turns[n].source = &tensors[2 * n];
            turns[n].source_mask = &tensors[2 * n + 1];
        }
        n++;
    }
    return n;
}

static void run_round(struct fixture *f, uint32_t round, bool *ended)
{
    struct session_turn turns[SEQUENCES];
    pln_tensor tensors[2 * SEQUENCES];
    const float *logits;
    const uint32_t n = list_turns(f, round, turns, tensors);
    *ended = !n;
    if (!n)
        return;
    must(session_cache_run(f->cache, turns, n, &logits, &error), &error);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t s = (uint32_t)(turns[i].past - f->pasts);
        compare(s, f->pasts[s].tokens.n - 1, logits + (size_t)i * VOCABULARY);
    }
    if (!f->pasts[SEQUENCES - 1].tokens.n && f->pasts[SEQUENCES - 2].tokens.n == PARTED)
        must(session_past_copy(f->cache, &f->pasts[SEQUENCES - 2], &f->pasts[SEQUENCES - 1], &error), &error);
}

static void test_steps(void **state)
{
    struct fixture f;
    bool ended = false;
    open_case(&f, *state);
    for (uint32_t round = 0; !ended; round++)
        run_round(&f, round, &ended);
    for (uint32_t s = 0; s < SEQUENCES; s++)
        assert_int_equal(f.pasts[s].tokens.n, LENGTH);
    close_case(&f);
}

/* What is refused changes nothing: the same turn, mended, goes on. */
static void test_refusals(void **state)
{
    struct fixture f;
    struct session_turn turns[SEQUENCES];
    pln_tensor tensors[2 * SEQUENCES];
    const float *logits;
    open_case(&f, *state);
    const uint32_t n = list_turns(&f, SEQUENCES, turns, tensors);
    const int32_t wild[] = {3, VOCABULARY}, many[LENGTH + 1] = {0};
    struct session_turn wrong = turns[0];
    wrong.ids = wild;
    wrong.n_ids = 2;
    assert_int_equal(session_cache_run(f.cache, &wrong, 1, &logits, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "token 50 at place 1 is none of the 50"));
    wrong.ids = many;
    wrong.n_ids = LENGTH + 1;
    assert_int_equal(session_cache_run(f.cache, &wrong, 1, &logits, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "a sequence of 17 tokens, the model takes at most 16"));
    assert_int_equal(f.pasts[0].tokens.n, 0);
    if (f.looks) {
        turns[1].source = NULL;
        assert_int_equal(session_cache_run(f.cache, turns, n, &logits, &error), PLN_INVALID);
        assert_non_null(strstr(error.message, "some sequences have a source and others have none"));
        turns[1].source = &tensors[2];
    }
    must(session_cache_run(f.cache, turns, n, &logits, &error), &error);
    compare(0, turns[0].n_ids - 1, logits);
    close_case(&f);
}

int main(int argc, char **argv)
{
#define CASE(name)                                                                                                     \
    {                                                                                                                  \
        name ", steps", test_steps, NULL, NULL, (void *)(uintptr_t)name                                                \
    }
    const struct CMUnitTest tests[] = {
        CASE("causal-lm"),
        CASE("causal-lm-cross"),
        CASE("old-relative_key-cross"),
        CASE("old-relative_key_query-cross"),
        {"causal-lm, refusals", test_refusals, NULL, NULL, (void *)(uintptr_t) "causal-lm"},
        {"causal-lm-cross, refusals", test_refusals, NULL, NULL, (void *)(uintptr_t) "causal-lm-cross"},
    };
    if (argc < 3)
        return 2;
    folder = argv[1];
    make_inputs();
    return run_on_devices(tests, sizeof tests / sizeof *tests, argc - 2, argv + 2);
}
