/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a pickle that are taken one after the other, and its stack.
 */
#include "checkpoint/pickle_machine.h"

#include <string.h>

#include "common/array.h"
#include "common/fail.h"

pln_status pickle_broken(struct pickle_machine *m, const char *what)
{
    return pln_fail(m->error, PLN_BAD_MODEL, "%s: the pickle %s", m->pickle->path, what);
}

pln_status pickle_no_memory(struct pickle_machine *m)
{
    return pln_fail(m->error, PLN_NO_MEMORY, "%s: no memory for its pickle", m->pickle->path);
}

pln_status pickle_take(struct pickle_machine *m, uint64_t n, const unsigned char **bytes)
{
    if (n > (uint64_t)(m->end - m->next))
        return pickle_broken(m, "ends in the middle");
    *bytes = m->next;
    m->next += n;
    return PLN_OK;
}

pln_status pickle_take_number(struct pickle_machine *m, unsigned bytes, uint64_t *number)
{
    const unsigned char *at = NULL;
    const pln_status status = pickle_take(m, bytes, &at);
    *number = 0;
    for (unsigned i = 0; status == PLN_OK && i < bytes; i++)
        *number |= (uint64_t)at[i] << 8 * i;
    return status;
}

pln_status pickle_push(struct pickle_machine *m, struct pickle_object *object)
{
    struct pickle_object **stack = array_reserve(m->stack, &m->room, m->n + 1, sizeof *stack);
    if (!stack)
        return pickle_no_memory(m);
    m->stack = stack;
    stack[m->n++] = object;
    return PLN_OK;
}

pln_status pickle_push_new(struct pickle_machine *m, const struct pickle_object *object)
{
    struct pickle_object *copy = arena_allocate(m->pickle->memory, sizeof *copy);
    if (!copy)
        return pickle_no_memory(m);
    *copy = *object;
    return pickle_push(m, copy);
}

struct pickle_object *pickle_top(const struct pickle_machine *m)
{
    return m->n && m->stack[m->n - 1]->kind != PICKLE_MARK ? m->stack[m->n - 1] : NULL;
}

struct pickle_object *pickle_pop(struct pickle_machine *m)
{
    struct pickle_object *object = pickle_top(m);
    m->n -= object != NULL;
    return object;
}

size_t pickle_mark(const struct pickle_machine *m)
{
    for (size_t i = m->n; i--;)
        if (m->stack[i]->kind == PICKLE_MARK)
            return i;
    return SIZE_MAX;
}

pln_status pickle_empty_stack(struct pickle_machine *m)
{
    return pickle_broken(m, "takes more from its stack than is there");
}
