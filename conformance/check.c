/* SPDX-License-Identifier: Apache-2.0
 *
 * Is what a device makes of a case right? Beside the oracle, element by element, and nothing else is touched.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/instance.h"

/* Results hold inputs and weights of order one, so that outputs are of order one too: 2e-5 is some hundred roundings of
 * f32, what sums over a few thousand terms lose, and far below what a wrong index or a dropped term costs. */
double conf_tolerance = 2e-5;

double conf_ulp;
double conf_half_unit;

/* By how much an output may differ. */
static double bound_of(const struct conf_value *v, double right)
{
    enum { SMALLEST = -25 }; /* half the distance of the least numbers of f16 */
    if (v->bound < 0)
        return conf_half_unit * fabs(right) * 1.001 + ldexp(1, SMALLEST);
    const double tolerance = v->tolerances > 0 ? v->tolerances * conf_tolerance : conf_tolerance;
    return v->bound > 0 ? v->bound : tolerance * (1 + fabs(right));
}

static bool is_output(const struct conf_case *c, uint32_t value)
{
    for (uint32_t i = 0; i < c->n_nodes; i++)
        for (uint32_t j = 0; j < c->nodes[i].n_outputs; j++)
            if (c->nodes[i].outputs[j] == (int32_t)value)
                return true;
    return false;
}

/* The first word of a value or window in the image. */
static uint32_t place_of(const struct conf_instance *in, const struct conf_case *c, uint32_t value)
{
    const struct conf_value *v = &c->values[value];
    return in->places[v->base == PLN_ABSENT ? value : (uint32_t)v->base] + v->first;
}

/* Marks the words that nodes may write. */
static void mark_written(const struct conf_instance *in, const struct conf_case *c, bool *written)
{
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        for (uint32_t r = 0; is_output(c, i) && r < conf_count(c, v->rows); r++)
            for (uint32_t k = 0; k < v->width; k++)
                written[place_of(in, c, i) + r * v->stride + k] = true;
    }
}

/* Says which word of the image was written that is no element of an output. */
static void name_place(const struct conf_instance *in, const struct conf_case *c, uint32_t word, char *why,
                       size_t bytes)
{
    int32_t value = PLN_ABSENT; /* that the word is in or follows: places rise with the index */
    for (uint32_t i = 0; i < c->n_values; i++)
        if (conf_in_memory(&c->values[i]) && in->places[i] <= word)
            value = (int32_t)i;
    if (value == PLN_ABSENT) {
        snprintf(why, bytes, "round %u: word %u was written, before the first value", c->round, word);
        return;
    }
    const struct conf_value *v = &c->values[value];
    const uint32_t at = word - in->places[value], row = at / v->stride, column = at % v->stride;
    const char *what = "beside what is written";
    if (row >= pln_dim_rows(v->rows, c->capacity))
        what = "a guard behind the value";
    else if (row >= conf_count(c, v->rows))
        what = "past the real rows";
    else if (column >= v->width)
        what = "padding";
    else if (v->data)
        what = "an input";
    snprintf(why, bytes, "round %u: value %d, row %u, column %u was written: %s", c->round, value, row, column, what);
}

static bool check_untouched(const struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    bool *written = calloc(in->words, sizeof *written);
    uint32_t *before = malloc(in->words * sizeof *before), i = 0;
    if (written && before) {
        mark_written(in, c, written);
        conf_fill_image(in, c, before);
        while (i < in->words && (written[i] || in->after[i] == before[i]))
            i++;
    }
    const bool untouched = i == in->words;
    if (!untouched)
        name_place(in, c, i, why, bytes);
    free(written);
    free(before);
    return untouched;
}

static double read_word(const struct conf_value *value, const uint32_t *word)
{
    float x;
    memcpy(&x, word, sizeof x);
    return value->dtype == PLN_I32 ? (double)(int32_t)*word : (double)x;
}

/* The largest difference so far, in units of the last place of the right number, or of 1 where that is less. */
static void note_ulp(const struct conf_value *v, double y, double right)
{
    int exponent;
    if (v->dtype == PLN_I32 || !isfinite(y) || !isfinite(right))
        return;
    frexp(fmax(fabs(right), 1), &exponent);
    conf_ulp = fmax(conf_ulp, ldexp(fabs(y - right), 24 - exponent));
}

/* A constant is read-only, also where it is used where it lies; rounds make the same numbers. */
static bool check_constants(const struct conf_case *kept, const struct conf_case *now, char *why, size_t bytes)
{
    for (uint32_t i = 0; i < kept->n_values; i++) {
        const struct conf_value *v = &kept->values[i];
        if (v->kind != PLN_VALUE_CONSTANT ||
            memcmp(v->data, now->values[i].data, (size_t)v->rows.offset * v->width * sizeof(float)) == 0)
            continue;
        snprintf(why, bytes, "round %u: constant %u was written", now->round, i);
        return false;
    }
    return true;
}

/* A NaN is right where the oracle has one, but not the pattern: then the element was not written. */
static bool check_outputs(const struct conf_instance *in, const struct conf_instance *oracle, const struct conf_case *c,
                          char *why, size_t bytes)
{
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        for (uint32_t r = 0; is_output(c, i) && r < conf_count(c, v->rows); r++)
            for (uint32_t k = 0; k < v->width; k++) {
                const uint32_t at = r * v->stride + k, *word = &in->after[place_of(in, c, i) + at];
                const double y = read_word(v, word);
                const double right = read_word(v, &oracle->after[place_of(oracle, c, i) + at]);
                const double bound = bound_of(v, right);
                const bool near = v->dtype != PLN_I32 && isfinite(right) && fabs(y - right) <= bound;
                note_ulp(v, y, right);
                const bool same = (isnan(y) && isnan(right)) || y == right || near;
                if (same && *word != CONF_PATTERN)
                    continue;
                snprintf(why, bytes, "round %u: value %u, row %u, column %u is %.8g%s, expected %.8g", c->round, i, r,
                         k, y, *word == CONF_PATTERN ? " as before the run" : "", right);
                return false;
            }
    }
    return true;
}

enum conf_verdict conf_check_round(struct conf_instance *in, struct conf_instance *oracle, conf_fill *fill,
                                   uint32_t index, const struct conf_case *kept, uint32_t round, char *why,
                                   size_t bytes)
{
    pln_failure error = {.size = sizeof error};
    struct conf_case *now = malloc(sizeof *now);
    if (!now)
        return CONF_FAILED;
    conf_begin(now, index, round);
    fill(now, index);
    enum conf_verdict verdict = CONF_FAILED;
    if (conf_instance_run(in, now, &error) != PLN_OK || conf_instance_run(oracle, now, &error) != PLN_OK)
        snprintf(why, bytes, "round %u: %s", round, error.message);
    else if (check_constants(kept, now, why, bytes) && check_outputs(in, oracle, now, why, bytes) &&
             (in->target->info.f32_bytes != 4 || check_untouched(in, now, why, bytes)))
        verdict = CONF_PASSED;
    conf_free(now);
    free(now);
    return verdict;
}

/* The case of round 0 lives on: a device may use its constants where they lie. */
enum conf_verdict conf_check(const struct conf_target *target, const struct conf_target *oracle, conf_fill *fill,
                             uint32_t index, const struct conf_case *c, char *why, size_t why_bytes)
{
    struct conf_instance in = {.target = target}, right = {.target = oracle};
    enum conf_verdict verdict = conf_instance_open(&in, c, why, why_bytes);
    if (verdict == CONF_PASSED)
        verdict = conf_instance_open(&right, c, why, why_bytes);
    for (uint32_t round = 0; verdict == CONF_PASSED && round < CONF_ROUNDS; round++)
        verdict = conf_check_round(&in, &right, fill, index, c, round, why, why_bytes);
    conf_instance_close(&in);
    conf_instance_close(&right);
    return verdict;
}
