/* SPDX-License-Identifier: Apache-2.0
 *
 * Faster, slower or the same: times of one row from two sides, each of several calls of bench. A call is a round; its
 * times stand in the order in which they were taken.
 */
#ifndef CLI_MEASURING_JUDGE_H
#define CLI_MEASURING_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

enum { JUDGE_ROUNDS = 32, JUDGE_LEAST = 5, JUDGE_TIMES = 4096 /* the most of a block */ };

struct judge_round {
    uint32_t n;
    const double *seconds; /* borrows */
    double roof[2];        /* rate that bounds the row, before and after the times; 0: not measured */
    const char *time;      /* when the call began, borrows; later is greater (strcmp) */
};

struct judge_side {
    uint32_t n;
    struct judge_round rounds[JUDGE_ROUNDS]; /* the newest first */
};

struct judgement {
    bool known; /* false: a side has fewer than JUDGE_LEAST times */
    double ratio, low,
        high;            /* time of `now` over that of `before`, and the interval that holds it in 95 of 100 cases */
    const char *verdict; /* "faster", "SLOWER", "same", or "too few runs" */
    /* What the interval covers. "runs": a side has one call only, and what differs from call to call is not in it.
     * "calls": that too. "pairs": both sides have as many calls, which took turns, and are drawn in pairs, so that what
     * changes slowly strikes both alike. */
    const char *covers;
};

/* Where both sides have a roof, times are counted in work at it, so that a machine that is slower as a whole today says
 * nothing of the code; the interval is widened by what the roof moved within a round. The same input gives the same
 * answer. */
struct judgement judge(const struct judge_side *now, const struct judge_side *before);

/* Outliers: above the upper quartile by more than three times the distance of the quartiles. sorted: ascending. */
uint32_t judge_outliers(const double *sorted, uint32_t n);
#endif
