/* SPDX-License-Identifier: Apache-2.0
 *
 * What the third sides of tasks call: labels as numbers, losses, and what a row counts for.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/fail.h"
#include "tasks/scores/score.h"
#include "tasks/task.h"

void *task_judge(struct task_row *row, const struct score_family *family, uint32_t classes, pln_error *error)
{
    struct task_judged *judged = arena_allocate(row->memory, sizeof *judged);
    void *counted = arena_allocate(row->memory, family->row_bytes + (size_t)family->row_bytes_of_class * classes);
    if (!judged || !counted) {
        pln_fail(error, PLN_NO_MEMORY, "no memory for what an answer counts for");
        return NULL;
    }
    *judged = (struct task_judged){family, classes, counted};
    row->answer.judged = judged;
    return counted;
}

/* ---- labels */

pln_status task_read_number(const char *column, pln_text text, double *number, pln_error *error)
{
    char copy[64], *end = copy;
    if (text.bytes && text.bytes < sizeof copy) {
        memcpy(copy, text.text, text.bytes);
        copy[text.bytes] = '\0';
        if (copy[strspn(copy, "+-.0123456789eE")] == '\0')
            *number = strtod(copy, &end);
    }
    if (end == copy || end != copy + text.bytes || !isfinite(*number))
        return pln_fail(error, PLN_INVALID, "the column `%s`: \"%.*s\" is no number", column,
                        (int)(text.bytes < 60 ? text.bytes : 60), text.text);
    return PLN_OK;
}

pln_status task_read_index(const char *column, pln_text text, uint32_t end, uint32_t *index, pln_error *error)
{
    uint64_t n = 0;
    bool whole = text.bytes && text.bytes <= 9;
    for (size_t i = 0; whole && i < text.bytes; i++) {
        whole = text.text[i] >= '0' && text.text[i] <= '9';
        n = 10 * n + (unsigned)(text.text[i] - '0');
    }
    if (!whole || n >= end) {
        const int shown = (int)(text.bytes < 60 ? text.bytes : 60);
        return pln_fail(error, PLN_INVALID, "the column `%s`: \"%.*s\" is no whole number from 0 to %u", column, shown,
                        text.text, end ? end - 1 : 0);
    }
    *index = (uint32_t)n;
    return PLN_OK;
}

pln_status task_read_class(const struct task_row *row, const char *column, pln_text text, uint32_t *class,
                           pln_error *error)
{
    const struct electra_config *config = row->setup->config;
    pln_error unused;
    for (uint32_t i = 0; i < config->num_labels; i++) {
        const char *label = pln_model_label(row->setup->model, i);
        if (strlen(label) == text.bytes && memcmp(label, text.text, text.bytes) == 0) {
            *class = i;
            return PLN_OK;
        }
    }
    if (task_read_index(column, text, config->num_labels, class, &unused) == PLN_OK)
        return PLN_OK;
    return pln_fail(error, PLN_INVALID, "the column `%s`: \"%.*s\" is none of the model's %u labels, as \"%.60s\"",
                    column, (int)(text.bytes < 60 ? text.bytes : 60), text.text, config->num_labels,
                    pln_model_label(row->setup->model, 0));
}

/* ---- arithmetic */

double task_cross_entropy(const float *logits, uint32_t n, uint32_t gold)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = fmax(top, (double)logits[i]);
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    return log(sum) + top - (double)logits[gold];
}

double task_binary_cross_entropy(double logit, double target)
{
    return fmax(logit, 0) - logit * target + log1p(exp(-fabs(logit)));
}

uint32_t task_find_best(const float *x, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}
