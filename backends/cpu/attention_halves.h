/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries, keys and values that lie in bf16 (cpu_operand.halves), packed as the micro-kernel packs what it rounds
 * itself. Heads are whole tiles deep: HALVES_TILE elements or a multiple of them.
 */
#ifndef BACKENDS_CPU_ATTENTION_HALVES_H
#define BACKENDS_CPU_ATTENTION_HALVES_H

#include "backends/cpu/attention_panels.h"
#include "backends/cpu/attention_scores.h"
#include "backends/cpu/transpose.h"

enum { HALVES_COLUMNS = 2 * VEC_LANES }; /* of a panel of a weight */

/* Rows of pairs, `stride` pairs apart. */
struct halves_rows {
    const struct halves *data;
    size_t stride;
};

/* The columns of the head in the rows from number `row` on. */
static inline struct halves_rows halves_of_head(const struct span *s, const struct cpu_operand *operand, uint32_t row)
{
    const uint16_t *first = cpu_halves(operand, row) + (size_t)s->head * s->params->head_size;
    return (struct halves_rows){(const void *)first, operand->stride};
}

/* Queries: rows of x, as many as in a tile. */
static inline void pack_halves_x(struct halves_rows from, uint32_t rows, uint32_t depth, void *panel)
{
    const uint32_t steps = depth / 2;
    struct halves *to = panel;
    for (uint32_t first = 0; first < steps; first += CPU_CHUNK)
        for (uint32_t i = 0; i < rows; i++, to += CPU_CHUNK)
            for (uint32_t k = 0; k < CPU_CHUNK && first + k < steps; k += VEC_LANES)
                memcpy(to + k, from.data + i * from.stride + first + k, sizeof(vec));
}

/* Keys: rows of a weight, n of them, as deep as the head. Squares are turned; rows that are not there are zero. */
static inline void pack_halves_rows(struct halves_rows from, uint32_t n, uint32_t depth, void *panels)
{
    struct halves *to = panels;
    for (uint32_t first = 0; first < n; first += HALVES_COLUMNS)
        for (uint32_t k = 0; k < depth / 2; k += VEC_LANES, to += VEC_LANES * HALVES_COLUMNS)
            for (uint32_t i = 0; i < HALVES_COLUMNS; i += VEC_LANES) {
                vec square[VEC_LANES];
                for (uint32_t j = 0; j < VEC_LANES; j++)
                    square[j] =
                        first + i + j < n ? halves_load(from.data + (first + i + j) * from.stride + k) : (vec){0};
                vec_transpose(square);
                for (uint32_t j = 0; j < VEC_LANES; j++)
                    memcpy(to + j * HALVES_COLUMNS + i, &square[j], sizeof square[j]);
            }
}

/* Values: columns of the head are rows of a weight, n of them, as deep as there are keys. Each two elements are put side
 * by side, zeros behind the last. */
static inline void pack_halves_columns(struct halves_rows from, uint32_t n, uint32_t depth, void *panels)
{
    struct halves *to = panels;
    for (uint32_t first = 0; first < n; first += HALVES_COLUMNS)
        for (uint32_t k = 0; k < round_up32(depth, HALVES_TILE); k += 2, to += HALVES_COLUMNS) {
            const struct halves *row = from.data + k * from.stride + first / 2;
            vec pairs[2];
            halves_zip(k < depth ? halves_load(row) : (vec){0},
                       k + 1 < depth ? halves_load(row + from.stride) : (vec){0}, pairs);
            memcpy(to, pairs, sizeof pairs);
        }
}
#endif
