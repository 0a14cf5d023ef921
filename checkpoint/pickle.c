/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the bytes of a pickle, gives the object that they describe: one function an opcode. Memory is asked for as bytes
 * of the file are used up, so a short file cannot ask for much.
 */
#include "checkpoint/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"

struct machine {
    struct pickle *pickle;
    const unsigned char *next, *end;
    struct pickle_object **stack;
    size_t n, room;
    struct pickle_object **memo;
    size_t n_memo, room_memo;
    uint32_t steps;
    unsigned char opcode;
    bool stopped;
    pln_error *error;
};

typedef pln_status operation(struct machine *m);

static pln_status broken(struct machine *m, const char *what)
{
    return pln_fail(m->error, PLN_BAD_MODEL, "%s: the pickle %s", m->pickle->path, what);
}

static pln_status no_memory(struct machine *m)
{
    return pln_fail(m->error, PLN_NO_MEMORY, "%s: no memory for its pickle", m->pickle->path);
}

/* ---- bytes and the stack */

static pln_status take(struct machine *m, uint64_t n, const unsigned char **bytes)
{
    if (n > (uint64_t)(m->end - m->next))
        return broken(m, "ends in the middle");
    *bytes = m->next;
    m->next += n;
    return PLN_OK;
}

/* A little-endian number of `bytes` bytes. */
static pln_status take_number(struct machine *m, unsigned bytes, uint64_t *number)
{
    const unsigned char *at = NULL;
    const pln_status status = take(m, bytes, &at);
    *number = 0;
    for (unsigned i = 0; status == PLN_OK && i < bytes; i++)
        *number |= (uint64_t)at[i] << 8 * i;
    return status;
}

static pln_status take_line(struct machine *m, const char **text, size_t *n)
{
    const unsigned char *newline = memchr(m->next, '\n', (size_t)(m->end - m->next));
    if (!newline)
        return broken(m, "ends in the middle");
    *text = (const char *)m->next;
    *n = (size_t)(newline - m->next);
    m->next = newline + 1;
    return PLN_OK;
}

static pln_status push(struct machine *m, struct pickle_object *object)
{
    struct pickle_object **stack = array_reserve(m->stack, &m->room, m->n + 1, sizeof *stack);
    if (!stack)
        return no_memory(m);
    m->stack = stack;
    stack[m->n++] = object;
    return PLN_OK;
}

static pln_status push_new(struct machine *m, const struct pickle_object *object)
{
    struct pickle_object *copy = arena_allocate(m->pickle->memory, sizeof *copy);
    if (!copy)
        return no_memory(m);
    *copy = *object;
    return push(m, copy);
}

/* NULL: there is none, or a mark. */
static struct pickle_object *top(const struct machine *m)
{
    return m->n && m->stack[m->n - 1]->kind != PICKLE_MARK ? m->stack[m->n - 1] : NULL;
}

static struct pickle_object *pop(struct machine *m)
{
    struct pickle_object *object = top(m);
    m->n -= object != NULL;
    return object;
}

/* What lies above the last mark; its place, and SIZE_MAX if there is no mark. */
static size_t find_mark(const struct machine *m)
{
    for (size_t i = m->n; i--;)
        if (m->stack[i]->kind == PICKLE_MARK)
            return i;
    return SIZE_MAX;
}

static pln_status empty_stack(struct machine *m)
{
    return broken(m, "takes more from its stack than is there");
}

/* ---- numbers and texts */

static pln_status push_integer(struct machine *m, int64_t value)
{
    return push_new(m, &(struct pickle_object){.kind = PICKLE_INTEGER, .is.integer = value});
}

static pln_status op_binint(struct machine *m)
{
    uint64_t x;
    const pln_status status = take_number(m, 4, &x);
    return status == PLN_OK ? push_integer(m, (int32_t)(uint32_t)x) : status;
}

static pln_status op_binint1(struct machine *m)
{
    uint64_t x;
    const pln_status status = take_number(m, 1, &x);
    return status == PLN_OK ? push_integer(m, (int64_t)x) : status;
}

static pln_status op_binint2(struct machine *m)
{
    uint64_t x;
    const pln_status status = take_number(m, 2, &x);
    return status == PLN_OK ? push_integer(m, (int64_t)x) : status;
}

/* Two's complement. What 64 bits cannot hold (the magic number of old files, seeds) is a value nobody counts with. */
static pln_status push_long(struct machine *m, uint64_t bytes)
{
    const unsigned char *at = NULL;
    uint64_t value = 0;
    const pln_status status = take(m, bytes, &at);
    if (status != PLN_OK)
        return status;
    if (bytes > 8)
        return push_new(m, &(struct pickle_object){.kind = PICKLE_TEXT, .is.text = {(const char *)at, (size_t)bytes}});
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    if (bytes && bytes < 8 && at[bytes - 1] & 0x80)
        value |= UINT64_MAX << 8 * bytes;
    int64_t number;
    memcpy(&number, &value, sizeof number);
    return push_integer(m, number);
}

static pln_status op_long1(struct machine *m)
{
    uint64_t bytes;
    const pln_status status = take_number(m, 1, &bytes);
    return status == PLN_OK ? push_long(m, bytes) : status;
}

static pln_status op_long4(struct machine *m)
{
    uint64_t bytes;
    const pln_status status = take_number(m, 4, &bytes);
    if (status == PLN_OK && bytes > 255)
        return broken(m, "has a number of more than 255 bytes");
    return status == PLN_OK ? push_long(m, bytes) : status;
}

static pln_status op_binfloat(struct machine *m)
{
    const unsigned char *at = NULL;
    uint64_t bits = 0;
    double value;
    const pln_status status = take(m, 8, &at);
    for (unsigned i = 0; status == PLN_OK && i < 8; i++) /* big-endian */
        bits = bits << 8 | at[i];
    memcpy(&value, &bits, sizeof value);
    return status == PLN_OK ? push_new(m, &(struct pickle_object){.kind = PICKLE_REAL, .is.real = value}) : status;
}

static pln_status op_none(struct machine *m)
{
    return push_new(m, &(struct pickle_object){.kind = PICKLE_NONE});
}

static pln_status op_newtrue(struct machine *m)
{
    return push_new(m, &(struct pickle_object){.kind = PICKLE_BOOL, .is.integer = 1});
}

static pln_status op_newfalse(struct machine *m)
{
    return push_new(m, &(struct pickle_object){.kind = PICKLE_BOOL});
}

static pln_status push_text(struct machine *m, unsigned width)
{
    const unsigned char *at = NULL;
    uint64_t bytes;
    pln_status status = take_number(m, width, &bytes);
    if (status == PLN_OK)
        status = take(m, bytes, &at);
    return status == PLN_OK
               ? push_new(m, &(struct pickle_object){.kind = PICKLE_TEXT, .is.text = {(const char *)at, (size_t)bytes}})
               : status;
}

static pln_status op_short_text(struct machine *m)
{
    return push_text(m, 1);
}

static pln_status op_text(struct machine *m)
{
    return push_text(m, 4);
}

static pln_status op_long_text(struct machine *m)
{
    return push_text(m, 8);
}

/* ---- lists and dictionaries */

static pln_status op_empty_list(struct machine *m)
{
    return push_new(m, &(struct pickle_object){.kind = PICKLE_LIST});
}

static pln_status op_empty_dict(struct machine *m)
{
    return push_new(m, &(struct pickle_object){.kind = PICKLE_DICTIONARY});
}

/* The last n of the stack as one list. */
static pln_status push_tuple(struct machine *m, size_t n)
{
    struct pickle_object tuple = {.kind = PICKLE_LIST};
    for (size_t i = m->n - n; i < m->n; i++) {
        if (m->stack[i]->kind == PICKLE_MARK)
            return empty_stack(m);
        if (!pickle_append(m->pickle, &tuple, m->stack[i]))
            return no_memory(m);
    }
    m->n -= n;
    return push_new(m, &tuple);
}

static pln_status op_tuple(struct machine *m)
{
    const size_t mark = find_mark(m);
    if (mark == SIZE_MAX)
        return empty_stack(m);
    const pln_status status = push_tuple(m, m->n - mark - 1);
    if (status == PLN_OK) {
        m->stack[mark] = m->stack[mark + 1];
        m->n--;
    }
    return status;
}

static pln_status op_small_tuple(struct machine *m)
{
    const size_t n = m->opcode - 0x84u; /* TUPLE1 is 0x85 */
    return m->n < n ? empty_stack(m) : push_tuple(m, n);
}

/* n items from the top of the stack go into the container below them. */
static pln_status add_items(struct machine *m, size_t n, enum pickle_kind kind)
{
    if (m->n < n + 1)
        return empty_stack(m);
    struct pickle_object *to = m->stack[m->n - n - 1];
    if (to->kind == PICKLE_OPAQUE) {
        m->n -= n;
        return PLN_OK;
    }
    if (to->kind != kind)
        return broken(m, "adds to what is no list or dictionary");
    for (size_t i = m->n - n; i < m->n; i++) {
        if (m->stack[i]->kind == PICKLE_MARK)
            return empty_stack(m);
        if (!pickle_append(m->pickle, to, m->stack[i]))
            return no_memory(m);
    }
    m->n -= n;
    return PLN_OK;
}

/* The same of what lies above the last mark, which goes too. */
static pln_status add_marked(struct machine *m, enum pickle_kind kind)
{
    const size_t mark = find_mark(m), n = m->n - mark - 1;
    if (mark == SIZE_MAX || !mark)
        return empty_stack(m);
    if (kind == PICKLE_DICTIONARY && n % 2)
        return broken(m, "has a key without a value");
    memmove(m->stack + mark, m->stack + mark + 1, n * sizeof *m->stack);
    m->n--;
    return add_items(m, n, kind);
}

static pln_status op_append(struct machine *m)
{
    return add_items(m, 1, PICKLE_LIST);
}

static pln_status op_appends(struct machine *m)
{
    return add_marked(m, PICKLE_LIST);
}

static pln_status op_setitem(struct machine *m)
{
    return add_items(m, 2, PICKLE_DICTIONARY);
}

static pln_status op_setitems(struct machine *m)
{
    return add_marked(m, PICKLE_DICTIONARY);
}

/* ---- the stack and the memo */

static pln_status op_mark(struct machine *m)
{
    static struct pickle_object mark = {.kind = PICKLE_MARK};
    return push(m, &mark);
}

static pln_status op_pop(struct machine *m)
{
    if (!m->n)
        return empty_stack(m);
    m->n--;
    return PLN_OK;
}

static pln_status op_pop_mark(struct machine *m)
{
    const size_t mark = find_mark(m);
    if (mark == SIZE_MAX)
        return empty_stack(m);
    m->n = mark;
    return PLN_OK;
}

static pln_status op_dup(struct machine *m)
{
    return top(m) ? push(m, top(m)) : empty_stack(m);
}

/* Numbers are given in order by all writers; a gap of more than the steps so far is none of theirs. */
static pln_status remember(struct machine *m, uint64_t number)
{
    if (!top(m))
        return empty_stack(m);
    if (number > m->steps)
        return broken(m, "numbers its memo beyond its steps");
    struct pickle_object **memo = array_reserve(m->memo, &m->room_memo, (size_t)number + 1, sizeof *memo);
    if (!memo)
        return no_memory(m);
    m->memo = memo;
    for (; m->n_memo <= number; m->n_memo++)
        memo[m->n_memo] = NULL;
    memo[number] = top(m);
    return PLN_OK;
}

static pln_status recall(struct machine *m, uint64_t number)
{
    return number < m->n_memo && m->memo[number] ? push(m, m->memo[number])
                                                 : broken(m, "asks its memo for what is not there");
}

static pln_status with_number(struct machine *m, unsigned bytes, pln_status (*use)(struct machine *m, uint64_t number))
{
    uint64_t number;
    const pln_status status = take_number(m, bytes, &number);
    return status == PLN_OK ? use(m, number) : status;
}

static pln_status op_binput(struct machine *m)
{
    return with_number(m, 1, remember);
}

static pln_status op_long_binput(struct machine *m)
{
    return with_number(m, 4, remember);
}

static pln_status op_memoize(struct machine *m)
{
    return remember(m, m->n_memo);
}

static pln_status op_binget(struct machine *m)
{
    return with_number(m, 1, recall);
}

static pln_status op_long_binget(struct machine *m)
{
    return with_number(m, 4, recall);
}

/* ---- what calls would be */

static pln_status push_global(struct machine *m, const char *module, size_t module_bytes, const char *name,
                              size_t name_bytes)
{
    const struct pickle_global *global = pickle_global_find(module, module_bytes, name, name_bytes);
    if (!global)
        return pln_fail(m->error, PLN_BAD_MODEL,
                        "%s: the pickle names '%.*s %.*s', which has no place in a file of tensors: it is not read",
                        m->pickle->path, module_bytes < 60 ? (int)module_bytes : 60, module,
                        name_bytes < 60 ? (int)name_bytes : 60, name);
    return push_new(m, &(struct pickle_object){.kind = PICKLE_GLOBAL, .is.global = global});
}

static pln_status op_global(struct machine *m)
{
    const char *module = NULL, *name = NULL;
    size_t module_bytes = 0, name_bytes = 0;
    pln_status status = take_line(m, &module, &module_bytes);
    if (status == PLN_OK)
        status = take_line(m, &name, &name_bytes);
    return status == PLN_OK ? push_global(m, module, module_bytes, name, name_bytes) : status;
}

static pln_status op_stack_global(struct machine *m)
{
    const struct pickle_object *name = pop(m), *module = pop(m);
    if (!name || !module || name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
        return broken(m, "names a global by what is no text");
    return push_global(m, module->is.text.bytes, module->is.text.n, name->is.text.bytes, name->is.text.n);
}

static pln_status op_reduce(struct machine *m)
{
    const struct pickle_object *arguments = pop(m), *called = pop(m);
    struct pickle_object result = {.kind = PICKLE_OPAQUE};
    if (!arguments || !called)
        return empty_stack(m);
    if (arguments->kind != PICKLE_LIST || (called->kind != PICKLE_GLOBAL && called->kind != PICKLE_OPAQUE))
        return broken(m, "calls what is no function");
    const pln_status status = called->kind == PICKLE_GLOBAL
                                  ? pickle_call(m->pickle, called->is.global, arguments, &result, m->error)
                                  : PLN_OK;
    return status == PLN_OK ? push_new(m, &result) : status;
}

/* What is built is the versions of modules beside a dictionary (a third of an old pickle) and attributes of tensors. */
static pln_status op_build(struct machine *m)
{
    const struct pickle_object *state = pop(m), *to = top(m);
    if (!state || !to)
        return empty_stack(m);
    if (to->kind != PICKLE_DICTIONARY && to->kind != PICKLE_TENSOR && to->kind != PICKLE_OPAQUE)
        return broken(m, "gives a state to what has none");
    return PLN_OK;
}

static pln_status op_binpersid(struct machine *m)
{
    const struct pickle_object *id = pop(m);
    struct pickle_object result;
    if (!id)
        return empty_stack(m);
    const pln_status status = pickle_persistent(m->pickle, id, &result, m->error);
    return status == PLN_OK ? push_new(m, &result) : status;
}

static pln_status op_proto(struct machine *m)
{
    uint64_t version;
    const pln_status status = take_number(m, 1, &version);
    return status == PLN_OK && (version < 2 || version > 5) ? broken(m, "has a protocol that is not 2 to 5") : status;
}

static pln_status op_frame(struct machine *m)
{
    uint64_t bytes;
    return take_number(m, 8, &bytes);
}

static pln_status op_stop(struct machine *m)
{
    if (m->n != 1 || !top(m))
        return broken(m, "stops with a stack that is not one object");
    m->stopped = true;
    return PLN_OK;
}

/* ---- the opcodes */

#define OPCODES(OP, REFUSED)                                                                                           \
    OP(0x80, PROTO, op_proto)                                                                                          \
    OP(0x95, FRAME, op_frame)                                                                                          \
    OP('.', STOP, op_stop)                                                                                             \
    OP('(', MARK, op_mark)                                                                                             \
    OP('0', POP, op_pop)                                                                                               \
    OP('1', POP_MARK, op_pop_mark)                                                                                     \
    OP('2', DUP, op_dup)                                                                                               \
    OP('q', BINPUT, op_binput)                                                                                         \
    OP('r', LONG_BINPUT, op_long_binput)                                                                               \
    OP(0x94, MEMOIZE, op_memoize)                                                                                      \
    OP('h', BINGET, op_binget)                                                                                         \
    OP('j', LONG_BINGET, op_long_binget)                                                                               \
    OP('N', NONE, op_none)                                                                                             \
    OP(0x88, NEWTRUE, op_newtrue)                                                                                      \
    OP(0x89, NEWFALSE, op_newfalse)                                                                                    \
    OP('J', BININT, op_binint)                                                                                         \
    OP('K', BININT1, op_binint1)                                                                                       \
    OP('M', BININT2, op_binint2)                                                                                       \
    OP(0x8a, LONG1, op_long1)                                                                                          \
    OP(0x8b, LONG4, op_long4)                                                                                          \
    OP('G', BINFLOAT, op_binfloat)                                                                                     \
    OP('X', BINUNICODE, op_text)                                                                                       \
    OP(0x8c, SHORT_BINUNICODE, op_short_text)                                                                          \
    OP(0x8d, BINUNICODE8, op_long_text)                                                                                \
    OP('T', BINSTRING, op_text)                                                                                        \
    OP('U', SHORT_BINSTRING, op_short_text)                                                                            \
    OP('B', BINBYTES, op_text)                                                                                         \
    OP('C', SHORT_BINBYTES, op_short_text)                                                                             \
    OP(']', EMPTY_LIST, op_empty_list)                                                                                 \
    OP('}', EMPTY_DICT, op_empty_dict)                                                                                 \
    OP(')', EMPTY_TUPLE, op_empty_list)                                                                                \
    OP('t', TUPLE, op_tuple)                                                                                           \
    OP(0x85, TUPLE1, op_small_tuple)                                                                                   \
    OP(0x86, TUPLE2, op_small_tuple)                                                                                   \
    OP(0x87, TUPLE3, op_small_tuple)                                                                                   \
    OP('a', APPEND, op_append)                                                                                         \
    OP('e', APPENDS, op_appends)                                                                                       \
    OP('s', SETITEM, op_setitem)                                                                                       \
    OP('u', SETITEMS, op_setitems)                                                                                     \
    OP('c', GLOBAL, op_global)                                                                                         \
    OP(0x93, STACK_GLOBAL, op_stack_global)                                                                            \
    OP('R', REDUCE, op_reduce)                                                                                         \
    OP('b', BUILD, op_build)                                                                                           \
    OP('Q', BINPERSID, op_binpersid)                                                                                   \
    REFUSED('i', INST)                                                                                                 \
    REFUSED('o', OBJ)                                                                                                  \
    REFUSED(0x81, NEWOBJ)                                                                                              \
    REFUSED(0x92, NEWOBJ_EX)                                                                                           \
    REFUSED(0x82, EXT1)                                                                                                \
    REFUSED(0x83, EXT2)                                                                                                \
    REFUSED(0x84, EXT4)                                                                                                \
    REFUSED('P', PERSID)                                                                                               \
    REFUSED('I', INT)                                                                                                  \
    REFUSED('L', LONG)                                                                                                 \
    REFUSED('F', FLOAT)                                                                                                \
    REFUSED('S', STRING)                                                                                               \
    REFUSED('V', UNICODE)                                                                                              \
    REFUSED('g', GET)                                                                                                  \
    REFUSED('p', PUT)                                                                                                  \
    REFUSED('l', LIST)                                                                                                 \
    REFUSED('d', DICT)                                                                                                 \
    REFUSED(0x8e, BINBYTES8)                                                                                           \
    REFUSED(0x8f, EMPTY_SET)                                                                                           \
    REFUSED(0x90, ADDITEMS)                                                                                            \
    REFUSED(0x91, FROZENSET)                                                                                           \
    REFUSED(0x96, BYTEARRAY8)                                                                                          \
    REFUSED(0x97, NEXT_BUFFER)                                                                                         \
    REFUSED(0x98, READONLY_BUFFER)

static const struct {
    const char *name;
    operation *run; /* NULL: refused */
} operations[256] = {
#define OP(code, name, run) [code] = {#name, run},
#define REFUSED(code, name) [code] = {#name, NULL},
    OPCODES(OP, REFUSED)
#undef OP
#undef REFUSED
};

static pln_status run_steps(struct machine *m)
{
    pln_status status = PLN_OK;
    while (status == PLN_OK && !m->stopped) {
        if (m->next == m->end)
            return broken(m, "ends in the middle");
        if (m->steps++ >= PICKLE_MAX_STEPS)
            return broken(m, "has more steps than a file of tensors can need");
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
    struct machine m = {.pickle = pickle, .next = bytes, .end = bytes + n, .error = error};
    const pln_status status = run_steps(&m);
    if (status == PLN_OK) {
        *used = (size_t)(m.next - bytes);
        *object = m.stack[0];
    }
    free(m.stack);
    free(m.memo);
    return status;
}
