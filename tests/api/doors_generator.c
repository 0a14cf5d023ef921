/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of a generator.
 */
#include "tests/api/doors.h"

static const int32_t some_ids[] = {3, 1};

/* A small decoder that lies beside the tests; no cross-attention. */
static pln_session *open_decoder(pln_model **model)
{
    char path[512];
    pln_session *session;
    snprintf(path, sizeof path, "%s/../tests/generation/cases/writer", w.models);
    must(pln_model_open(w.runtime, path, NULL, model, fresh()), &w.error);
    must(pln_session_create(*model, w.devices, NULL, &session, fresh()), &w.error);
    return session;
}

static void knock_options(pln_session *session)
{
    static const int32_t stop[] = {3, 50};
    static const struct {
        const char *words;
        size_t at;
        float real;
        uint32_t number;
    } bad[] = {
        {"max_new_tokens is 0", offsetof(pln_generator_options, max_new_tokens), 0, 0},
        {"min_new_tokens 21", offsetof(pln_generator_options, min_new_tokens), 0, 21},
        {"beams is 0", offsetof(pln_generator_options, beams), 0, 0},
        {"beams is 4294967295", offsetof(pln_generator_options, beams), 0, UINT32_MAX},
        {"n_best 0", offsetof(pln_generator_options, n_best), 0, 0},
        {"n_best is 2", offsetof(pln_generator_options, n_best), 0, 2},
        {"batch is 4294967295", offsetof(pln_generator_options, batch), 0, UINT32_MAX},
        {"temperature is -1", offsetof(pln_generator_options, temperature), -1, 0},
        {"top_p is 2", offsetof(pln_generator_options, top_p), 2, 0},
        {"typical_p is -1", offsetof(pln_generator_options, typical_p), -1, 0},
        {"repetition_penalty is -1", offsetof(pln_generator_options, repetition_penalty), -1, 0},
        {"stop is NULL and o->n_stop is 7", offsetof(pln_generator_options, n_stop), 0, 7},
    };
    pln_generator *generator = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pln_generator_options options = PLN_GENERATOR_DEFAULTS;
        const void *value = bad[i].real != 0 ? (const void *)&bad[i].real : &bad[i].number;
        memcpy((char *)&options + bad[i].at, value, 4);
        refused(pln_generator_create(session, &options, &generator, fresh()), bad[i].words);
    }
    pln_generator_options options = PLN_GENERATOR_DEFAULTS;
    options.stop = stop;
    options.n_stop = 2;
    refused(pln_generator_create(session, &options, &generator, fresh()), "token 50 of stop is none of the 50");
    options = (pln_generator_options)PLN_GENERATOR_DEFAULTS;
    options.beams = 2;
    options.n_best = 3;
    options.sample = true;
    refused(pln_generator_create(session, &options, &generator, fresh()), "n_best is 3");
    options.beams = 0;
    options.size = 0;
    refused(pln_generator_create(session, &options, &generator, fresh()), "pln_generator_options");
    assert_null(generator);
}

static void knock_pln_generator_create(void)
{
    pln_generator *generator = NULL;
    pln_model *model;
    pln_session *session = open_decoder(&model), *bidirectional;
    refused(pln_generator_create(NULL, NULL, &generator, fresh()), "session is NULL");
    refused(pln_generator_create(session, NULL, NULL, fresh()), "generator is NULL");
    refused(pln_generator_create(w.session, NULL, &generator, fresh()), "predicts no next token");
    knock_options(session);
    must(pln_session_create(w.generator, w.devices, PLN_OPTIONS(pln_session_options, .head = PLN_HEAD_CAUSAL_LM),
                            &bidirectional, fresh()),
         &w.error);
    refused(pln_generator_create(bidirectional, NULL, &generator, fresh()), "is_decoder is false");
    pln_session_destroy(&bidirectional);
    pln_session_destroy(&session);
    pln_model_close(&model);
}

static void knock_pln_generator_defaults(void)
{
    refused(pln_generator_defaults(NULL, fresh()), "options is NULL");
}

static void knock_pln_generator_destroy(void)
{
    pln_generator *none = NULL;
    pln_generator_destroy(NULL);
    pln_generator_destroy(&none);
}

static void knock_pln_generator_run(void)
{
    static const int32_t wild[] = {3, -1};
    static const float states[12];
    const pln_tensor source = {.name = "s", .dtype = PLN_F32, .rank = 2, .shape = {1, 12}, .data = states};
    pln_tensor broken = source;
    broken.data = NULL;
    const pln_prompt good = {.ids = some_ids, .n_ids = 2};
    pln_prompt prompts[2] = {good, good};
    pln_generator *generator;
    pln_model *model;
    pln_session *session = open_decoder(&model);
    must(pln_generator_create(session, NULL, &generator, fresh()), &w.error);
    refused(pln_generator_run(NULL, prompts, 2, NULL, NULL, fresh()), "generator is NULL");
    refused(pln_generator_run(generator, NULL, 2, NULL, NULL, fresh()), "prompts is NULL");
    must(pln_generator_run(generator, NULL, 0, NULL, NULL, fresh()), &w.error);
    prompts[1].n_ids = 0;
    refused(pln_generator_run(generator, prompts, 2, NULL, NULL, fresh()), "prompt 1 has no token");
    prompts[1].n_ids = 40;
    refused(pln_generator_run(generator, prompts, 2, NULL, NULL, fresh()), "prompt 1 has 40 tokens");
    prompts[1] = (pln_prompt){.ids = wild, .n_ids = 2};
    refused(pln_generator_run(generator, prompts, 2, NULL, NULL, fresh()), "prompt 1: token -1 at place 1");
    prompts[1] = good;
    prompts[1].source = &source;
    refused(pln_generator_run(generator, prompts, 2, NULL, NULL, fresh()), "others have none");
    refused(pln_generator_run(generator, prompts + 1, 1, NULL, NULL, fresh()), "no cross-attention");
    prompts[1].source = &broken;
    refused(pln_generator_run(generator, prompts + 1, 1, NULL, NULL, fresh()), "data is NULL");
    pln_generator_destroy(&generator);
    pln_session_destroy(&session);
    pln_model_close(&model);
}

static void knock_pln_generator_result(void)
{
    assert_null(pln_generator_result(NULL, 0, 0));
}

const struct door generator_doors[] = {DOOR(pln_generator_create),  DOOR(pln_generator_defaults),
                                       DOOR(pln_generator_destroy), DOOR(pln_generator_run),
                                       DOOR(pln_generator_result),  {NULL, NULL}};
