/* SPDX-License-Identifier: Apache-2.0
 *
 * Outputs of a forward pass, kept, and how far two of them are apart.
 */
#include "cli/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void answer_finish(struct answer *a)
{
    for (uint32_t i = 0; i < a->n; i++) {
        free((void *)(uintptr_t)a->tensors[i].data);
        free((void *)(uintptr_t)a->tensors[i].name);
    }
    free(a->tensors);
    *a = (struct answer){0};
}

pln_status answer_keep(const pln_tensor *outputs, uint32_t n, struct answer *a, pln_error *error)
{
    a->tensors = calloc(n + 1, sizeof *a->tensors);
    for (; a->tensors && a->n < n; a->n++) {
        pln_tensor *t = &a->tensors[a->n];
        const size_t bytes = (size_t)pln_tensor_elements(&outputs[a->n]) * sizeof(float);
        void *data = malloc(bytes + 1);
        *t = outputs[a->n];
        t->name = strdup(outputs[a->n].name);
        t->data = data;
        if (!data || !t->name) {
            a->n++;
            break;
        }
        memcpy(data, outputs[a->n].data, bytes);
    }
    if (a->n == n && (!n || (a->tensors && a->tensors[n - 1].data && a->tensors[n - 1].name)))
        return PLN_OK;
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the outputs"};
    return PLN_NO_MEMORY;
}

struct answer_difference answer_difference_of(const pln_tensor *a, const pln_tensor *b, double tolerance)
{
    struct answer_difference d = {0, true};
    const float *x = a->data, *y = b->data;
    const uint64_t n = pln_tensor_elements(b);
    for (uint64_t i = 0; i < n; i++) {
        const double gap = fabs((double)x[i] - (double)y[i]);
        if (isnan(x[i]) && isnan(y[i]))
            continue;
        d.agrees &= gap <= tolerance * (1 + fabs((double)y[i])); /* false for a NaN on one side */
        if (gap > d.largest || isnan(gap))
            d.largest = gap;
    }
    return d;
}

const pln_tensor *answer_find(const struct answer *a, const char *name)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (strcmp(a->tensors[i].name, name) == 0)
            return &a->tensors[i];
    return NULL;
}

struct answer_difference answer_difference(const struct answer *a, const struct answer *reference, double tolerance)
{
    struct answer_difference all = {0, true};
    for (uint32_t i = 0; i < reference->n; i++) {
        const pln_tensor *t = answer_find(a, reference->tensors[i].name);
        const struct answer_difference d = t ? answer_difference_of(t, &reference->tensors[i], tolerance)
                                             : (struct answer_difference){INFINITY, false};
        all.agrees &= d.agrees;
        all.largest = d.largest > all.largest || isnan(d.largest) ? d.largest : all.largest;
    }
    return all;
}
