/* SPDX-License-Identifier: Apache-2.0
 *
 * A padded batch as the joint graph reads it: the tokens of all rows one behind the other.
 */
#include <string.h>

#include "common/door.h"
#include "training/rtd.h"

static pln_status want(const struct rtd_request *r, const pln_tensor *tensor, const char *name, uint32_t width,
                       pln_error *error)
{
    if (!tensor)
        return pln_fail(error, PLN_INVALID, "pre-training needs %s", name);
    return session_want_shape(tensor, (const uint64_t[]){r->rows, width}, 2, error);
}

static pln_status want_or_absent(const struct rtd_request *r, const pln_tensor *tensor, pln_error *error)
{
    return tensor ? session_want_shape(tensor, (const uint64_t[]){r->rows, r->length}, 2, error) : PLN_OK;
}

static uint32_t length_of(const struct rtd_request *r, uint32_t row)
{
    const uint64_t at = (uint64_t)row * r->length;
    uint32_t n = r->attention_mask ? 0 : r->length;
    while (n < r->length && session_integer(r->attention_mask, at + n) != 0)
        n++;
    return n;
}

/* A token behind a hole would be another sequence to the graph. */
static pln_status check_mask(const struct rtd_request *r, uint32_t row, uint32_t length, pln_error *error)
{
    if (!length)
        return pln_fail(error, PLN_INVALID, "attention_mask: row %u has no token", row);
    for (uint32_t i = length; r->attention_mask && i < r->length; i++)
        if (session_integer(r->attention_mask, (uint64_t)row * r->length + i) != 0)
            return pln_fail(error, PLN_INVALID, "attention_mask: row %u attends to token %u behind one it does not",
                            row, i);
    return PLN_OK;
}

static pln_status count_row(struct rtd_request *r, uint32_t row, pln_error *error)
{
    const uint32_t length = length_of(r, row);
    int64_t before = -1;
    for (uint32_t i = 0; i < r->slots; i++) {
        const int64_t at = session_integer(r->positions, (uint64_t)row * r->slots + i);
        if (at < 0)
            continue;
        if (at <= before || at >= length)
            return pln_fail(error, PLN_INVALID,
                            "positions: slot %u of row %u is %lld, expected more than the one before and less than %u",
                            i, row, (long long)at, length);
        before = at;
        r->masked++;
    }
    r->tokens += length;
    return check_mask(r, row, length, error);
}

static void find_tensors(const pln_tensor *inputs, uint32_t n, struct rtd_request *r, const char **unknown)
{
    const struct {
        const char *name;
        const pln_tensor **to;
    } slots[] = {{"input_ids", &r->input_ids},
                 {"attention_mask", &r->attention_mask},
                 {"token_type_ids", &r->token_type_ids},
                 {"positions", &r->positions},
                 {"masked_ids", &r->masked_ids}};
    for (uint32_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < sizeof slots / sizeof *slots && strcmp(slots[j].name, inputs[i].name) != 0)
            j++;
        if (j < sizeof slots / sizeof *slots)
            *slots[j].to = &inputs[i];
        else
            *unknown = inputs[i].name;
    }
}

static pln_status check_shapes(struct rtd_request *r, pln_error *error)
{
    if (!r->input_ids || !r->positions || r->input_ids->rank != 2 || r->positions->rank != 2)
        return pln_fail(error, PLN_INVALID, "pre-training needs input_ids [rows, length] and positions [rows, slots]");
    if (!r->input_ids->shape[0] || r->input_ids->shape[0] > INT32_MAX || !r->input_ids->shape[1] ||
        r->input_ids->shape[1] > INT32_MAX || r->positions->shape[1] > INT32_MAX ||
        pln_tensor_elements(r->input_ids) > INT32_MAX / 2)
        return pln_fail(error, PLN_INVALID, "input_ids: there are no rows or tokens, or too many");
    r->rows = (uint32_t)r->input_ids->shape[0];
    r->length = (uint32_t)r->input_ids->shape[1];
    r->slots = (uint32_t)r->positions->shape[1];
    pln_status status = want(r, r->positions, "positions", r->slots, error);
    if (status == PLN_OK)
        status = want(r, r->masked_ids, "masked_ids", r->length, error);
    if (status == PLN_OK)
        status = want_or_absent(r, r->attention_mask, error);
    return status == PLN_OK ? want_or_absent(r, r->token_type_ids, error) : status;
}

static pln_status check_integers(const struct rtd_request *r, pln_error *error)
{
    const pln_tensor *const all[] = {r->input_ids, r->attention_mask, r->token_type_ids, r->positions, r->masked_ids};
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof all / sizeof *all; i++)
        status = session_want_integers(all[i], INT32_MIN, INT32_MAX, 0, error);
    return status;
}

pln_status rtd_request_read(const pln_tensor *inputs, uint32_t n_inputs, struct rtd_request *request, pln_error *error)
{
    const char *unknown = NULL;
    *request = (struct rtd_request){0};
    pln_status status = door_tensors("a batch", inputs, n_inputs, error);
    if (status != PLN_OK)
        return status;
    find_tensors(inputs, n_inputs, request, &unknown);
    if (unknown)
        return pln_fail(error, PLN_INVALID, "pre-training does not take a tensor %s", unknown);
    status = check_shapes(request, error);
    if (status == PLN_OK)
        status = check_integers(request, error);
    for (uint32_t i = 0; status == PLN_OK && i < request->rows; i++)
        status = count_row(request, i, error);
    if (status == PLN_OK && !request->masked)
        status = pln_fail(error, PLN_INVALID, "positions: no token of the batch is chosen");
    return status;
}

/* ---- packing */

static bool take_room(struct pool *pool, struct rtd_packed *p)
{
    const struct {
        int32_t **to;
        size_t n;
    } arrays[] = {{&p->originals, p->tokens}, {&p->ids, p->tokens},          {&p->types, p->tokens},
                  {&p->positions, p->tokens}, {&p->starts, p->rows + 1},     {&p->at, p->masked},
                  {&p->labels, p->masked},    {&p->origin, 2ul * p->tokens}, {&p->at_origin, 2ul * p->masked}};
    bool room = true;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i].to = pool_take(pool, (arrays[i].n + 1) * sizeof(int32_t));
        room = room && *arrays[i].to;
    }
    return room;
}

static void pack_tokens(const struct rtd_request *r, uint32_t row, uint32_t length, uint32_t start,
                        struct rtd_packed *p)
{
    for (uint32_t i = 0; i < length; i++) {
        const uint64_t from = (uint64_t)row * r->length + i;
        const uint32_t to = start + i;
        p->originals[to] = (int32_t)session_integer(r->input_ids, from);
        p->ids[to] = (int32_t)session_integer(r->masked_ids, from);
        p->types[to] = r->token_type_ids ? (int32_t)session_integer(r->token_type_ids, from) : 0;
        p->positions[to] = (int32_t)i;
        session_write_origin(p->origin, to, row, i);
    }
}

static uint32_t pack_masked(const struct rtd_request *r, uint32_t row, uint32_t start, uint32_t n, struct rtd_packed *p)
{
    for (uint32_t i = 0; i < r->slots; i++) {
        const int64_t at = session_integer(r->positions, (uint64_t)row * r->slots + i);
        if (at < 0)
            continue;
        p->at[n] = (int32_t)(start + (uint32_t)at);
        p->labels[n] = p->originals[p->at[n]];
        session_write_origin(p->at_origin, n, row, (uint32_t)at);
        n++;
    }
    return n;
}

static uint32_t count_masked(const struct rtd_request *r, uint32_t row)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->slots; i++)
        n += session_integer(r->positions, (uint64_t)row * r->slots + i) >= 0;
    return n;
}

pln_status rtd_pack(struct training_rtd *rtd, const struct rtd_request *request, uint32_t first, uint32_t rows,
                    struct rtd_packed *packed, pln_error *error)
{
    uint32_t start = 0, masked = 0;
    *packed = (struct rtd_packed){.rows = rows, .first = first};
    for (uint32_t i = 0; i < rows; i++) {
        packed->tokens += length_of(request, first + i);
        packed->masked += count_masked(request, first + i);
    }
    if (!take_room(&rtd->pool, packed))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u tokens", packed->tokens);
    for (uint32_t i = 0; i < rows; i++) {
        const uint32_t length = length_of(request, first + i);
        packed->starts[i] = (int32_t)start;
        pack_tokens(request, first + i, length, start, packed);
        masked = pack_masked(request, first + i, start, masked, packed);
        start += length;
    }
    packed->starts[rows] = (int32_t)start;
    return PLN_OK;
}
