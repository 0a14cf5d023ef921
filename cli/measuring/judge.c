/* SPDX-License-Identifier: Apache-2.0
 *
 * A bootstrap of the ratio of medians. Times that follow each other are alike (caches, clock, neighbours), so not single
 * times are drawn but blocks of them, each as its median; and first whole rounds, since two calls of a program differ
 * by more than the times within one. No distribution is assumed, and a few wild times move no median.
 */
#include "cli/measuring/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/draw.h"
#include "cli/measuring/sort.h"

enum { BLOCKS = 16, DRAWS = 2000, MOST = JUDGE_ROUNDS * BLOCKS };

struct blocks {
    uint32_t rounds, n[JUDGE_ROUNDS];
    double median[JUDGE_ROUNDS][BLOCKS];
};

static double median_of(double *values, uint32_t n)
{
    sort_times(values, n);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double median_of_part(const double *seconds, uint32_t n)
{
    static double some[JUDGE_TIMES]; /* the command has one thread here */
    const uint32_t used = n < JUDGE_TIMES ? n : JUDGE_TIMES;
    memcpy(some, seconds, used * sizeof *some);
    return median_of(some, used);
}

static bool has_roof(const struct judge_side *side)
{
    for (uint32_t i = 0; i < side->n; i++)
        if (!(side->rounds[i].roof[0] > 0 && side->rounds[i].roof[1] > 0))
            return false;
    return true;
}

static void cut(const struct judge_side *side, bool at_roof, struct blocks *b)
{
    b->rounds = 0;
    for (uint32_t i = 0; i < side->n; i++) {
        const struct judge_round *r = &side->rounds[i];
        const uint32_t n = r->n < BLOCKS ? r->n : BLOCKS;
        const double scale = at_roof ? (r->roof[0] + r->roof[1]) / 2 : 1;
        for (uint32_t j = 0; j < n; j++) {
            const uint32_t begin = (uint32_t)((uint64_t)r->n * j / n), end = (uint32_t)((uint64_t)r->n * (j + 1) / n);
            b->median[b->rounds][j] = scale * median_of_part(r->seconds + begin, end - begin);
        }
        b->n[b->rounds++] = n; /* a file has no call without times */
    }
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
    return (uint32_t)(cli_draw(state) % below);
}

static void draw_rounds(const struct blocks *b, uint64_t *state, uint32_t rounds[JUDGE_ROUNDS])
{
    for (uint32_t i = 0; i < b->rounds; i++)
        rounds[i] = draw(state, b->rounds);
}

/* rounds NULL: all blocks of all rounds, once. */
static double drawn_median(const struct blocks *b, const uint32_t *rounds, uint64_t *state)
{
    double values[MOST];
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->rounds; i++) {
        const uint32_t round = rounds ? rounds[i] : i;
        for (uint32_t j = 0; j < b->n[round]; j++)
            values[n++] = b->median[round][rounds ? draw(state, b->n[round]) : j];
    }
    return median_of(values, n);
}

/* Whether one side's call always lies between two of the other. */
static bool take_turns(const struct judge_side *now, const struct judge_side *before)
{
    bool turns = now->n == before->n && now->n > 1;
    const bool ends = turns && strcmp(now->rounds[0].time, before->rounds[0].time) > 0;
    const struct judge_side *later = ends ? now : before, *earlier = ends ? before : now;
    for (uint32_t i = 0; turns && i < now->n; i++)
        turns = strcmp(later->rounds[i].time, earlier->rounds[i].time) > 0 &&
                (i + 1 == now->n || strcmp(earlier->rounds[i].time, later->rounds[i + 1].time) > 0);
    return turns;
}

/* By what the mean of a roof can be off on this side. */
static double spread_of(const struct judge_side *side)
{
    double spread = 1;
    for (uint32_t i = 0; i < side->n; i++)
        spread = fmax(spread, fmax(side->rounds[i].roof[0], side->rounds[i].roof[1]) /
                                  fmin(side->rounds[i].roof[0], side->rounds[i].roof[1]));
    return spread;
}

static uint32_t times_of(const struct judge_side *side)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < side->n; i++)
        n += side->rounds[i].n;
    return n;
}

struct judgement judge(const struct judge_side *now, const struct judge_side *before)
{
    static struct blocks ours, theirs;
    static double ratios[DRAWS];
    struct judgement j = {.verdict = "too few runs"};
    const bool at_roof = has_roof(now) && has_roof(before);
    uint64_t state = 1;
    if (times_of(now) < JUDGE_LEAST || times_of(before) < JUDGE_LEAST)
        return j;
    cut(now, at_roof, &ours);
    cut(before, at_roof, &theirs);
    const bool pairs = take_turns(now, before);
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint32_t rounds[JUDGE_ROUNDS];
        draw_rounds(&ours, &state, rounds);
        const double one = drawn_median(&ours, rounds, &state);
        if (!pairs)
            draw_rounds(&theirs, &state, rounds);
        ratios[i] = one / drawn_median(&theirs, rounds, &state);
    }
    sort_times(ratios, DRAWS);
    const double wider = at_roof ? sqrt(spread_of(now) * spread_of(before)) : 1;
    j.known = true;
    j.ratio = drawn_median(&ours, NULL, NULL) / drawn_median(&theirs, NULL, NULL);
    j.low = ratios[DRAWS / 40] / wider;
    j.high = ratios[DRAWS - 1 - DRAWS / 40] * wider;
    j.covers = pairs ? "pairs" : ours.rounds > 1 && theirs.rounds > 1 ? "calls" : "runs";
    j.verdict = j.low > 1 ? "SLOWER" : j.high < 1 ? "faster" : "same";
    return j;
}

uint32_t judge_outliers(const double *sorted, uint32_t n)
{
    if (n < JUDGE_LEAST)
        return 0;
    const double lower = sorted[n / 4], upper = sorted[(uint32_t)((uint64_t)n * 3 / 4)];
    uint32_t above = 0;
    while (above < n && sorted[n - 1 - above] > upper + 3 * (upper - lower))
        above++;
    return above;
}
