/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels of a text beside the right ones. What the config says of the problem decides what a label is: one of several,
 * any number of them, or a number.
 */
#include "common/fail.h"
#include "tasks/scores/score.h"
#include "tasks/task.h"

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    const struct electra_config *c = setup->config;
    *classes = c->num_labels;
    if (c->problem_type == ELECTRA_MULTI_LABEL)
        return &score_label_sets;
    const bool number =
        c->problem_type == ELECTRA_REGRESSION || (c->problem_type == ELECTRA_PROBLEM_UNSET && c->num_labels == 1);
    return number ? &score_numbers : &score_classes;
}

static pln_status judge_class(struct task_row *row, const struct task_output *logits, pln_text label, pln_error *error)
{
    struct score_class_row *r = task_judge(row, &score_classes, logits->width, error);
    const pln_status status = r ? task_read_class(row, "label", label, &r->gold, error) : PLN_NO_MEMORY;
    if (status != PLN_OK)
        return status;
    r->predicted = task_find_best(logits->data, logits->width);
    r->row = (struct score_row){task_cross_entropy(logits->data, logits->width, r->gold), 1};
    return PLN_OK;
}

static pln_status judge_number(struct task_row *row, const struct task_output *logits, pln_text label, pln_error *error)
{
    struct score_number_row *r = task_judge(row, &score_numbers, 0, error);
    if (logits->width != 1)
        return pln_fail(error, PLN_INVALID, "regression with %u numbers a row has no scores", logits->width);
    const pln_status status = r ? task_read_number("label", label, &r->gold, error) : PLN_NO_MEMORY;
    if (status != PLN_OK)
        return status;
    r->predicted = (double)logits->data[0];
    r->row = (struct score_row){(r->predicted - r->gold) * (r->predicted - r->gold), 1};
    return PLN_OK;
}

/* A text that is no list, or an empty cell, names one label, or none. */
static pln_status take_labels(struct task_row *row, const pln_text **labels, uint32_t *n, pln_error *error)
{
    const pln_field *field = pln_record_field(row->row, "label");
    if (!field || !field->text.text || (field->text.bytes && field->text.text[0] == '['))
        return task_take_list(row, "label", labels, n, error);
    *labels = &field->text;
    *n = field->text.bytes > 0;
    return PLN_OK;
}

static pln_status name(struct task_row *row, const pln_text **names, uint32_t *n, bool *list, pln_error *error)
{
    const pln_status status = take_labels(row, names, n, error);
    const pln_field *field = pln_record_field(row->row, "label");
    *list = field && *names != &field->text;
    return status;
}

static pln_status judge_set(struct task_row *row, const struct task_output *logits, pln_error *error)
{
    struct score_label_set_row *r = task_judge(row, &score_label_sets, logits->width, error);
    const pln_text *labels;
    uint32_t n, class;
    pln_status status = r ? take_labels(row, &labels, &n, error) : PLN_NO_MEMORY;
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        status = task_read_class(row, "label", labels[i], &class, error);
        if (status == PLN_OK)
            r->labels[class] |= SCORE_GOLD;
    }
    for (uint32_t i = 0; status == PLN_OK && i < logits->width; i++) {
        r->row.loss += task_binary_cross_entropy((double)logits->data[i], r->labels[i] & SCORE_GOLD ? 1 : 0);
        if (logits->data[i] > 0) /* a probability above one half */
            r->labels[i] |= SCORE_PREDICTED;
    }
    if (status == PLN_OK)
        r->row.weight = logits->width;
    return status;
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    const struct task_output *logits = &row->sequences[0].outputs[0];
    uint32_t classes;
    pln_text label;
    const struct score_family *wanted = family(row->setup, &classes);
    if (wanted == &score_label_sets)
        return judge_set(row, logits, error);
    const pln_status status = task_take_text(row, "label", &label, error);
    if (status != PLN_OK)
        return status;
    return (wanted == &score_numbers ? judge_number : judge_class)(row, logits, label, error);
}

const struct task_score task_score_classify = {.family = family, .judge = judge};

/* ---- learning */

static pln_status learn_set(struct task_row *row, float *numbers, pln_error *error)
{
    const pln_text *labels;
    uint32_t n, class;
    pln_status status = take_labels(row, &labels, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        status = task_read_class(row, "label", labels[i], &class, error);
        if (status == PLN_OK)
            numbers[class] = 1;
    }
    return status;
}

static pln_status learn(struct task_row *row, struct task_lessons *into, pln_error *error)
{
    uint32_t classes, class = 0;
    pln_text label;
    double number = 0;
    const struct score_family *wanted = family(row->setup, &classes);
    float *numbers = arena_allocate(row->memory, (classes + 1ul) * sizeof *numbers);
    if (!numbers)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u labels", classes);
    struct task_lesson lesson = {.sequences = row->sequences,
                                 .n_sequences = 1,
                                 .target = wanted == &score_classes ? TASK_CLASS : TASK_NUMBERS,
                                 .numbers = numbers,
                                 .n_numbers = classes};
    pln_status status =
        wanted == &score_label_sets ? learn_set(row, numbers, error) : task_take_text(row, "label", &label, error);
    if (status == PLN_OK && wanted == &score_classes)
        status = task_read_class(row, "label", label, &class, error);
    if (status == PLN_OK && wanted == &score_numbers && classes != 1)
        return pln_fail(error, PLN_INVALID, "regression is of one number, the model has %u", classes);
    if (status == PLN_OK && wanted == &score_numbers)
        status = task_read_number("label", label, &number, error);
    if (wanted == &score_numbers)
        numbers[0] = (float)number;
    lesson.class = (int32_t) class;
    return status == PLN_OK ? task_learn(into, &lesson, error) : status;
}

const struct task_learn task_learn_classify = {.name = name, .problems = true, .learn = learn};
