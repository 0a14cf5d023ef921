/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of answers.
 */
#include <math.h>

#include "common/fail.h"
#include "tasks/task.h"

void task_softmax(float *x, uint32_t n)
{
    float top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = x[i] > top ? x[i] : top;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = expf(x[i] - top);
        sum += x[i];
    }
    for (uint32_t i = 0; i < n; i++)
        x[i] /= sum;
}

float task_sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

/* ---- the best of many */

/* Whether candidate a comes before b: higher, or as high with the lower id. */
static bool comes_before(const float *x, uint32_t a, uint32_t b)
{
    return x[a] != x[b] ? x[a] > x[b] : a < b;
}

/* In a heap of candidates with the last of them on top: lets the one at `at` sink to where it belongs. */
static void sink(uint32_t *heap, uint32_t n, uint32_t at, const float *x)
{
    for (uint32_t last = at;; at = last) {
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (comes_before(x, heap[last], heap[child]))
                last = child;
        if (last == at)
            return;
        const uint32_t held = heap[at];
        heap[at] = heap[last];
        heap[last] = held;
    }
}

void task_pick_best(const float *x, uint32_t n, uint32_t *best, uint32_t top)
{
    for (uint32_t i = 0; i < top; i++)
        best[i] = i;
    for (uint32_t i = top / 2; i-- > 0;)
        sink(best, top, i, x);
    for (uint32_t i = top; top && i < n; i++)
        if (comes_before(x, i, best[0])) {
            best[0] = i;
            sink(best, top, 0, x);
        }
    for (uint32_t left = top; left > 1; left--) { /* the last goes behind the others */
        const uint32_t last = best[0];
        best[0] = best[left - 1];
        best[left - 1] = last;
        sink(best, left - 1, 0, x);
    }
}

/* ---- numbers that answer nothing */

static pln_status check_row(const float *x, uint32_t width, uint32_t row, bool barred, pln_error *error)
{
    bool finite = false;
    for (uint32_t i = 0; i < width; i++) {
        finite = finite || isfinite(x[i]);
        if (!isfinite(x[i]) && !(barred && x[i] == -INFINITY))
            return pln_fail(error, PLN_FAILED,
                            "the model has no answer: logit %u of row %u is %s; a weight is not finite, or too large",
                            i, row, isnan(x[i]) ? "NaN" : "infinite");
    }
    return finite ? PLN_OK
                  : pln_fail(error, PLN_FAILED, "the model has no answer: every logit of row %u is barred", row);
}

pln_status task_check_finite(const struct task_output *output, bool barred, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < output->rows; i++)
        status = check_row(output->data + (size_t)i * output->width, output->width, i, barred, error);
    return status;
}
