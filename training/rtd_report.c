/* SPDX-License-Identifier: Apache-2.0
 *
 * What a batch came to: losses, how often each half was right, and the tokens that were drawn.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"
#include "training/rtd.h"

/* ---- counting */

static bool take_room(struct rtd_result *r, const struct rtd_request *request)
{
    const size_t slots = (size_t)request->rows * request->slots, places = (size_t)request->rows * request->length;
    const size_t tokens = (size_t)(r->tokens + request->tokens);
    size_t room[2] = {r->room_tokens, r->room_tokens}, room_places[2] = {r->room_places, r->room_places};
    float *logits = array_reserve(r->logits, &room[0], tokens, sizeof *logits);
    r->logits = logits ? logits : r->logits;
    float *changed = array_reserve(r->changed, &room[1], tokens, sizeof *changed);
    r->changed = changed ? changed : r->changed;
    int64_t *sampled = array_reserve(r->sampled, &r->room_slots, slots + 1, sizeof *sampled);
    r->sampled = sampled ? sampled : r->sampled;
    int64_t *fakes = array_reserve(r->fakes, &room_places[0], places, sizeof *fakes);
    r->fakes = fakes ? fakes : r->fakes;
    int64_t *labels = array_reserve(r->labels, &room_places[1], places, sizeof *labels);
    r->labels = labels ? labels : r->labels;
    if (!logits || !changed || !sampled || !fakes || !labels)
        return false;
    r->room_tokens = room[0] < room[1] ? room[0] : room[1];
    r->room_places = room_places[0] < room_places[1] ? room_places[0] : room_places[1];
    return true;
}

static void forget(struct rtd_result *r)
{
    r->masked_lm_sum = r->disc_sum = 0;
    r->examples = r->tokens = r->masked = r->mask_tokens = r->replaced = r->best_right = r->sampled_right = 0;
}

/* The means so far become sums, to which the next batch adds. */
static void sum_up(struct rtd_result *r)
{
    r->masked_lm_sum += r->masked_lm_loss * (double)r->request.masked;
    r->disc_sum += r->disc_loss * (double)r->request.tokens;
}

pln_status rtd_result_begin(struct training_rtd *rtd, const struct rtd_request *request, bool more, pln_error *error)
{
    struct rtd_result *r = &rtd->result;
    const size_t slots = (size_t)request->rows * request->slots, places = (size_t)request->rows * request->length;
    if (more && r->there)
        sum_up(r);
    else
        forget(r);
    r->there = false;
    if (!take_room(r, request))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the results of %llu tokens",
                        (unsigned long long)request->tokens);
    r->request = *request;
    r->masked_lm_loss = r->disc_loss = 0;
    r->examples += request->rows;
    for (size_t i = 0; i < slots; i++)
        r->sampled[i] = -1;
    for (size_t i = 0; i < places; i++)
        r->fakes[i] = session_integer(request->input_ids, i);
    memset(r->labels, 0, places * sizeof *r->labels);
    return PLN_OK;
}

void rtd_result_undo(struct rtd_result *result, const struct rtd_result *before)
{
    const struct rtd_result now = *result;
    *result = *before;
    result->logits = now.logits;
    result->changed = now.changed;
    result->sampled = now.sampled;
    result->fakes = now.fakes;
    result->labels = now.labels;
    result->room_tokens = now.room_tokens;
    result->room_slots = now.room_slots;
    result->room_places = now.room_places;
}

void rtd_result_finish(struct rtd_result *result)
{
    free(result->logits);
    free(result->changed);
    free(result->sampled);
    free(result->fakes);
    free(result->labels);
}

/* What was drawn for chosen token i of the part, at slot `slot` of its row. */
static void add_masked(struct training_rtd *rtd, const struct rtd_packed *p, uint32_t i, size_t slot, int32_t best,
                       int32_t drawn)
{
    struct rtd_result *r = &rtd->result;
    const int32_t *origin = p->at_origin + (size_t)PLN_ORIGIN_COLUMNS * i;
    const size_t row = (size_t)origin[PLN_ORIGIN_SEQUENCE]; /* of the whole batch */
    const size_t place = row * r->request.length + (size_t)origin[PLN_ORIGIN_POSITION];
    r->best_right += best == p->labels[i];
    r->sampled_right += drawn == p->labels[i];
    r->mask_tokens += p->ids[p->at[i]] == rtd->mask_id;
    r->sampled[row * r->request.slots + slot] = drawn;
    if (!rtd->options.masked_lm_only) {
        r->fakes[place] = drawn;
        r->labels[place] = drawn != p->labels[i];
    }
}

static void add_slots(struct training_rtd *rtd, const struct rtd_packed *p, const int32_t *best, const int32_t *drawn)
{
    const struct rtd_request *request = &rtd->result.request;
    uint32_t i = 0;
    for (uint32_t row = 0; row < p->rows; row++)
        for (uint32_t slot = 0; slot < request->slots; slot++) {
            const uint64_t at = (uint64_t)(p->first + row) * request->slots + slot;
            if (session_integer(request->positions, at) < 0)
                continue;
            add_masked(rtd, p, i, slot, best[i], drawn[i]);
            i++;
        }
}

void rtd_result_add(struct training_rtd *rtd, const struct rtd_packed *packed, void *const *outputs)
{
    struct rtd_result *r = &rtd->result;
    r->masked_lm_loss += (double)*(const float *)outputs[ELECTRA_RTD_MASKED_LM_LOSS];
    add_slots(rtd, packed, outputs[ELECTRA_RTD_BEST], outputs[ELECTRA_RTD_SAMPLED]);
    if (outputs[ELECTRA_RTD_DISC_LOSS]) {
        const float *changed = outputs[ELECTRA_RTD_LABELS];
        r->disc_loss += (double)*(const float *)outputs[ELECTRA_RTD_DISC_LOSS];
        memcpy(r->logits + r->tokens, outputs[ELECTRA_RTD_DISC_LOGITS], packed->tokens * sizeof *r->logits);
        memcpy(r->changed + r->tokens, changed, packed->tokens * sizeof *changed);
        for (uint32_t i = 0; i < packed->tokens; i++)
            r->replaced += changed[i] != 0;
    }
    r->tokens += packed->tokens;
    r->masked += packed->masked;
    r->there = true;
}

/* ---- the report */

struct judged {
    float logit;
    bool changed;
};

static int by_logit(const void *a, const void *b)
{
    const float x = ((const struct judged *)a)->logit, y = ((const struct judged *)b)->logit;
    return (x > y) - (x < y);
}

/* The area under the curve of hits over false alarms: how often a fake has the larger logit of a fake and a real token,
 * equal ones being half of it. NaN where one kind is missing, or there is no memory. */
static double area(const struct rtd_result *r)
{
    struct judged *all = malloc((r->tokens + 1) * sizeof *all);
    double below = 0, won = 0, fakes = 0;
    for (uint64_t i = 0; all && i < r->tokens; i++)
        all[i] = (struct judged){r->logits[i], r->changed[i] != 0};
    if (all)
        qsort(all, r->tokens, sizeof *all, by_logit);
    for (uint64_t i = 0, j; all && i < r->tokens; i = j) {
        double real = 0, fake = 0;
        for (j = i; j < r->tokens && !(all[j].logit > all[i].logit); j++)
            *(all[j].changed ? &fake : &real) += 1;
        won += fake * (below + real / 2);
        below += real;
        fakes += fake;
    }
    free(all);
    return all && fakes > 0 && below > 0 ? won / (fakes * below) : (double)NAN;
}

static double share(uint64_t part, uint64_t all)
{
    return all ? (double)part / (double)all : (double)NAN;
}

/* Of all batches: their sum, and the mean of the last one, which `last` of all are of. */
static double mean(double sum, double loss, uint64_t last, uint64_t all)
{
    return last == all ? loss : (sum + loss * (double)last) / (double)all;
}

static void judge_discriminator(const struct rtd_result *r, pln_pretraining_report *out)
{
    uint64_t right = 0, called = 0, hit = 0;
    for (uint64_t i = 0; i < r->tokens; i++) {
        const bool says = r->logits[i] >= 0, is = r->changed[i] != 0;
        right += says == is;
        called += says;
        hit += says && is;
    }
    out->disc_loss = (float)mean(r->disc_sum, r->disc_loss, r->request.tokens, r->tokens);
    out->disc_accuracy = share(right, r->tokens);
    out->disc_precision = share(hit, called);
    out->disc_recall = share(hit, r->replaced);
    out->disc_auc = area(r);
}

pln_pretraining_report rtd_report(struct training_rtd *rtd)
{
    struct rtd_result *r = &rtd->result;
    const struct rtd_request *q = &r->request;
    const double none = (double)NAN;
    pln_pretraining_report out = {.size = sizeof out,
                                  .masked_lm_loss =
                                      (float)mean(r->masked_lm_sum, r->masked_lm_loss, q->masked, r->masked),
                                  .disc_loss = NAN,
                                  .examples = r->examples,
                                  .tokens = r->tokens,
                                  .masked = r->masked,
                                  .mask_tokens = r->mask_tokens,
                                  .replaced = r->replaced,
                                  .masked_lm_accuracy = share(r->best_right, r->masked),
                                  .sampled_masked_lm_accuracy = share(r->sampled_right, r->masked),
                                  .disc_accuracy = none,
                                  .disc_precision = none,
                                  .disc_recall = none,
                                  .disc_auc = none,
                                  .tensors = r->tensors,
                                  .n_tensors = 3};
    r->tensors[0] = (pln_tensor){"sampled_ids", PLN_I64, 2, {q->rows, q->slots}, r->sampled};
    r->tensors[1] = (pln_tensor){"discriminator_ids", PLN_I64, 2, {q->rows, q->length}, r->fakes};
    r->tensors[2] = (pln_tensor){"labels", PLN_I64, 2, {q->rows, q->length}, r->labels};
    if (!rtd->options.masked_lm_only)
        judge_discriminator(r, &out);
    return out;
}
