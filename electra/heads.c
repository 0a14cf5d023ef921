/* SPDX-License-Identifier: Apache-2.0
 *
 * The heads by number, name and class, and what several of them are made of.
 */
#include <string.h>

#include "electra/describe.h"

#define HEAD(number, NAME, name) extern const struct electra_head electra_head_##name;
#include "electra/heads.def"
#undef HEAD

static const struct electra_head *const heads[] = {
#define HEAD(number, NAME, name) [PLN_HEAD_##NAME] = &electra_head_##name,
#include "electra/heads.def"
#undef HEAD
};
enum { N_HEADS = sizeof heads / sizeof *heads };

const struct electra_head *electra_head(pln_head head)
{
    return (size_t)head < N_HEADS ? heads[head] : NULL;
}

pln_head electra_head_of(const char *architecture)
{
    for (size_t i = 0; i < N_HEADS; i++)
        if (heads[i] && strcmp(heads[i]->architecture, architecture) == 0)
            return (pln_head)i;
    return PLN_HEAD_DEFAULT;
}

const char *pln_head_string(pln_head head)
{
    if (head == PLN_HEAD_DEFAULT)
        return "default";
    return electra_head(head) ? electra_head(head)->name : "unknown";
}

bool pln_head_find(const char *name, pln_head *head)
{
    for (size_t i = 0; name && head && i < N_HEADS; i++)
        if (heads[i] && strcmp(heads[i]->name, name) == 0) {
            *head = (pln_head)i;
            return true;
        }
    return false;
}

pln_labels pln_head_labels(pln_head head)
{
    const struct electra_head *h = electra_head(head);
    return h ? h->labels : PLN_LABELS_NONE;
}

uint32_t electra_classes(const struct electra_config *config, const struct electra_head *head)
{
    const uint32_t classes[] = {
        [ELECTRA_OF_VOCABULARY] = config->vocab_size, [ELECTRA_OF_LABELS] = config->num_labels, [ELECTRA_OF_TWO] = 2};
    return head->labels == PLN_LABELS_NONE || head->labels == PLN_LABELS_SPANS ? 0 : classes[head->classes];
}

pln_value *electra_pick_rows(struct electra_describe *d, pln_value *x, pln_dim rows)
{
    return pln_gather(d->graph, "rows", x, electra_input(d, ELECTRA_INPUT_rows, rows, 1));
}

/* In training nobody looks at anything but the loss: what is not kept needs no memory. */
void electra_logits(struct electra_describe *d, pln_value *logits)
{
    d->logits = logits;
    if (!d->features->train)
        electra_output(d, ELECTRA_LOGITS, "logits", logits);
}

void electra_loss(struct electra_describe *d, pln_value *loss)
{
    d->loss = loss;
    electra_output(d, ELECTRA_LOSS, d->loss_name ? d->loss_name : "loss", loss);
}

pln_value *electra_loss_total(struct electra_describe *d, uint32_t sums)
{
    return d->features->total ? electra_input(d, ELECTRA_INPUT_total, pln_rows_fixed(1), sums) : NULL;
}

void electra_class_loss(struct electra_describe *d, pln_value *logits, pln_dim rows)
{
    const uint32_t classes = electra_classes(d->config, electra_head(d->features->head));
    pln_value *weights =
        d->features->class_weights ? electra_input(d, ELECTRA_INPUT_class_weights, pln_rows_fixed(1), classes) : NULL;
    electra_loss(
        d, pln_cross_entropy(d->graph, "loss", logits, electra_input(d, ELECTRA_INPUT_labels, rows, 1), -100,
                             PLN_OPTIONS(pln_loss_options, .total = electra_loss_total(d, 1), .class_weights = weights,
                                         .smoothing = (float)d->features->label_smoothing)));
}

#define OF_TASK "task_specific.dense"

bool electra_is_google_classifier(const struct electra_describe *d)
{
    const struct electra_name *name = electra_names_find(d->weights->names, OF_TASK ".weight");
    const struct weight weight = name ? electra_name_weight(name) : (struct weight){0};
    return weight.rank == 2 && weight.shape[0] == d->config->num_labels && weight.shape[1] == d->config->hidden_size;
}

pln_value *electra_classifier(struct electra_describe *d, pln_value *x, const char *name)
{
    return electra_dense(d, x, electra_is_google_classifier(d) ? OF_TASK : name, d->config->num_labels,
                         d->config->hidden_size, PLN_OPTIONS(pln_linear_options, .name = "classifier.logits"));
}
