/* SPDX-License-Identifier: Apache-2.0
 *
 * ops.def as a table.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

#define RULE(name) graph_gradient_rule graph_gradient_##name;
#define NOT_DIFFERENTIABLE(name)
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    void graph_shape_##name(pln_graph *graph, const struct graph_node *node, struct graph_shape *outputs_);            \
    uint64_t graph_flops_##name(const struct graph_node *node, const uint32_t *dims);                                  \
    gradient(name)
#include "graph/ops.def"
#undef PLN_OP
#undef RULE
#undef NOT_DIFFERENTIABLE

struct row {
    struct graph_op op;
    const char *inputs, *outputs;
};

/* PARAMS(F32(a) U32(b)) becomes "Fa Ub ". */
#define F32(field) "F" #field " "
#define U32(field) "U" #field " "
#define I32(field) "I" #field " "
#define PARAMS(fields) "" fields
#define NOT (-1), 0
#define MAY(i) (i), 0
#define MUST(n) (-1), n
#define PLACE(input, n) .in_place = input, .writes = n
#define PLACE_(...) PLACE(__VA_ARGS__)
#define RULE(name) graph_gradient_##name
#define NOT_DIFFERENTIABLE(name) NULL

static struct row rows[] = {
#define PLN_OP(number_, version_, NAME, name_, inputs_, outputs_, in_place_, params_, gradient_)                       \
    {.op = {.number = number_,                                                                                         \
            .version = version_,                                                                                       \
            .name = #name_,                                                                                            \
            .params = params_,                                                                                         \
            PLACE_(in_place_),                                                                                         \
            .shape = graph_shape_##name_,                                                                              \
            .flops = graph_flops_##name_,                                                                              \
            .gradient = gradient_(name_)},                                                                             \
     .inputs = inputs_,                                                                                                \
     .outputs = outputs_},
#include "graph/ops.def"
#undef PLN_OP
};
enum { N_OPS = sizeof rows / sizeof *rows };

static struct graph_op ops[N_OPS];
static char operand_text[N_OPS][2][256];

/* "x weight bias?" into names, their number, and a bit for each that is optional. */
static uint32_t split_operands(const char *list, char *text, const char **names, uint32_t *optional)
{
    uint32_t n = 0;
    strcpy(text, list);
    for (char *save, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *mark = strchr(word, '?');
        if (mark) {
            *mark = '\0';
            *optional |= 1u << n;
        }
        names[n++] = word;
    }
    return n;
}

static void fill_ops(void)
{
    for (uint32_t i = 0; i < N_OPS; i++) {
        ops[i] = rows[i].op;
        for (const char *field = ops[i].params; *field; field++)
            ops[i].params_size += *field == ' ' ? 4 : 0; /* every field is one word */
        ops[i].n_inputs =
            split_operands(rows[i].inputs, operand_text[i][0], ops[i].input_names, &ops[i].optional_inputs);
        ops[i].n_outputs =
            split_operands(rows[i].outputs, operand_text[i][1], ops[i].output_names, &ops[i].optional_outputs);
    }
}

const struct graph_op *graph_ops(uint32_t *count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_ops);
    *count = N_OPS;
    return ops;
}

const struct graph_op *graph_op(uint32_t number)
{
    uint32_t n;
    const struct graph_op *all = graph_ops(&n);
    for (uint32_t i = 0; i < n; i++)
        if (all[i].number == number)
            return &all[i];
    return NULL;
}
