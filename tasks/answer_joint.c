/* SPDX-License-Identifier: Apache-2.0
 *
 * Google's head of answers (finetune/qa of google-research/electra): of a window the likeliest starts, for each of them the
 * likeliest ends, and how likely there is no answer. A span's score is the probability of its start times that of its end.
 */
#include <math.h>
#include <stdlib.h>

#include "common/fail.h"
#include "tasks/answer.h"

enum { BEAM = 20, PAIR_BYTES = 96 << 20 };

/* ---- numbers of a window, one behind the other
 *
 * whether there is a score for no answer, that score, starts [n], how many starts have ends, those starts [n_ends], and for each
 * of them ends [n]. Of rows with labels the first start is the right one. */

struct window {
    float none;
    uint32_t n, n_starts;
    const float *begins, *starts, *ends;
};

static struct window read_window(const struct task_sequence *s)
{
    const float *at = s->outputs[0].data;
    struct window w = {.none = at[0] != 0 ? at[1] : -INFINITY, .n = s->tokens.n, .begins = at + 2};
    w.n_starts = (uint32_t)w.begins[w.n];
    w.starts = w.begins + w.n + 1;
    w.ends = w.starts + w.n_starts;
    return w;
}

static size_t numbers_of(const struct task_sequence *s, uint32_t n_starts)
{
    return 3 + (size_t)s->tokens.n + n_starts * (1 + (size_t)s->tokens.n);
}

/* ---- a batch */

struct pass {
    struct task_work *work;
    struct task_sequence *const *sequences;
    uint32_t n, length, n_starts;
    struct arena memory;
    pln_tensor tensors[TASK_INPUTS]; /* ids, then what goes with them */
    float *hidden;                   /* [n, length, width] */
    int32_t *starts;                 /* [n, n_starts] */
    uint32_t width;
    float *numbers;
};

/* The likeliest starts; a short window has fewer, and repeats its first token. */
static pln_status choose_starts(struct pass *p, uint32_t i, const float *begins, pln_error *error)
{
    const struct task_sequence *s = p->sequences[i];
    const uint32_t first = s->row->labelled, n = s->tokens.n < BEAM ? s->tokens.n : BEAM;
    int32_t *starts = p->starts + (size_t)i * p->n_starts;
    uint32_t best[BEAM];
    memset(starts, 0, p->n_starts * sizeof *starts);
    task_pick_best(begins, s->tokens.n, best, n);
    for (uint32_t j = 0; j < n; j++)
        starts[first + j] = (int32_t)best[j];
    if (!first)
        return PLN_OK;
    struct answer_gold gold;
    uint32_t begin = 0, end;
    const pln_status status = answer_take_gold(s->row, &gold, error);
    if (status == PLN_OK)
        answer_find_positions(&s->tokens, &gold, &begin, &end);
    starts[0] = (int32_t)begin;
    return PLN_OK; /* what is wrong with a label is said where it is judged */
}

static pln_status keep_first(struct pass *p, const struct session_flat *flat, pln_error *error)
{
    const pln_tensor *begins = task_find_output(flat, (struct task_read){ELECTRA_TOKEN_SCORES, 0});
    const pln_tensor *hidden = task_find_output(flat, (struct task_read){ELECTRA_STATE, 0});
    const pln_tensor *none = task_find_output(flat, (struct task_read){ELECTRA_ROW_SCORES, 0});
    if (!begins || !hidden)
        return pln_fail(error, PLN_INVALID, "the session does not give start_logits");
    p->width = (uint32_t)hidden->shape[1];
    const size_t cells = (size_t)p->n * p->length * p->width;
    p->hidden = arena_allocate(&p->memory, cells * sizeof *p->hidden);
    p->starts = arena_allocate(&p->memory, (size_t)p->n * p->n_starts * sizeof *p->starts);
    if (!p->hidden || !p->starts)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %zu hidden states", cells);
    memset(p->hidden, 0, cells * sizeof *p->hidden);
    float *to = p->numbers;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < p->n; i++) {
        const struct task_sequence *s = p->sequences[i];
        const size_t first = (size_t)flat->starts[i];
        const float *scores = (const float *)begins->data + first;
        to[0] = none != NULL;
        to[1] = none ? ((const float *)none->data)[i] : 0;
        memcpy(to + 2, scores, s->tokens.n * sizeof *to);
        memcpy(p->hidden + (size_t)i * p->length * p->width, (const float *)hidden->data + first * p->width,
               (size_t)s->tokens.n * p->width * sizeof *to);
        status = choose_starts(p, i, scores, error);
        to += numbers_of(s, p->n_starts);
    }
    return status;
}

/* Ends of the sequences [begin, end). */
static pln_status run_ends(struct pass *p, uint32_t begin, uint32_t end, float **to, pln_error *error)
{
    const uint32_t n = end - begin;
    struct session_flat flat;
    pln_tensor in[4] = {p->tensors[1], p->tensors[2]};
    for (uint32_t i = 0; i < 2; i++) {
        const size_t row = (size_t)p->length * pln_dtype_bytes(in[i].dtype);
        in[i].shape[0] = n;
        in[i].data = (const char *)in[i].data + begin * row;
    }
    in[2] = (pln_tensor){
        "last_hidden_state", PLN_F32, 3, {n, p->length, p->width}, p->hidden + (size_t)begin * p->length * p->width};
    in[3] = (pln_tensor){"start_positions", PLN_I32, 2, {n, p->n_starts}, p->starts + (size_t)begin * p->n_starts};
    const pln_status status = session_forward_flat(p->work->session, in, 4, NULL, 0, &flat, error);
    if (status != PLN_OK)
        return status;
    const pln_tensor *ends = task_find_output(&flat, (struct task_read){ELECTRA_PAIR_SCORES, 0});
    if (!ends)
        return pln_fail(error, PLN_INVALID, "the session does not give end_logits");
    const float *from = ends->data;
    for (uint32_t i = begin; i < end; i++) {
        struct task_sequence *s = p->sequences[i];
        const size_t all = (size_t)p->n_starts * s->tokens.n;
        float *at = *to + 2 + s->tokens.n;
        *at++ = (float)p->n_starts;
        for (uint32_t j = 0; j < p->n_starts; j++)
            *at++ = (float)p->starts[(size_t)i * p->n_starts + j];
        memcpy(at, from, all * sizeof *at);
        s->outputs[0] = (struct task_output){*to, (uint32_t)numbers_of(s, p->n_starts), 1};
        *to += numbers_of(s, p->n_starts);
        from += all;
    }
    return PLN_OK;
}

/* So many sequences at a time that what their pairs of tokens are made into stays in bounds. */
static pln_status run_all_ends(struct pass *p, pln_error *error)
{
    const size_t sequence = (size_t)p->length * p->n_starts * (2 * (size_t)p->width + 512) * sizeof(float);
    const uint32_t at_once = sequence < PAIR_BYTES ? (uint32_t)(PAIR_BYTES / sequence) : 1;
    float *to = p->numbers;
    pln_status status = PLN_OK;
    for (uint32_t begin = 0; status == PLN_OK && begin < p->n; begin += at_once)
        status = run_ends(p, begin, p->n - begin < at_once ? p->n : begin + at_once, &to, error);
    return status;
}

pln_status answer_joint_run(struct task_work *work, struct task_sequence *const *sequences, uint32_t n,
                            pln_error *error)
{
    struct pass p = {.work = work, .sequences = sequences, .n = n, .n_starts = BEAM + sequences[0]->row->labelled};
    struct session_flat flat;
    size_t all = 0;
    for (uint32_t i = 0; i < n; i++)
        all += numbers_of(sequences[i], p.n_starts);
    p.numbers = work->take(work, all + 1);
    pln_status status = p.numbers ? task_fill_inputs(work, sequences, n, &p.memory, p.tensors, error)
                                  : pln_fail(error, PLN_NO_MEMORY, "no memory for %zu scores", all);
    p.length = sequences[0]->length; /* the longest is first */
    if (status == PLN_OK)
        status = session_forward_flat(work->session, p.tensors, TASK_INPUTS, NULL, 0, &flat, error);
    if (status == PLN_OK)
        status = keep_first(&p, &flat, error);
    if (status == PLN_OK)
        status = run_all_ends(&p, error);
    arena_finish(&p.memory);
    return status;
}

/* ---- spans */

/* The log of the sum of exp(x). */
static double log_sum(const float *x, uint32_t n)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = fmax(top, (double)x[i]);
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)x[i] - top);
    return top + log(sum);
}

/* The tokens of the context in a window: the first of them, how many, and the place of the first in the whole context. */
struct place {
    uint32_t first, n;
    int64_t begin;
};

static struct place *find_places(const struct task_row *row)
{
    struct place *places = arena_allocate(row->memory, (row->n_sequences + 1ul) * sizeof *places);
    for (uint32_t w = 0; places && w < row->n_sequences; w++) {
        const struct task_tokens *t = &row->sequences[w].tokens;
        places[w] = (struct place){.begin = w ? places[w - 1].begin + places[w - 1].n - row->setup->encode.stride : 0};
        for (uint32_t i = 0; i < t->n; i++) {
            if (t->sequences[i] == 1 && !places[w].n)
                places[w].first = i;
            places[w].n += t->sequences[i] == 1;
        }
    }
    return places;
}

/* Whether no other window has more around a token of the context than this one: each token is the start of an answer in one
 * window only. */
static bool is_most_context(const struct place *places, uint32_t n, uint32_t window, uint32_t token)
{
    const int64_t at = places[window].begin + token - places[window].first;
    uint32_t best = window;
    double most = -1;
    for (uint32_t w = 0; w < n; w++) {
        const int64_t left = at - places[w].begin, right = places[w].begin + places[w].n - 1 - at;
        const double score = (double)(left < right ? left : right) + 0.01 * places[w].n;
        if (left >= 0 && right >= 0 && score > most) {
            most = score;
            best = w;
        }
    }
    return best == window;
}

/* The spans of one start, among the likeliest ends. */
static bool add_ends(const struct task_row *row, const struct task_tokens *t, uint32_t start, double begins,
                     const float *ends, struct answer_spans *spans)
{
    const struct answer_settings *settings = row->settings;
    const uint32_t n = t->n < BEAM ? t->n : BEAM;
    const double sum = log_sum(ends, t->n);
    uint32_t best[BEAM];
    bool whole = true;
    task_pick_best(ends, t->n, best, n);
    for (uint32_t i = 0; whole && i < n; i++) {
        const uint32_t end = best[i];
        if (t->sequences[end] != 1 || end < start || end - start >= settings->max_answer)
            continue;
        const struct answer_span span = {.begin = t->begins[start],
                                         .end = t->ends[end],
                                         .begin_byte = t->begin_bytes[start],
                                         .end_byte = t->end_bytes[end]};
        whole = answer_add(spans, span, (float)exp(begins + (double)ends[end] - sum));
    }
    return whole;
}

static bool add_window(const struct task_row *row, const struct place *places, uint32_t window,
                       struct answer_spans *spans)
{
    const struct task_tokens *t = &row->sequences[window].tokens;
    const struct window w = read_window(&row->sequences[window]);
    const double sum = log_sum(w.begins, w.n);
    const uint32_t first = row->labelled;
    bool whole = true;
    for (uint32_t i = first; whole && i < w.n_starts && i - first < w.n; i++) {
        const uint32_t start = (uint32_t)w.starts[i];
        if (t->sequences[start] == 1 && is_most_context(places, row->n_sequences, window, start))
            whole = add_ends(row, t, start, (double)w.begins[start] - sum, w.ends + (size_t)i * w.n, spans);
    }
    return whole;
}

/* Of spans with one text the best stays. */
static void drop_doubles(pln_text context, struct answer_spans *spans, uint32_t top)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < spans->n && kept < top; i++) {
        const struct answer_span *s = &spans->list[i];
        const size_t bytes = s->end_byte - s->begin_byte;
        bool there = false;
        for (uint32_t j = 0; !there && j < kept; j++) {
            const struct answer_span *k = &spans->list[j];
            there = k->end_byte - k->begin_byte == bytes &&
                    memcmp(context.text + k->begin_byte, context.text + s->begin_byte, bytes) == 0;
        }
        if (!there)
            spans->list[kept++] = *s;
    }
    spans->n = kept;
}

pln_status answer_joint_find(const struct task_row *row, struct answer_spans *spans, float *none, pln_error *error)
{
    const struct answer_settings *settings = row->settings;
    pln_text context;
    const pln_status status = task_take_text(row, "context", &context, error);
    if (status != PLN_OK)
        return status;
    const struct place *places = find_places(row);
    bool whole = places != NULL;
    *none = row->n_sequences ? INFINITY : -INFINITY;
    for (uint32_t i = 0; whole && i < row->n_sequences; i++) {
        *none = fminf(*none, read_window(&row->sequences[i]).none);
        whole = add_window(row, places, i, spans);
    }
    answer_sort(spans);
    drop_doubles(context, spans, settings->top);
    return whole ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the spans of %u windows", row->n_sequences);
}

double answer_joint_loss(const struct task_sequence *s, uint32_t first, uint32_t last, bool impossible)
{
    const struct window w = read_window(s);
    const double begin = log_sum(w.begins, w.n) - (double)w.begins[first];
    const double end = log_sum(w.ends, w.n) - (double)w.ends[last];
    const double none = isinf(w.none) ? 0 : task_binary_cross_entropy((double)w.none, impossible);
    return (begin + end) / 2 + none / 2;
}
