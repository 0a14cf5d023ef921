/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients against central differences, on the reference in f64: a case describes a graph with a loss; parameters and
 * inputs are filled with noise, and the loss is run beside each of a few of their elements, and along a direction of
 * all. Lengths and weights are drawn by a seed. Rows past the count hold NaN: another batch of the bucket ran before.
 */
#ifndef TESTS_GRAPH_DIFFERENCES_H
#define TESTS_GRAPH_DIFFERENCES_H

#include "graph/graph.h"

enum { DIFF_SEQUENCES = 4, DIFF_LENGTH = 4, DIFF_INPUTS = 32, DIFF_WEIGHTS = 64 };

enum diff_fill {
    DIFF_REALS,  /* in [-1, 1], multiples of 1/1024 */
    DIFF_SPREAD, /* odd multiples of 1/16 in [-12, 12]: not near a kink of an activation */
    DIFF_BELOW,  /* whole numbers below `number` */
    DIFF_STARTS, /* of the sequences, of their sources, of pairs of both */
    DIFF_SOURCE_STARTS,
    DIFF_PAIR_STARTS,
    DIFF_SOURCE_PAIR_STARTS,
    DIFF_ORIGIN,
    DIFF_LABELS,   /* below `number`, one in four is -100 */
    DIFF_ONES,     /* 1, one in four is 0 */
    DIFF_TOTAL,    /* `number` + 0.5 */
    DIFF_POSITIVE, /* in [1/2, 3/2] */
};

struct diff_input {
    pln_value *value;
    enum diff_fill fill;
    uint32_t number;
    bool wanted; /* its gradient is looked at too */
    void *data;
    pln_value *gradient;
};

struct diff {
    pln_graph *g;
    uint32_t seed;
    uint32_t dims[8]; /* tokens, batch, source_tokens, pair_starts.total, targets */
    int32_t lengths[DIFF_SEQUENCES], sources[DIFF_SEQUENCES];
    bool pairs; /* the number of pairs says the bucket: nothing can run before */
    uint32_t n_inputs, n_weights;
    struct diff_input inputs[DIFF_INPUTS];
    pln_tensor weights[DIFF_WEIGHTS];
    char names[DIFF_WEIGHTS][32]; /* of them */
    const char *recompute;        /* a scope, or NULL */
    bool used[64];                /* ops of the forward pass, of all cases */
    double worst;                 /* |difference| / (1 + |gradient|) of the last case */
    float *gradients;             /* flat, of the last case; freed by the next */
    uint64_t n_gradients;
};

enum { DIFF_TOKENS = 1, DIFF_BATCH, DIFF_SOURCE_TOKENS, DIFF_PAIRS, DIFF_TARGETS, DIFF_SYMBOLS };

uint32_t diff_below(struct diff *d, uint32_t n);
pln_dim diff_rows(uint32_t symbol);
pln_value *diff_input(struct diff *d, const char *name, pln_dim rows, uint32_t width, enum diff_fill fill,
                      uint32_t number);
pln_value *diff_wanted(struct diff *d, const char *name, pln_dim rows, uint32_t width, enum diff_fill fill);
/* A parameter of noise times scale, which is a power of two. The same name is the same one. */
pln_value *diff_weight(struct diff *d, const char *name, uint32_t rows, uint32_t width);
pln_value *diff_constant(struct diff *d, uint32_t rows, uint32_t width);
pln_value *diff_starts(struct diff *d);
pln_value *diff_origin(struct diff *d);
pln_value *diff_random(struct diff *d);
/* A loss that sees every element of x. */
pln_value *diff_loss(struct diff *d, pln_value *x);

typedef pln_value *diff_case(struct diff *d, uint32_t variant); /* the loss; NULL: there is no such variant */
/* False if there is no such variant. Fails the test where a gradient is wrong. */
bool diff_check(struct diff *d, pln_devices *f64, const char *name, diff_case *describe, uint32_t variant,
                uint32_t seed);
void diff_finish(struct diff *d);
#endif
