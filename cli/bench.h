/* SPDX-License-Identifier: Apache-2.0
 *
 * The four things that `pleione bench` measures; each fills a table of its own.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/output.h"
#include "cli/speed.h"

enum { BENCH_SHAPES = 32 };

struct bench {
    struct measure_options options;
    struct output output;
    const char *directory;
    struct cli_shape shapes[BENCH_SHAPES];
    uint32_t n_shapes;
    bool lines; /* the shapes are lengths of one sequence */
    double seconds;
    int lost; /* the exit code of a row that was lost, or 0 */
};

/* Each prints its table as it comes and leaves it to the caller, also after a failure. */
pln_status bench_times(struct bench *b, struct table *t, pln_error *error);    /* first call, warm calls, rates */
pln_status bench_overhead(struct bench *b, struct table *t, pln_error *error); /* host time outside kernels */
pln_status bench_memory(struct bench *b, struct table *t, pln_error *error);   /* peak resident memory */
pln_status bench_profile(struct bench *b, struct table *t, pln_error *error);  /* time by nodes */
#endif
