/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the bytes of a pickle, gives the object that they describe: one function an opcode. Memory is asked for as bytes
 * of the file are used up, so a short file cannot ask for much.
 */
#include "checkpoint/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"

/* ---- the stack and the memo */

pln_status pickle_op_mark(struct pickle_machine *m)
{
    static struct pickle_object mark = {.kind = PICKLE_MARK};
    return pickle_push(m, &mark);
}

pln_status pickle_op_pop(struct pickle_machine *m)
{
    if (!m->n)
        return pickle_empty_stack(m);
    m->n--;
    return PLN_OK;
}

pln_status pickle_op_pop_mark(struct pickle_machine *m)
{
    const size_t mark = pickle_mark(m);
    if (mark == SIZE_MAX)
        return pickle_empty_stack(m);
    m->n = mark;
    return PLN_OK;
}

pln_status pickle_op_dup(struct pickle_machine *m)
{
    return pickle_top(m) ? pickle_push(m, pickle_top(m)) : pickle_empty_stack(m);
}

/* Numbers are given in order by all writers; a gap of more than the steps so far is none of theirs. */
static pln_status remember(struct pickle_machine *m, uint64_t number)
{
    if (!pickle_top(m))
        return pickle_empty_stack(m);
    if (number > m->steps)
        return pickle_broken(m, "numbers its memo beyond its steps");
    struct pickle_object **memo = array_reserve(m->memo, &m->room_memo, (size_t)number + 1, sizeof *memo);
    if (!memo)
        return pickle_no_memory(m);
    m->memo = memo;
    for (; m->n_memo <= number; m->n_memo++)
        memo[m->n_memo] = NULL;
    memo[number] = pickle_top(m);
    return PLN_OK;
}

static pln_status recall(struct pickle_machine *m, uint64_t number)
{
    return number < m->n_memo && m->memo[number] ? pickle_push(m, m->memo[number])
                                                 : pickle_broken(m, "asks its memo for what is not there");
}

static pln_status with_number(struct pickle_machine *m, unsigned bytes,
                              pln_status (*use)(struct pickle_machine *m, uint64_t number))
{
    uint64_t number;
    const pln_status status = pickle_take_number(m, bytes, &number);
    return status == PLN_OK ? use(m, number) : status;
}

pln_status pickle_op_binput(struct pickle_machine *m)
{
    return with_number(m, 1, remember);
}

pln_status pickle_op_long_binput(struct pickle_machine *m)
{
    return with_number(m, 4, remember);
}

pln_status pickle_op_memoize(struct pickle_machine *m)
{
    return remember(m, m->n_memo);
}

pln_status pickle_op_binget(struct pickle_machine *m)
{
    return with_number(m, 1, recall);
}

pln_status pickle_op_long_binget(struct pickle_machine *m)
{
    return with_number(m, 4, recall);
}

/* ---- what calls would be */

static pln_status take_line(struct pickle_machine *m, const char **text, size_t *n)
{
    const unsigned char *newline = memchr(m->next, '\n', (size_t)(m->end - m->next));
    if (!newline)
        return pickle_broken(m, "ends in the middle");
    *text = (const char *)m->next;
    *n = (size_t)(newline - m->next);
    m->next = newline + 1;
    return PLN_OK;
}

static pln_status push_global(struct pickle_machine *m, const char *module, size_t module_bytes, const char *name,
                              size_t name_bytes)
{
    const struct pickle_global *global = pickle_global_find(module, module_bytes, name, name_bytes);
    if (!global)
        return pln_fail(m->error, PLN_BAD_MODEL,
                        "%s: the pickle names '%.*s %.*s', which has no place in a file of tensors: it is not read",
                        m->pickle->path, module_bytes < 60 ? (int)module_bytes : 60, module,
                        name_bytes < 60 ? (int)name_bytes : 60, name);
    return pickle_push_new(m, &(struct pickle_object){.kind = PICKLE_GLOBAL, .is.global = global});
}

pln_status pickle_op_global(struct pickle_machine *m)
{
    const char *module = NULL, *name = NULL;
    size_t module_bytes = 0, name_bytes = 0;
    pln_status status = take_line(m, &module, &module_bytes);
    if (status == PLN_OK)
        status = take_line(m, &name, &name_bytes);
    return status == PLN_OK ? push_global(m, module, module_bytes, name, name_bytes) : status;
}

pln_status pickle_op_stack_global(struct pickle_machine *m)
{
    const struct pickle_object *name = pickle_pop(m), *module = pickle_pop(m);
    if (!name || !module || name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
        return pickle_broken(m, "names a global by what is no text");
    return push_global(m, module->is.text.bytes, module->is.text.n, name->is.text.bytes, name->is.text.n);
}

pln_status pickle_op_reduce(struct pickle_machine *m)
{
    const struct pickle_object *arguments = pickle_pop(m), *called = pickle_pop(m);
    struct pickle_object result = {.kind = PICKLE_OPAQUE};
    if (!arguments || !called)
        return pickle_empty_stack(m);
    if (arguments->kind != PICKLE_LIST || (called->kind != PICKLE_GLOBAL && called->kind != PICKLE_OPAQUE))
        return pickle_broken(m, "calls what is no function");
    const pln_status status = called->kind == PICKLE_GLOBAL
                                  ? pickle_call(m->pickle, called->is.global, arguments, &result, m->error)
                                  : PLN_OK;
    return status == PLN_OK ? pickle_push_new(m, &result) : status;
}

/* What is built is the versions of modules beside a dictionary (a third of an old pickle) and attributes of tensors. */
pln_status pickle_op_build(struct pickle_machine *m)
{
    const struct pickle_object *state = pickle_pop(m), *to = pickle_top(m);
    if (!state || !to)
        return pickle_empty_stack(m);
    if (to->kind != PICKLE_DICTIONARY && to->kind != PICKLE_TENSOR && to->kind != PICKLE_OPAQUE)
        return pickle_broken(m, "gives a state to what has none");
    return PLN_OK;
}

pln_status pickle_op_binpersid(struct pickle_machine *m)
{
    const struct pickle_object *id = pickle_pop(m);
    struct pickle_object result;
    if (!id)
        return pickle_empty_stack(m);
    const pln_status status = pickle_persistent(m->pickle, id, &result, m->error);
    return status == PLN_OK ? pickle_push_new(m, &result) : status;
}

pln_status pickle_op_proto(struct pickle_machine *m)
{
    uint64_t version;
    const pln_status status = pickle_take_number(m, 1, &version);
    return status == PLN_OK && (version < 2 || version > 5) ? pickle_broken(m, "has a protocol that is not 2 to 5")
                                                            : status;
}

pln_status pickle_op_frame(struct pickle_machine *m)
{
    uint64_t bytes;
    return pickle_take_number(m, 8, &bytes);
}

pln_status pickle_op_stop(struct pickle_machine *m)
{
    if (m->n != 1 || !pickle_top(m))
        return pickle_broken(m, "stops with a stack that is not one object");
    m->stopped = true;
    return PLN_OK;
}

/* ---- the opcodes */

static const struct {
    const char *name;
    pickle_operation *run; /* NULL: refused */
} operations[256] = {
#define OP(code, name, run) [code] = {#name, pickle_op_##run},
#define REFUSED(code, name) [code] = {#name, NULL},
#include "checkpoint/pickle_opcodes.def"
#undef OP
#undef REFUSED
};

static pln_status run_steps(struct pickle_machine *m)
{
    pln_status status = PLN_OK;
    while (status == PLN_OK && !m->stopped) {
        if (m->next == m->end)
            return pickle_broken(m, "ends in the middle");
        if (m->steps++ >= PICKLE_MAX_STEPS)
            return pickle_broken(m, "has more steps than a file of tensors can need");
        m->opcode = *m->next++;
        if (!operations[m->opcode].name)
            return pln_fail(m->error, PLN_BAD_MODEL, "%s: the pickle holds the byte 0x%02x, which is no opcode",
                            m->pickle->path, m->opcode);
        if (!operations[m->opcode].run)
            return pln_fail(m->error, PLN_BAD_MODEL,
                            "%s: the pickle has the opcode %s, which has no place in a file of tensors: it is not read",
                            m->pickle->path, operations[m->opcode].name);
        status = operations[m->opcode].run(m);
    }
    return status;
}

pln_status pickle_run(struct pickle *pickle, const unsigned char *bytes, size_t n, size_t *used,
                      struct pickle_object **object, pln_error *error)
{
    struct pickle_machine m = {.pickle = pickle, .next = bytes, .end = bytes + n, .error = error};
    const pln_status status = run_steps(&m);
    if (status == PLN_OK) {
        *used = (size_t)(m.next - bytes);
        *object = m.stack[0];
    }
    free(m.stack);
    free(m.memo);
    return status;
}
