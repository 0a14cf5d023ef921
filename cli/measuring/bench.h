/* SPDX-License-Identifier: Apache-2.0
 *
 * What `pleione bench` measures, and what it measures instead of times; each fills a table of its own.
 */
#ifndef CLI_MEASURING_BENCH_H
#define CLI_MEASURING_BENCH_H

#include "cli/tables/output.h"
#include "cli/measuring/kept.h"
#include "cli/measuring/speed.h"

enum { BENCH_SHAPES = 32 };

struct bench {
    struct measure_options options;
    struct output output;
    const char *directory;
    struct cli_shape shapes[BENCH_SHAPES];
    uint32_t n_shapes;
    bool lines; /* the shapes are lengths of one sequence */
    double seconds;
    uint32_t new_tokens; /* of each prompt */
    struct kept kept;
    int lost; /* the exit code of a row that was lost, or 0 */
};

/* Each prints its table as it comes and leaves it to the caller, also after a failure. The context is a struct bench. */
output_fill bench_overhead; /* host time outside kernels */
output_fill bench_memory;   /* peak resident memory */
output_fill bench_profile;  /* time by nodes */
output_fill bench_generate; /* tokens a second of a decoder that writes */
output_fill bench_kept;     /* nothing: the times of a file, against those of another */
#endif
