/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of all that is tried, in the order of levels, and what came out of each.
 */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include "conformance/bench.h"

/* What of it is wanted. */
struct conf_wanted {
    const char *op, *text; /* a group or an op; part of a name */
    const char *except[4]; /* parts of names that are left out */
    uint32_t n_except;
    uint32_t level; /* the last one */
    uint32_t thin;  /* one of so many cases, drawn by hash */
    bool speed;
    bool cases; /* nothing but cases: for --compile and --dump */
};

struct conf_outcome {
    struct conf_test test;
    struct conf_answer answer;
    bool done; /* else it was not run, and answer.why says why */
};

struct conf_suite {
    struct conf_outcome *outcomes; /* [n] */
    size_t room;
    uint32_t n;
};

/* Lists what is wanted. False (after a sentence): an op has no case, or there is no memory. */
bool conf_suite_list(struct conf_suite *s, const struct conf_wanted *wanted);
/* Level 3, for the half types that the device has, before the last test. */
bool conf_suite_add_halves(struct conf_suite *s, const struct conf_wanted *wanted, const struct conf_hello *hello);
void conf_suite_finish(struct conf_suite *s);
#endif
