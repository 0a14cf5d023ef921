/* SPDX-License-Identifier: Apache-2.0
 *
 * The scratch of a member in attention and in its gradients, the same at every level.
 */
#ifndef BACKENDS_CPU_ATTENTION_H
#define BACKENDS_CPU_ATTENTION_H

#include "backends/cpu/kernel.h"
#include "backends/cpu/micro_kernel.h"

enum {
    CPU_ATTENTION_ROWS = 32,    /* queries of the largest tile */
    CPU_ATTENTION_QUERIES = 64, /* rows of a block of scores in gradients */
    CPU_WIDEST_VECTOR = 16,
    CPU_WIDEST_PANEL = 32,
};

/* Offsets in floats, enough for the tiles and steps of every level. */
struct cpu_attention_room {
    size_t keys;          /* packed [sources, head_size] */
    size_t values;        /* packed [head_size, sources] */
    size_t hidden;        /* [sources]: 0, or what replaces the score */
    size_t factors;       /* [sources] of dropout, with its slack */
    size_t queries;       /* packed tile of queries */
    size_t scores;        /* [CPU_ATTENTION_ROWS][sources] */
    size_t probabilities; /* the same, packed */
    size_t mixed;         /* [CPU_ATTENTION_ROWS][head_size] */
    size_t listed;        /* [sources][head_size] of the keys or the values of a list, before they are packed */
    size_t end;
};

static inline struct cpu_attention_room cpu_attention_room(uint32_t sources, uint32_t head_size, bool listed)
{
    const size_t s = (size_t)round_up(sources, CPU_CHUNK), h = (size_t)round_up(head_size, CPU_CHUNK);
    struct cpu_attention_room room = {0};
    room.values = room.keys + (s + CPU_WIDEST_PANEL) * h;
    room.hidden = room.values + s * (h + CPU_WIDEST_PANEL);
    room.factors = room.hidden + s;
    room.queries = room.factors + s + 3 * CPU_WIDEST_VECTOR;
    room.scores = room.queries + CPU_ATTENTION_ROWS * h;
    room.probabilities = room.scores + CPU_ATTENTION_ROWS * s;
    room.mixed = room.probabilities + CPU_ATTENTION_ROWS * s;
    room.listed = room.mixed + CPU_ATTENTION_ROWS * h;
    room.end = room.listed + (listed ? s * h : 0);
    return room;
}

/* The same for attention_backward. */
struct cpu_attention_backward_room {
    size_t keys, values;               /* packed [sources, head_size] */
    size_t key_columns;                /* packed [head_size, sources] */
    size_t query_columns, d_y_columns; /* packed [head_size, CPU_ATTENTION_QUERIES] */
    size_t rows;                       /* packed tile of any of the five products */
    size_t hidden, factors;            /* as above */
    size_t d_keys, d_values;           /* [sources][head_size] */
    size_t scores, d_scores;           /* [CPU_ATTENTION_QUERIES][sources] */
    size_t d_query;                    /* [CPU_ATTENTION_QUERIES][head_size] */
    size_t end;
};

static inline struct cpu_attention_backward_room cpu_attention_backward_room(uint32_t sources, uint32_t head_size)
{
    const size_t s = (size_t)round_up(sources, CPU_CHUNK), h = (size_t)round_up(head_size, CPU_CHUNK);
    const size_t columns = h + CPU_WIDEST_PANEL, longest = s > h ? s : h;
    struct cpu_attention_backward_room room = {0};
    room.values = room.keys + (s + CPU_WIDEST_PANEL) * h;
    room.key_columns = room.values + (s + CPU_WIDEST_PANEL) * h;
    room.query_columns = room.key_columns + s * columns;
    room.d_y_columns = room.query_columns + CPU_ATTENTION_QUERIES * columns;
    room.rows = room.d_y_columns + CPU_ATTENTION_QUERIES * columns;
    room.hidden = room.rows + CPU_ATTENTION_ROWS * (longest > CPU_ATTENTION_QUERIES ? longest : CPU_ATTENTION_QUERIES);
    room.factors = room.hidden + s;
    room.d_keys = room.factors + s + 3 * CPU_WIDEST_VECTOR;
    room.d_values = room.d_keys + s * h;
    room.scores = room.d_values + s * h;
    room.d_scores = room.scores + CPU_ATTENTION_QUERIES * s;
    room.d_query = room.d_scores + CPU_ATTENTION_QUERIES * s;
    room.end = room.d_query + CPU_ATTENTION_QUERIES * h;
    return room;
}
#endif
