/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a subject that is two halves: a batch is packed (rtd_pack.c), run on the joint graph (rtd.c), and
 * counted (rtd_report.c); halves are saved as models (rtd_save.c). The doors are in pretraining.c.
 */
#ifndef TRAINING_RTD_H
#define TRAINING_RTD_H

#include "api/pleione_pretraining.h"
#include "electra/rtd.h"
#include "session/pool.h"
#include "session/session.h"
#include "training/subject.h"

/* A batch as the caller gave it; NULL: absent. */
struct rtd_request {
    const pln_tensor *input_ids, *attention_mask, *token_type_ids, *positions, *masked_ids;
    uint32_t rows, length, slots;
    uint64_t tokens, masked; /* in all rows */
};

/* Rows [first, first + rows) of it as the graph reads them. Memory from the pool. */
struct rtd_packed {
    uint32_t rows, first, tokens, masked;
    int32_t *originals, *ids, *types, *positions; /* [tokens] */
    int32_t *starts;                              /* [rows + 1] */
    int32_t *at, *labels;                         /* [masked]: rows of tokens, and what stood there */
    int32_t *origin, *at_origin;                  /* [tokens, 2], [masked, 2] */
};

/* The joint graph in one of its forms, placed. */
enum rtd_form { RTD_STEP, RTD_TRACED, RTD_EVALUATED, RTD_FORMS };
struct rtd_variant {
    struct electra_rtd rtd;
    pln_schedule *schedule;
    const void **inputs; /* [values] by id */
    void **outputs;      /* [outputs of the graph] */
};

/* What a batch came to, over all parts, or several batches that are judged together: for the report. */
struct rtd_result {
    bool there;
    struct rtd_request request;       /* its tensors are the caller's and gone */
    double masked_lm_loss, disc_loss; /* means of the last batch */
    double masked_lm_sum, disc_sum;   /* over what the batches before it had */
    uint64_t examples, tokens, masked, mask_tokens, replaced, best_right, sampled_right; /* of all batches */
    float *logits;    /* [tokens] of the discriminator, in the order of the rows */
    float *changed;   /* [tokens] labels */
    int64_t *sampled; /* [rows, slots] */
    int64_t *fakes;   /* [rows, length] */
    int64_t *labels;  /* [rows, length] */
    size_t room_tokens, room_slots, room_places;
    pln_tensor tensors[3];
};

struct training_rtd {
    struct training_subject subject;
    pln_model *generator, *discriminator;
    struct electra_weights generator_weights, discriminator_weights;
    pln_devices *devices;
    pln_schedule_options placement;
    struct electra_rtd_options options;
    double mask_probability; /* for estimates */
    int32_t mask_id;         /* -1: the tokenizer has none, or there is no tokenizer */
    struct rtd_variant variants[RTD_FORMS];
    enum rtd_form last; /* that was run */
    uint32_t dims[GRAPH_SYMBOLS];
    struct pool pool;
    struct rtd_result result, aside;
    pln_tensor *shown; /* every node of a traced run */
};

static inline struct training_rtd *training_rtd_of(struct training_subject *subject)
{
    return (struct training_rtd *)(void *)subject;
}

extern const struct training_subject_kind training_rtd_kind;

/* ---- rtd.c */

struct training_rtd_parts {
    pln_model *generator, *discriminator;
    pln_devices *devices;
    pln_states *states; /* where the flat states live */
    double mask_probability;
};
pln_status training_rtd_create(const struct training_rtd_parts *parts, const pln_trainer_options *options,
                               const struct electra_rtd_options *rtd_options, struct training_subject **subject,
                               pln_error *error);
/* A batch forward, without dropout; what is drawn hangs on seed and number. The result is kept for the report, beside
 * those of the numbers from 0 on. */
pln_status training_rtd_evaluate(struct training_subject *subject, const pln_tensor *inputs, uint32_t n_inputs,
                                 uint64_t seed, uint32_t number, pln_error *error);

/* ---- rtd_pack.c */

/* PLN_INVALID names the tensor, what was expected and what was found. */
pln_status rtd_request_read(const pln_tensor *inputs, uint32_t n_inputs, struct rtd_request *request, pln_error *error);
pln_status rtd_pack(struct training_rtd *rtd, const struct rtd_request *request, uint32_t first, uint32_t rows,
                    struct rtd_packed *packed, pln_error *error);

/* ---- rtd_report.c */

/* Room for a batch. more: it counts beside what was there, else alone. */
pln_status rtd_result_begin(struct training_rtd *rtd, const struct rtd_request *request, bool more, pln_error *error);
/* Adds what a part came to; outputs by electra_rtd_output, NULL where the graph has none. */
void rtd_result_add(struct training_rtd *rtd, const struct rtd_packed *packed, void *const *outputs);
/* As it was before a batch that came to nothing; its memory may have moved. */
void rtd_result_undo(struct rtd_result *result, const struct rtd_result *before);
void rtd_result_finish(struct rtd_result *result);
pln_pretraining_report rtd_report(struct training_rtd *rtd);

/* ---- rtd_save.c */

/* The name that a tensor of the flat state has in a half, without "electra."; NULL: it is not of that half. */
const char *rtd_name_in(const struct training_rtd *rtd, pln_half half, const char *name);

pln_status rtd_check_save(struct training_subject *subject, pln_error *error);
/* The state of a trainer: the discriminator's config, and all weights by their names in the flat state. */
pln_status rtd_save(struct training_subject *subject, const struct ckpt_save *save, const pln_tensor *tensors,
                    uint32_t n_tensors, pln_error *error);
/* Config, tokenizer and weights of a half, of which these are those of the flat state. */
pln_status rtd_save_half(const struct training_rtd *rtd, pln_half half, const struct ckpt_save *save,
                         const pln_tensor *tensors, uint32_t n_tensors, pln_error *error);
#endif
