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
    CPU_ATTENTION_QUERIES = 24, /* rows of a block of scores in gradients */
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
    size_t keys, values;     /* both transposed */
    size_t key_rows;         /* panels of keys [head panels][sources][lanes] */
    size_t hidden, factors;  /* as above */
    size_t d_keys, d_values; /* [sources][head_size] */
    size_t scores, d_scores; /* [CPU_ATTENTION_QUERIES][sources] */
    size_t query_rows, d_y_rows,
        d_query; /* [head panels][CPU_ATTENTION_QUERIES][lanes], the last [queries][head_size] */
    size_t end;
};

static inline struct cpu_attention_backward_room cpu_attention_backward_room(uint32_t sources, uint32_t head_size)
{
    const size_t s = (size_t)round_up(sources, CPU_WIDEST_VECTOR), h = (size_t)round_up(head_size, CPU_WIDEST_VECTOR);
    struct cpu_attention_backward_room room = {0};
    room.values = room.keys + s * h;
    room.key_rows = room.values + s * h;
    room.hidden = room.key_rows + s * h;
    room.factors = room.hidden + s;
    room.d_keys = room.factors + s + 3 * CPU_WIDEST_VECTOR;
    room.d_values = room.d_keys + s * h;
    room.scores = room.d_values + s * h;
    room.d_scores = room.scores + CPU_ATTENTION_QUERIES * s;
    room.query_rows = room.d_scores + CPU_ATTENTION_QUERIES * s;
    room.d_y_rows = room.query_rows + CPU_ATTENTION_QUERIES * h;
    room.d_query = room.d_y_rows + CPU_ATTENTION_QUERIES * h;
    room.end = room.d_query + CPU_ATTENTION_QUERIES * h;
    return room;
}
#endif
