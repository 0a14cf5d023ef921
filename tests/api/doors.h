/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the doors share: a door is a public function, and a knock calls it with NULL, with objects of
 * others and with numbers out of range. What lies between them is the world, made once.
 */
#ifndef TESTS_API_DOORS_H
#define TESTS_API_DOORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

struct door {
    const char *name;
    void (*knock)(void);
};

#define DOOR(function)                                                                                                 \
    {                                                                                                                  \
#function, knock_##function                                                                                    \
    }

extern const struct door runtime_doors[], graph_doors[], op_doors[], schedule_doors[], tokenizer_doors[], model_doors[],
    trainer_doors[], row_doors[], task_doors[], score_doors[], lesson_doors[], generator_doors[],
    pretraining_doors[]; /* each ends with a name that is NULL */

struct world {
    const char *models, *folder; /* where the models are; one to write into */
    pln_runtime *runtime, *other_runtime;
    pln_devices *devices, *other_devices; /* the latter of the other runtime */
    pln_graph *graph, *other_graph;       /* y = gather(x [tokens,4], ids [picks,1]); one with an open description */
    pln_value *other_value;               /* f32 [1,4] of it */
    pln_schedule *schedule;
    pln_model *generator, *discriminator;
    pln_session *session; /* of the discriminator */
    pln_trainer *trainer; /* of the generator */
    const pln_tokenizer *tokenizer;
    pln_error error;
};
extern struct world w;

/* The error record, empty again. */
static inline pln_error *fresh(void)
{
    w.error = (pln_error){0};
    return &w.error;
}

/* A call that took fresh() was refused, in a sentence with these words. */
static inline void refused(pln_status status, const char *words)
{
    assert_int_equal(status, PLN_INVALID);
    assert_int_equal(w.error.status, PLN_INVALID);
    if (!strstr(w.error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", w.error.message, words);
}

/* The description has failed with these words; the graph ends. */
static inline void fails(pln_graph *graph, const char *words)
{
    refused(pln_graph_finish(graph, fresh()), words);
    pln_graph_destroy(&graph);
}

/* A type, head, mode or other enum that there is none of. */
#define NO_SUCH(type) ((type)99)
#endif
