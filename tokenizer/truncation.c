/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the lengths of texts, gives the plan of their rows: what is cut, in which windows, how far rows are padded.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/fail.h"
#include "common/round.h"
#include "tokenizer/postprocessor.h"

enum { MOST_WINDOWS = 1 << 24 }; /* of an example: two long texts have the product of theirs */

/* How much of the two texts of an example is kept. */
struct cut {
    uint32_t length[2]; /* of the texts */
    uint32_t kept[2];
};

/* The reference's rule, [longest_first] of its truncate_encodings; counts are of the shorter and the longer text. */
static void share(uint64_t *shorter, uint64_t *longer, uint64_t room)
{
    if (*shorter > room)
        *longer = *shorter;
    else
        *longer = *shorter > room - *shorter ? *shorter : room - *shorter;
    if (*shorter + *longer > room) {
        *shorter = room / 2;
        *longer = *shorter + room % 2;
    }
}

/* The tokenizers in Python take token after token from the longer text; of equal ones the second loses first. */
static void share_one_by_one(uint64_t *first, uint64_t *second, uint64_t room)
{
    uint64_t excess = *first + *second - room;
    const bool first_is_longer = *first > *second;
    uint64_t *longer = first_is_longer ? first : second;
    uint64_t *shorter = first_is_longer ? second : first;
    const uint64_t difference = *longer - *shorter, step = excess < difference ? excess : difference;
    *longer -= step;
    excess -= step;
    *second -= excess - excess / 2;
    *first -= excess / 2;
}

static void cut_longest(const struct tok_part *part, uint64_t room, bool fast, struct cut *cut)
{
    uint64_t a = part->first, b = part->second;
    if (!part->pair)
        a = room;
    else if (!fast)
        share_one_by_one(&a, &b, room);
    else if (a > b)
        share(&b, &a, room);
    else
        share(&a, &b, room);
    cut->kept[0] = (uint32_t)a;
    cut->kept[1] = (uint32_t)b;
}

static pln_status cut_one(const struct tok_part *part, uint32_t example, uint64_t room,
                          const pln_encode_options *options, struct cut *cut, pln_error *error)
{
    const int text = options->truncation == PLN_TRUNCATION_ONLY_SECOND;
    const uint64_t excess = (uint64_t)part->first + part->second - room;
    if (text == 1 && !part->pair)
        return pln_fail(error, PLN_INVALID, "example %u: only its pair is to be cut, but it has none", example);
    if (cut->length[text] <= excess)
        return pln_fail(error, PLN_INVALID,
                        "example %u: its %s text of %u tokens cannot be cut so far that all have %u together", example,
                        text ? "second" : "first", cut->length[text], options->max_length);
    cut->kept[text] = (uint32_t)(cut->length[text] - excess);
    return PLN_OK;
}

static pln_status cut_part(const struct tok_part *part, uint32_t example, bool fast, const pln_encode_options *options,
                           struct cut *cut, pln_error *error)
{
    const uint32_t specials = tok_specials(part, options), max_length = options->max_length;
    *cut = (struct cut){{part->first, part->second}, {part->first, part->second}};
    if (!max_length || max_length < specials || (uint64_t)part->first + part->second + specials <= max_length)
        return PLN_OK;
    const uint64_t room = max_length - specials;
    pln_status status = PLN_OK;
    if (room == 0)
        cut->kept[0] = cut->kept[1] = 0;
    else if (options->truncation == PLN_TRUNCATION_LONGEST_FIRST)
        cut_longest(part, room, fast, cut);
    else
        status = cut_one(part, example, room, options, cut, error);
    for (int text = 0; text < 2 && status == PLN_OK; text++)
        if (cut->kept[text] && cut->kept[text] < cut->length[text] && options->stride >= cut->kept[text])
            status = pln_fail(error, PLN_INVALID, "example %u: a stride of %u is not smaller than its window of %u",
                              example, options->stride, cut->kept[text]);
    return status;
}

static uint32_t windows(const struct cut *cut, int text, const pln_encode_options *options)
{
    const uint32_t length = cut->length[text], kept = cut->kept[text];
    if (!options->overflow || kept >= length)
        return 1;
    if (kept == 0)
        return 2; /* as the reference: nothing, then all of it */
    const uint32_t step = kept - options->stride;
    return 1 + (uint32_t)ceil_div(length - kept, step);
}

static void set_window(const struct cut *cut, int text, uint32_t i, const pln_encode_options *options,
                       struct tok_row *row)
{
    const uint32_t length = cut->length[text], kept = cut->kept[text];
    if (kept >= length || (kept == 0 && i == 1)) {
        row->begin[text] = 0;
        row->n[text] = length;
        return;
    }
    const uint32_t skipped = kept ? i * (kept - options->stride) : 0;
    const uint32_t left = length - skipped;
    row->n[text] = left < kept ? left : kept;
    row->begin[text] = options->truncate_left ? left - row->n[text] : skipped;
}

void tok_plan_finish(struct tok_plan *plan)
{
    free(plan->rows);
    free(plan->starts);
    free(plan->examples);
    *plan = (struct tok_plan){0};
}

static bool reserve(struct tok_plan *plan, uint32_t n)
{
    if (n < plan->room)
        return true;
    const size_t room = array_room(plan->room, n + 1ul);
    struct tok_row *rows = room < UINT32_MAX ? array_resize(plan->rows, room, sizeof *rows) : NULL;
    plan->rows = rows ? rows : plan->rows;
    uint32_t *starts = rows ? array_resize(plan->starts, room, sizeof *starts) : NULL;
    plan->starts = starts ? starts : plan->starts;
    uint32_t *examples = starts ? array_resize(plan->examples, room, sizeof *examples) : NULL;
    plan->examples = examples ? examples : plan->examples;
    plan->room = examples ? (uint32_t)room : plan->room;
    return examples;
}

/* Rows of window i of the first text with all of the second from window j on. */
static bool add_rows(struct tok_plan *plan, uint32_t example, const struct cut *cut, uint32_t i, uint32_t j, uint32_t n,
                     const pln_encode_options *options)
{
    for (; j < n; j++) {
        if (!reserve(plan, plan->n + 1))
            return false;
        struct tok_row *row = &plan->rows[plan->n];
        row->example = plan->examples[plan->n++] = example;
        set_window(cut, 0, i, options, row);
        set_window(cut, 1, j, options, row);
    }
    return true;
}

static pln_status plan_example(struct tok_plan *plan, const struct tok_part *part, uint32_t example, bool fast,
                               const pln_encode_options *options, pln_error *error)
{
    struct cut cut;
    pln_status status = cut_part(part, example, fast, options, &cut, error);
    if (status != PLN_OK)
        return status;
    const uint32_t n = windows(&cut, 0, options), m = windows(&cut, 1, options);
    if ((uint64_t)n * m > MOST_WINDOWS)
        return pln_fail(error, PLN_INVALID, "example %u: %u windows of one text by %u of the other are more than %d",
                        example, n, m, MOST_WINDOWS);
    bool good = add_rows(plan, example, &cut, 0, 0, 1, options);
    for (uint32_t i = 1; i < n && good; i++)
        good = add_rows(plan, example, &cut, i, 0, m, options);
    good = good && add_rows(plan, example, &cut, 0, 1, m, options);
    return good ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "example %u: no memory for its %u windows", example, n * m);
}

static uint64_t length_of(const struct tok_row *row, const struct tok_part *part, const pln_encode_options *options)
{
    return (uint64_t)row->n[0] + row->n[1] + tok_specials(part, options);
}

/* The length that shorter rows are padded to. As in the reference, the longest of the first rows of all examples: a
 * later window is longer only when nothing fitted into the first. */
static uint64_t padded_length(const struct tok_plan *plan, const struct tok_part *parts,
                              const pln_encode_options *options)
{
    uint64_t length = options->pad_length ? options->pad_length : options->max_length;
    if (options->padding == PLN_PADDING_NONE)
        return 0;
    if (options->padding == PLN_PADDING_LONGEST)
        length = 0;
    for (uint32_t i = 0; i < plan->n && options->padding == PLN_PADDING_LONGEST; i++) {
        if (i && plan->examples[i] == plan->examples[i - 1])
            continue;
        const uint64_t row = length_of(&plan->rows[i], &parts[plan->examples[i]], options);
        length = row > length ? row : length;
    }
    const uint64_t multiple = options->pad_multiple ? options->pad_multiple : 1;
    return round_up(length, multiple);
}

static pln_status set_starts(struct tok_plan *plan, const struct tok_part *parts, const pln_encode_options *options,
                             pln_error *error)
{
    const uint64_t least = padded_length(plan, parts, options);
    uint64_t tokens = 0;
    for (uint32_t i = 0; i < plan->n; i++) {
        const uint64_t length = length_of(&plan->rows[i], &parts[plan->examples[i]], options);
        plan->starts[i] = (uint32_t)tokens;
        tokens += length > least ? length : least;
        if (tokens > UINT32_MAX)
            return pln_fail(error, PLN_INVALID, "the examples have more than 2^32 tokens: give fewer at once");
    }
    plan->starts[plan->n] = (uint32_t)tokens;
    return PLN_OK;
}

static pln_status check(const pln_encode_options *options, pln_error *error)
{
    const uint32_t multiple = options->pad_multiple ? options->pad_multiple : 1;
    if (options->padding != PLN_PADDING_NONE && options->max_length % multiple)
        return pln_fail(error, PLN_INVALID, "max_length %u is not a multiple of pad_multiple %u", options->max_length,
                        multiple);
    if (options->max_length >= 2 && options->stride > options->max_length - 2)
        return pln_fail(error, PLN_INVALID, "a stride of %u is not smaller than a window within max_length %u",
                        options->stride, options->max_length);
    return PLN_OK;
}

pln_status tok_plan_rows(struct tok_plan *plan, const pln_tokenizer *tokenizer, const struct tok_part *parts,
                         uint32_t count, const pln_encode_options *options, pln_error *error)
{
    plan->n = 0;
    pln_status status = check(options, error);
    if (status == PLN_OK && !reserve(plan, count + 1))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u rows", count);
    for (uint32_t i = 0; i < count && status == PLN_OK; i++)
        status = plan_example(plan, &parts[i], i, tokenizer->mode == PLN_TOKENIZER_MODE_FAST, options, error);
    return status == PLN_OK ? set_starts(plan, parts, options, error) : status;
}
