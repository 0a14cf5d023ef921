/* SPDX-License-Identifier: Apache-2.0
 *
 * The opcodes that make values: numbers, texts, lists and dictionaries.
 */
#include "checkpoint/pickle_machine.h"

#include <string.h>

/* ---- numbers and texts */

static pln_status push_integer(struct pickle_machine *m, int64_t value)
{
    return pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_INTEGER, .is.integer = value});
}

pln_status pickle_op_binint(struct pickle_machine *m)
{
    uint64_t x;
    const pln_status status = pickle_take_number(m, 4, &x);
    return status == PLN_OK ? push_integer(m, (int32_t)(uint32_t)x) : status;
}

pln_status pickle_op_binint1(struct pickle_machine *m)
{
    uint64_t x;
    const pln_status status = pickle_take_number(m, 1, &x);
    return status == PLN_OK ? push_integer(m, (int64_t)x) : status;
}

pln_status pickle_op_binint2(struct pickle_machine *m)
{
    uint64_t x;
    const pln_status status = pickle_take_number(m, 2, &x);
    return status == PLN_OK ? push_integer(m, (int64_t)x) : status;
}

/* Two's complement. What 64 bits cannot hold (the magic number of old files, seeds) is a value nobody counts with. */
static pln_status push_long(struct pickle_machine *m, uint64_t bytes)
{
    const unsigned char *at = NULL;
    uint64_t value = 0;
    const pln_status status = pickle_take(m, bytes, &at);
    if (status != PLN_OK)
        return status;
    if (bytes > 8)
        return pickle_push_new(
            m, &(struct pickle_object){.kind = PICKLE_TEXT, .is.text = {(const char *)at, (size_t)bytes}});
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    if (bytes && bytes < 8 && at[bytes - 1] & 0x80)
        value |= UINT64_MAX << 8 * bytes;
    int64_t number;
    memcpy(&number, &value, sizeof number);
    return push_integer(m, number);
}

pln_status pickle_op_long1(struct pickle_machine *m)
{
    uint64_t bytes;
    const pln_status status = pickle_take_number(m, 1, &bytes);
    return status == PLN_OK ? push_long(m, bytes) : status;
}

pln_status pickle_op_long4(struct pickle_machine *m)
{
    uint64_t bytes;
    const pln_status status = pickle_take_number(m, 4, &bytes);
    if (status == PLN_OK && bytes > 255)
        return pickle_broken(m, "has a number of more than 255 bytes");
    return status == PLN_OK ? push_long(m, bytes) : status;
}

pln_status pickle_op_binfloat(struct pickle_machine *m)
{
    const unsigned char *at = NULL;
    uint64_t bits = 0;
    double value;
    const pln_status status = pickle_take(m, 8, &at);
    for (unsigned i = 0; status == PLN_OK && i < 8; i++) /* big-endian */
        bits = bits << 8 | at[i];
    memcpy(&value, &bits, sizeof value);
    return status == PLN_OK ? pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_REAL, .is.real = value})
                            : status;
}

pln_status pickle_op_none(struct pickle_machine *m)
{
    return pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_NONE});
}

pln_status pickle_op_newtrue(struct pickle_machine *m)
{
    return pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_BOOL, .is.integer = 1});
}

pln_status pickle_op_newfalse(struct pickle_machine *m)
{
    return pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_BOOL});
}

static pln_status push_text(struct pickle_machine *m, unsigned width)
{
    const unsigned char *at = NULL;
    uint64_t bytes;
    pln_status status = pickle_take_number(m, width, &bytes);
    if (status == PLN_OK)
        status = pickle_take(m, bytes, &at);
    return status == PLN_OK ? pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_TEXT,
                                                                         .is.text = {(const char *)at, (size_t)bytes}})
                            : status;
}

pln_status pickle_op_short_text(struct pickle_machine *m)
{
    return push_text(m, 1);
}

pln_status pickle_op_text(struct pickle_machine *m)
{
    return push_text(m, 4);
}

pln_status pickle_op_long_text(struct pickle_machine *m)
{
    return push_text(m, 8);
}

/* ---- lists and dictionaries */

pln_status pickle_op_empty_list(struct pickle_machine *m)
{
    return pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_LIST});
}

pln_status pickle_op_empty_dict(struct pickle_machine *m)
{
    return pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_DICTIONARY});
}

/* The last n of the stack as one list. */
static pln_status push_tuple(struct pickle_machine *m, size_t n)
{
    struct pickle_object tuple = {.kind = PICKLE_LIST};
    for (size_t i = m->n - n; i < m->n; i++) {
        if (m->stack[i]->kind == PICKLE_MARK)
            return pickle_empty_stack(m);
        if (!pickle_append(m->pickle, &tuple, m->stack[i]))
            return pickle_no_memory(m);
    }
    m->n -= n;
    return pickle_push_new(m, &tuple);
}

pln_status pickle_op_tuple(struct pickle_machine *m)
{
    const size_t mark = pickle_mark(m);
    if (mark == SIZE_MAX)
        return pickle_empty_stack(m);
    const pln_status status = push_tuple(m, m->n - mark - 1);
    if (status == PLN_OK) {
        m->stack[mark] = m->stack[mark + 1];
        m->n--;
    }
    return status;
}

pln_status pickle_op_small_tuple(struct pickle_machine *m)
{
    const size_t n = m->opcode - 0x84u; /* TUPLE1 is 0x85 */
    return m->n < n ? pickle_empty_stack(m) : push_tuple(m, n);
}

/* n items from the top of the stack go into the container below them. */
static pln_status add_items(struct pickle_machine *m, size_t n, enum pickle_kind kind)
{
    if (m->n < n + 1)
        return pickle_empty_stack(m);
    struct pickle_object *to = m->stack[m->n - n - 1];
    if (to->kind == PICKLE_OPAQUE) {
        m->n -= n;
        return PLN_OK;
    }
    if (to->kind != kind)
        return pickle_broken(m, "adds to what is no list or dictionary");
    for (size_t i = m->n - n; i < m->n; i++) {
        if (m->stack[i]->kind == PICKLE_MARK)
            return pickle_empty_stack(m);
        if (!pickle_append(m->pickle, to, m->stack[i]))
            return pickle_no_memory(m);
    }
    m->n -= n;
    return PLN_OK;
}

/* The same of what lies above the last mark, which goes too. */
static pln_status add_marked(struct pickle_machine *m, enum pickle_kind kind)
{
    const size_t mark = pickle_mark(m), n = m->n - mark - 1;
    if (mark == SIZE_MAX || !mark)
        return pickle_empty_stack(m);
    if (kind == PICKLE_DICTIONARY && n % 2)
        return pickle_broken(m, "has a key without a value");
    memmove(m->stack + mark, m->stack + mark + 1, n * sizeof *m->stack);
    m->n--;
    return add_items(m, n, kind);
}

pln_status pickle_op_append(struct pickle_machine *m)
{
    return add_items(m, 1, PICKLE_LIST);
}

pln_status pickle_op_appends(struct pickle_machine *m)
{
    return add_marked(m, PICKLE_LIST);
}

pln_status pickle_op_setitem(struct pickle_machine *m)
{
    return add_items(m, 2, PICKLE_DICTIONARY);
}

pln_status pickle_op_setitems(struct pickle_machine *m)
{
    return add_marked(m, PICKLE_DICTIONARY);
}
