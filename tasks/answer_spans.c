/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans as they are found, in the order of their scores.
 */
#include <stdlib.h>

#include "common/array.h"
#include "tasks/answer.h"

bool answer_add(struct answer_spans *spans, struct answer_span span, float score)
{
    struct answer_span *list = array_reserve(spans->list, &spans->room, (size_t)spans->n + 1, sizeof *list);
    if (!list)
        return false;
    span.score = score;
    span.order = spans->n_found++;
    spans->list = list;
    spans->list[spans->n++] = span;
    return true;
}

static int compare_spans(const void *a, const void *b)
{
    const struct answer_span *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

void answer_sort(struct answer_spans *spans)
{
    if (spans->n > 1)
        qsort(spans->list, spans->n, sizeof *spans->list, compare_spans);
}
