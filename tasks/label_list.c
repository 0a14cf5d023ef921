/* SPDX-License-Identifier: Apache-2.0
 *
 * Which labels rows name, and what type of problem they make.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/door.h"
#include "tasks/engine.h"

enum problem { UNSAID, REGRESSION, SINGLE, MULTI };

static const char *const problems[] = {NULL, "regression", "single_label_classification", "multi_label_classification"};

struct pln_label_list {
    const struct task_kind *kind;
    enum problem wanted;
    bool lists, broken, words; /* a row had a list; a number that is not whole; a text that is no number */
    struct arena memory, row;
    const char **labels; /* sorted by bytes */
    size_t room;
    uint32_t n;
    atomic_bool in_use;
};

static pln_status find_problem(const char *name, enum problem *problem, pln_error *error)
{
    for (uint32_t i = REGRESSION; name && i <= MULTI; i++)
        if (strcmp(problems[i], name) == 0)
            *problem = (enum problem)i;
    return !name || *problem != UNSAID
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "the problem type \"%.60s\" is none of %s, %s, %s", name, problems[1],
                          problems[2], problems[3]);
}

pln_status pln_label_list_create(const char *task, const char *problem_type, pln_label_list **list, pln_error *error)
{
    enum problem problem = UNSAID;
    NEED(error, list);
    *list = NULL;
    NEED(error, task);
    const struct task_kind *kind = task_kind_find(task);
    if (!kind || !kind->learn)
        return pln_fail(error, PLN_INVALID, kind ? "the task %.100s learns nothing" : "there is no task \"%.100s\"",
                        task);
    const pln_status status = find_problem(problem_type, &problem, error);
    if (status != PLN_OK)
        return status;
    if (problem_type && !kind->learn->problems)
        return pln_fail(error, PLN_INVALID, "the task %s has %s", task,
                        kind->learn->problem_type ? "one problem type only" : "no problem type");
    pln_label_list *l = calloc(1, sizeof *l);
    if (!l)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a list of labels");
    l->kind = kind;
    l->wanted = problem;
    *list = l;
    return PLN_OK;
}

void pln_label_list_destroy(pln_label_list **list)
{
    pln_label_list *l = list ? *list : NULL;
    if (!l)
        return;
    *list = NULL;
    arena_finish(&l->memory);
    arena_finish(&l->row);
    free(l->labels);
    free(l);
}

/* ---- adding */

static bool is_whole(const char *text)
{
    const char *digits = *text == '-' ? text + 1 : text;
    return *digits && strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 18;
}

static pln_status insert(pln_label_list *l, pln_text text, pln_error *error)
{
    uint32_t low = 0, high = l->n;
    double number;
    pln_error unused;
    char *label = arena_allocate(&l->row, text.bytes + 1);
    if (!label)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a label");
    memcpy(label, text.text, text.bytes);
    if (!text.bytes || strlen(label) != text.bytes)
        return pln_fail(error, PLN_INVALID, "the label is empty, or has a zero byte in it");
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = strcmp(l->labels[middle], label);
        if (!order)
            return PLN_OK;
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    const bool is_number = task_read_number("label", text, &number, &unused) == PLN_OK;
    l->words |= !is_number;
    l->broken |= is_number && !is_whole(label);
    const char **labels = array_reserve(l->labels, &l->room, l->n + 1ul, sizeof *labels);
    char *kept = arena_copy(&l->memory, label);
    if (labels)
        l->labels = labels;
    if (!labels || !kept)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u labels", l->n);
    memmove(labels + low + 1, labels + low, (l->n - low) * sizeof *labels);
    labels[low] = kept;
    l->n++;
    return PLN_OK;
}

static pln_status add(pln_label_list *l, const pln_record *row, pln_error *error)
{
    struct task_row r = {.kind = l->kind, .row = row, .memory = &l->row, .labelled = true};
    const pln_text *names;
    uint32_t n = 0;
    bool list = false;
    pln_status status = l->kind->learn->name(&r, &names, &n, &list, error);
    l->lists |= list;
    for (uint32_t i = 0; status == PLN_OK && l->wanted != REGRESSION && i < n; i++)
        status = insert(l, names[i], error);
    arena_finish(&l->row);
    return status;
}

pln_status pln_label_list_add(pln_label_list *list, const pln_record *row, pln_error *error)
{
    NEED(error, list, row);
    if (task_record_fault(row) != TASK_NO_FAULT)
        return pln_fail(error, PLN_INVALID, "field %u of the row has no name, or a list that is NULL",
                        task_record_fault(row));
    pln_status status = in_use_begin(&list->in_use, "the list of labels", error);
    if (status != PLN_OK)
        return status;
    status = list->kind->learn->name ? add(list, row, error) : PLN_OK;
    in_use_end(&list->in_use);
    return status;
}

/* ---- the list */

static int by_number(const void *a, const void *b)
{
    const long long x = strtoll(*(const char *const *)a, NULL, 10), y = strtoll(*(const char *const *)b, NULL, 10);
    if (x != y)
        return x < y ? -1 : 1;
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum problem problem_of(const pln_label_list *l)
{
    if (l->wanted != UNSAID || !l->kind->learn->problems)
        return l->wanted;
    if (l->lists)
        return MULTI;
    return l->broken && !l->words ? REGRESSION : SINGLE;
}

pln_status pln_label_list_result(pln_label_list *list, const char *const **labels, uint32_t *n_labels,
                                 const char **problem_type, pln_error *error)
{
    NEED(error, list, labels, n_labels, problem_type);
    const struct task_learn *learn = list->kind->learn;
    *labels = NULL;
    *n_labels = learn->n_labels;
    *problem_type = learn->problem_type;
    if (!learn->name)
        return PLN_OK;
    const enum problem problem = problem_of(list);
    *problem_type = problems[problem];
    if (problem == REGRESSION) {
        *n_labels = 1;
        return PLN_OK;
    }
    if (list->n)
        qsort(list->labels, list->n, sizeof *list->labels, by_bytes);
    *labels = list->labels;
    *n_labels = list->n;
    bool whole = list->n > 0;
    for (uint32_t i = 0; i < list->n; i++)
        whole = whole && is_whole(list->labels[i]);
    if (!whole)
        return PLN_OK;
    const char **sorted = arena_allocate(&list->memory, list->n * sizeof *sorted);
    if (!sorted)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u labels", list->n);
    memcpy(sorted, list->labels, list->n * sizeof *sorted);
    qsort(sorted, list->n, sizeof *sorted, by_number);
    *labels = sorted;
    return PLN_OK;
}
