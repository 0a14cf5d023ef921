/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of a pickle that runs, and what its opcodes share.
 */
#ifndef CHECKPOINT_PICKLE_MACHINE_H
#define CHECKPOINT_PICKLE_MACHINE_H

#include "checkpoint/pickle.h"

struct pickle_machine {
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

typedef pln_status pickle_operation(struct pickle_machine *m);
#define OP(code, name, run) pickle_operation pickle_op_##run;
#define REFUSED(code, name)
#include "checkpoint/pickle_opcodes.def"
#undef OP
#undef REFUSED

/* ---- pickle_stack.c: PLN_BAD_MODEL and PLN_NO_MEMORY in one sentence */

pln_status pickle_broken(struct pickle_machine *m, const char *what);
pln_status pickle_no_memory(struct pickle_machine *m);
pln_status pickle_empty_stack(struct pickle_machine *m);

pln_status pickle_take(struct pickle_machine *m, uint64_t n, const unsigned char **bytes);
/* A little-endian number of `bytes` bytes. */
pln_status pickle_take_number(struct pickle_machine *m, unsigned bytes, uint64_t *number);

pln_status pickle_push(struct pickle_machine *m, struct pickle_object *object);
pln_status pickle_push_new(struct pickle_machine *m, const struct pickle_object *object);
/* NULL: there is none, or a mark. */
struct pickle_object *pickle_top(const struct pickle_machine *m);
struct pickle_object *pickle_pop(struct pickle_machine *m);
/* The place of the last mark; SIZE_MAX: there is none. */
size_t pickle_mark(const struct pickle_machine *m);
#endif
