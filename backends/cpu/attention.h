/* SPDX-License-Identifier: Apache-2.0
 *
 * The scratch of a member in attention, which depends on the widest vectors of any level only.
 */
#ifndef BACKENDS_CPU_ATTENTION_H
#define BACKENDS_CPU_ATTENTION_H

#include "backends/cpu/kernel.h"

enum {
    CPU_ATTENTION_QUERIES = 24, /* rows of a block of scores */
    CPU_WIDEST_VECTOR = 16,
};

/* Offsets in floats. */
struct cpu_attention_room {
    size_t keys;   /* panels of transposed keys [source panels][head_size][lanes] */
    size_t values; /* panels of values [head panels][sources][lanes] */
    size_t hidden; /* [sources]: 0, or what replaces the score */
    size_t scores; /* [CPU_ATTENTION_QUERIES][sources] */
    size_t mixed;  /* [CPU_ATTENTION_QUERIES][head_size] */
    size_t end;
};

static inline struct cpu_attention_room cpu_attention_room(uint32_t sources, uint32_t head_size)
{
    const size_t s = (size_t)cpu_round_up(sources, CPU_WIDEST_VECTOR),
                 h = (size_t)cpu_round_up(head_size, CPU_WIDEST_VECTOR);
    struct cpu_attention_room room = {0};
    room.values = room.keys + s * h;
    room.hidden = room.values + s * h;
    room.scores = room.hidden + s;
    room.mixed = room.scores + CPU_ATTENTION_QUERIES * s;
    room.end = room.mixed + CPU_ATTENTION_QUERIES * h;
    return room;
}
#endif
