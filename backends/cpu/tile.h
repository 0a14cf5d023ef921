/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles: eight registers of 16 rows of 64 bytes, and what can be done with them. By the instructions of AMX, or with
 * CPU_TILE_TWIN in plain C, which does the same and stops the process where the processor would. The number of a tile
 * is a literal.
 */
#ifndef BACKENDS_CPU_TILE_H
#define BACKENDS_CPU_TILE_H

#include <stdint.h>
#include <string.h>

enum { TILE_ROWS = 16, TILE_BYTES = 64, TILES = 8 };

/* What TILE_CONFIGURE reads: how many rows each tile has, and bytes in each of them. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#if !defined(CPU_TILE_TWIN)
#include <immintrin.h>

/* By hand: headers of GCC say that their own reads eight bytes, and what is written to the rest is left out. */
#define TILE_CONFIGURE(config) __asm__ volatile("ldtilecfg %0" : : "m"(*(config)))
#define TILE_RELEASE() _tile_release()
#define TILE_ZERO(tile) _tile_zero(tile)
/* Nor do they say that a load reads memory at all: what is before has to be there. */
#define TILE_LOAD(tile, from, stride)                                                                                  \
    do {                                                                                                               \
        __asm__ volatile("" : : "r"(from) : "memory");                                                                 \
        _tile_loadd(tile, from, stride);                                                                               \
    } while (0)
#define TILE_STORE(tile, to, stride) _tile_stored(tile, to, stride)
/* sums += a b, of a [rows, pairs] and b [pairs, columns] of bf16, sums in f32. */
#define TILE_MULTIPLY_BF16(sums, a, b) _tile_dpbf16ps(sums, a, b)
/* sums += a b, of a [rows, fours] from 0 to 255 and b [fours, columns] from -128 to 127, sums in i32. */
#define TILE_MULTIPLY_BYTES(sums, a, b) _tile_dpbusd(sums, a, b)

#else
#include <float.h>

struct tile {
    uint8_t bytes[TILE_ROWS][TILE_BYTES];
};

/* The registers of this thread. */
struct tile_file {
    struct tile_config config;
    struct tile tiles[TILES];
};
static _Thread_local struct tile_file tile_file;

static inline void tile_demand(int holds)
{
    if (!holds)
        __builtin_trap();
}

static inline void tile_configure(const struct tile_config *config)
{
    tile_demand(config->palette == 1 && !config->start_row);
    for (uint32_t i = 0; i < 16; i++)
        tile_demand(i < TILES ? config->rows[i] <= TILE_ROWS && config->row_bytes[i] <= TILE_BYTES &&
                                    !config->rows[i] == !config->row_bytes[i]
                              : !config->rows[i] && !config->row_bytes[i]);
    tile_file = (struct tile_file){.config = *config};
}

static inline void tile_release(void)
{
    tile_file = (struct tile_file){0};
}

static inline struct tile *tile_of(uint32_t i)
{
    tile_demand(tile_file.config.palette && tile_file.config.rows[i]);
    return &tile_file.tiles[i];
}

static inline void tile_zero(uint32_t i)
{
    *tile_of(i) = (struct tile){0};
}

static inline void tile_load(uint32_t i, const void *from, size_t stride)
{
    struct tile *tile = tile_of(i);
    *tile = (struct tile){0};
    for (uint32_t r = 0; r < tile_file.config.rows[i]; r++)
        memcpy(tile->bytes[r], (const char *)from + r * stride, tile_file.config.row_bytes[i]);
}

static inline void tile_store(uint32_t i, void *to, size_t stride)
{
    const struct tile *tile = tile_of(i);
    for (uint32_t r = 0; r < tile_file.config.rows[i]; r++)
        memcpy((char *)to + r * stride, tile->bytes[r], tile_file.config.row_bytes[i]);
}

/* Numbers below the least normal one count as zero, in factors and in sums. */
static inline float tile_flush(float value)
{
    return value > -FLT_MIN && value < FLT_MIN ? 0 : value;
}

static inline float tile_half(uint32_t pair, uint32_t which)
{
    const uint32_t bits = which ? pair & 0xffff0000u : pair << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return tile_flush(value);
}

static inline void tile_demand_factors(uint32_t sums, uint32_t a, uint32_t b)
{
    const struct tile_config *config = &tile_file.config;
    tile_demand(config->rows[sums] == config->rows[a] && config->row_bytes[sums] == config->row_bytes[b] &&
                config->row_bytes[a] == 4 * config->rows[b]);
}

static inline void tile_multiply_bytes(uint32_t sums, uint32_t a, uint32_t b)
{
    const struct tile_config *config = &tile_file.config;
    struct tile *to = tile_of(sums);
    const struct tile *left = tile_of(a), *right = tile_of(b);
    tile_demand_factors(sums, a, b);
    for (uint32_t r = 0; r < config->rows[sums]; r++) {
        int32_t total[TILE_BYTES / 4];
        memcpy(total, to->bytes[r], sizeof total);
        for (uint32_t k = 0; k < config->row_bytes[a]; k++)
            for (uint32_t c = 0; c < config->row_bytes[sums] / 4u; c++)
                total[c] += left->bytes[r][k] * (int8_t)right->bytes[k / 4][4 * c + k % 4];
        memcpy(to->bytes[r], total, sizeof total);
    }
}

/* First elements of pairs are summed by themselves, so are second ones, and both are added to what was there. */
static inline void tile_multiply_bf16(uint32_t sums, uint32_t a, uint32_t b)
{
    enum { LANES = TILE_BYTES / 4 };
    const struct tile_config *config = &tile_file.config;
    struct tile *to = tile_of(sums);
    const struct tile *left = tile_of(a), *right = tile_of(b);
    tile_demand_factors(sums, a, b);
    float factors[2][TILE_ROWS][LANES];
    for (uint32_t k = 0; k < config->rows[b]; k++) {
        uint32_t pairs[LANES];
        memcpy(pairs, right->bytes[k], sizeof pairs);
        for (uint32_t c = 0; c < LANES; c++)
            for (uint32_t which = 0; which < 2; which++)
                factors[which][k][c] = tile_half(pairs[c], which);
    }
    for (uint32_t r = 0; r < config->rows[sums]; r++) {
        float sum[2][LANES] = {{0}}, total[LANES];
        uint32_t pairs[LANES];
        memcpy(pairs, left->bytes[r], sizeof pairs);
        for (uint32_t k = 0; k < config->rows[b]; k++)
            for (uint32_t which = 0; which < 2; which++) {
                const float factor = tile_half(pairs[k], which);
                for (uint32_t c = 0; c < LANES; c++)
                    sum[which][c] = tile_flush(sum[which][c] + factor * factors[which][k][c]);
            }
        memcpy(total, to->bytes[r], sizeof total);
        for (uint32_t c = 0; c < config->row_bytes[sums] / 4u; c++)
            total[c] = tile_flush(total[c] + tile_flush(sum[0][c] + sum[1][c]));
        memcpy(to->bytes[r], total, sizeof total);
    }
}

#define TILE_CONFIGURE(config) tile_configure(config)
#define TILE_RELEASE() tile_release()
#define TILE_ZERO(tile) tile_zero(tile)
#define TILE_LOAD(tile, from, stride) tile_load(tile, from, stride)
#define TILE_STORE(tile, to, stride) tile_store(tile, to, stride)
#define TILE_MULTIPLY_BF16(sums, a, b) tile_multiply_bf16(sums, a, b)
#define TILE_MULTIPLY_BYTES(sums, a, b) tile_multiply_bytes(sums, a, b)

#endif
#endif
