/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of tiles: two tiles of rows by two of columns, whose sums stay in registers over the depth. The weight lies
 * as pairs or fours of elements beside each other, which is how tiles want it; rows of x are loaded where the panel has
 * them.
 */
#include <float.h>

#include "backends/cpu/bytes.h"
#include "backends/cpu/halves.h"
#include "backends/cpu/kernel.h"
#include "backends/cpu/tile.h"
#include "backends/cpu/tiles.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    DEPTH = HALVES_TILE,
    STEPS_OF_TILE = DEPTH / 2,
    STEP_BYTES = 4,
    LINE_BYTES = 64,
    MOST_PARTS = 3,
    CHUNK = CPU_CHUNK,
};

/* Sums are tiles 0 and 1 of the first rows, 2 and 3 of the second; 4 and 5 hold x, 6 and 7 the weight. */
static void configure(uint32_t rows, uint32_t columns)
{
    const uint32_t row_tiles[2] = {rows < TILE_ROWS ? rows : TILE_ROWS, rows > TILE_ROWS ? rows - TILE_ROWS : 0};
    const uint32_t column_tiles[2] = {columns < STEPS_OF_TILE ? columns : STEPS_OF_TILE,
                                      columns > STEPS_OF_TILE ? columns - STEPS_OF_TILE : 0};
    struct tile_config config = {.palette = 1};
    for (uint32_t i = 0; i < 2; i++) {
        config.rows[4 + i] = (uint8_t)row_tiles[i];
        config.row_bytes[4 + i] = row_tiles[i] ? 2 * DEPTH : 0;
        config.rows[6 + i] = column_tiles[i] ? STEPS_OF_TILE : 0;
        config.row_bytes[6 + i] = (uint16_t)(4 * column_tiles[i]);
        for (uint32_t j = 0; j < 2 && row_tiles[i] && column_tiles[j]; j++) {
            config.rows[2 * i + j] = (uint8_t)row_tiles[i];
            config.row_bytes[2 * i + j] = (uint16_t)(4 * column_tiles[j]);
        }
    }
    TILE_CONFIGURE(&config);
}

/* Setting up takes long, and most tiles of a product are alike. */
static void take_shape(const struct cpu_tile_product *t, uint32_t columns)
{
    const uint32_t shape = t->rows << 8 | columns;
    if (*t->shape != shape)
        configure(t->rows, columns);
    *t->shape = shape;
}

static void release(void)
{
    TILE_RELEASE();
}

/* ---- sums */

INLINE void begin_sums(const struct cpu_tile_product *t, const bool rows, const bool columns)
{
    const float *first = t->addend.data, *second = first ? first + TILE_ROWS * t->addend.stride : NULL;
    const size_t stride = t->addend.stride * sizeof(float);
    if (!first) {
        TILE_ZERO(0);
        if (columns)
            TILE_ZERO(1);
        if (rows)
            TILE_ZERO(2);
        if (rows && columns)
            TILE_ZERO(3);
        return;
    }
    TILE_LOAD(0, first, stride);
    if (columns)
        TILE_LOAD(1, first + STEPS_OF_TILE, stride);
    if (rows)
        TILE_LOAD(2, second, stride);
    if (rows && columns)
        TILE_LOAD(3, second + STEPS_OF_TILE, stride);
}

INLINE void store_sums(const struct cpu_tile_product *t, const bool rows, const bool columns)
{
    const size_t stride = t->out_stride * sizeof(float);
    float *first = t->out, *second = first + TILE_ROWS * t->out_stride;
    TILE_STORE(0, first, stride);
    if (columns)
        TILE_STORE(1, first + STEPS_OF_TILE, stride);
    if (rows)
        TILE_STORE(2, second, stride);
    if (rows && columns)
        TILE_STORE(3, second + STEPS_OF_TILE, stride);
}

/* After the sums, which are in cache. */
static void add_bias(const struct cpu_tile_product *t, uint32_t columns)
{
    for (uint32_t r = 0; t->bias && r < t->rows; r++)
        for (uint32_t c = 0; c < columns; c += VEC_LANES) {
            float *out = t->out + r * t->out_stride + c;
            vec_store(out, vec_load(out) + vec_load(t->bias + c));
        }
}

INLINE void multiply_all(const bool rows, const bool columns)
{
    TILE_MULTIPLY_BF16(0, 4, 6);
    if (columns)
        TILE_MULTIPLY_BF16(1, 4, 7);
    if (rows)
        TILE_MULTIPLY_BF16(2, 5, 6);
    if (rows && columns)
        TILE_MULTIPLY_BF16(3, 5, 7);
}

INLINE void multiply_all_bytes(const bool rows, const bool columns)
{
    TILE_MULTIPLY_BYTES(0, 4, 6);
    if (columns)
        TILE_MULTIPLY_BYTES(1, 4, 7);
    if (rows)
        TILE_MULTIPLY_BYTES(2, 5, 6);
    if (rows && columns)
        TILE_MULTIPLY_BYTES(3, 5, 7);
}

INLINE void load_x(const char *x, size_t stride, const bool rows)
{
    TILE_LOAD(4, x, stride);
    if (rows)
        TILE_LOAD(5, x + TILE_ROWS * stride, stride);
}

INLINE void load_weight(const char *weight, size_t stride, const bool columns)
{
    TILE_LOAD(6, weight, stride);
    if (columns)
        TILE_LOAD(7, weight + TILE_BYTES, stride);
}

/* ---- halves, bytes */

/* What later tiles need of the weight. */
INLINE void fetch_later(const struct cpu_tile_product *t, uint32_t step)
{
    const uint32_t bytes = STEPS_OF_TILE * t->later_step;
    const char *later = t->later + (size_t)step * t->later_step;
    for (uint32_t i = 0; i < bytes; i += LINE_BYTES)
        __builtin_prefetch(later + i, 0, 2);
}

/* `bytes`, or halves. */
INLINE void multiply_tiles(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t, const bool bytes,
                           const bool rows, const bool columns)
{
    const size_t x_stride = CHUNK * STEP_BYTES, weight_stride = kernel->columns * STEP_BYTES;
    const uint32_t steps = ceil_div32(t->depth, bytes ? BYTES_TILE : DEPTH) * STEPS_OF_TILE;
    const char *x = t->x, *weight = t->weight;
    begin_sums(t, rows, columns);
    for (uint32_t first = 0; first < steps; first += CHUNK, x += t->rows * x_stride) {
        const uint32_t n = steps - first < CHUNK ? steps - first : CHUNK;
        for (uint32_t k = 0; k < n; k += STEPS_OF_TILE, weight += STEPS_OF_TILE * weight_stride) {
            load_weight(weight, weight_stride, columns);
            load_x(x + k * STEP_BYTES, x_stride, rows);
            if (bytes)
                multiply_all_bytes(rows, columns);
            else
                multiply_all(rows, columns);
            fetch_later(t, first + k);
        }
    }
    store_sums(t, rows, columns);
}

INLINE void multiply_shape(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t, const bool bytes,
                           uint32_t columns)
{
    const bool wide = columns > STEPS_OF_TILE;
    take_shape(t, columns);
    if (t->rows > TILE_ROWS)
        wide ? multiply_tiles(kernel, t, bytes, true, true) : multiply_tiles(kernel, t, bytes, true, false);
    else
        wide ? multiply_tiles(kernel, t, bytes, false, true) : multiply_tiles(kernel, t, bytes, false, false);
}

static void multiply(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t)
{
    const struct cpu_micro_kernel *base = kernel->context;
    const uint32_t columns = round_up32(t->columns, kernel->lanes);
    if (t->few) {
        base->multiply(base, t);
        return;
    }
    multiply_shape(kernel, t, false, columns);
    add_bias(t, columns);
}

/* Sums of bytes pass by the first level of cache on their way to floats. */
static void multiply_bytes(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t)
{
    const struct cpu_micro_kernel *base = kernel->context;
    const uint32_t columns = round_up32(t->columns, kernel->lanes);
    int32_t sums[CPU_TILES_ROWS * CPU_TILES_COLUMNS] __attribute__((aligned(LINE_BYTES)));
    if (t->few) {
        base->multiply(base, t);
        return;
    }
    struct cpu_tile_product of_bytes = *t;
    of_bytes.addend.data = NULL;
    of_bytes.out = (float *)(void *)sums;
    of_bytes.out_stride = kernel->columns;
    multiply_shape(kernel, &of_bytes, true, columns);
    bytes_leave(t, sums, kernel->columns, columns);
}

/* ---- parts: numbers of f32 as sums of halves */

/* Before the parts of a panel. */
struct parts_head {
    uint32_t wild; /* rows of x (bits), or not 0: the panel of the weight, whose product tiles would not give */
};

static const float most_tame = 0x1p48f; /* so that no sum of products of parts goes beyond f32 */

/* Lanes that tiles would change. */
static vec_int find_wild(vec v)
{
    const vec size = vec_absolute(v);
    return ~(vec_int)(size <= most_tame) | ((vec_int)(size < FLT_MIN) & (vec_int)(size != 0));
}

static bool is_any(vec_int lanes)
{
    int32_t all[VEC_LANES], any = 0;
    memcpy(all, &lanes, sizeof all);
    for (uint32_t i = 0; i < VEC_LANES; i++)
        any |= all[i];
    return any != 0;
}

static vec load_left(const float *from, uint32_t at, uint32_t depth)
{
    return at < depth ? vec_load_some(from, depth - at) : (vec){0};
}

/* Parts of a row of DEPTH elements from number `at` on, `stride` bytes apart. Gives the lanes that are wild. */
static vec_int part_row(const struct cpu_micro_kernel *kernel, const float *from, uint32_t at, uint32_t depth, char *to,
                        size_t stride)
{
    vec_int wild = {0};
    for (uint32_t i = 0; i < DEPTH; i += 2 * VEC_LANES) {
        vec low = load_left(from + i, at + i, depth), high = load_left(from + i + VEC_LANES, at + i + VEC_LANES, depth);
        wild |= find_wild(low) | find_wild(high);
        for (uint32_t p = 0; p < kernel->prepared_bytes / 2; p++) {
            const vec halves = halves_convert(low, high);
            vec low_half, high_half;
            memcpy(to + p * stride + i * sizeof(uint16_t), &halves, sizeof halves);
            halves_widen(halves, &low_half, &high_half);
            low -= low_half;
            high -= high_half;
        }
    }
    return wild;
}

/* [depth / DEPTH][parts][rows][DEPTH] of a panel [chunks][rows][CHUNK]. */
static void part_x(const struct cpu_micro_kernel *kernel, const void *panel, uint32_t rows, uint32_t depth, void *parts)
{
    const size_t row_bytes = DEPTH * sizeof(uint16_t), part_bytes = rows * row_bytes;
    const size_t block_bytes = part_bytes * (kernel->prepared_bytes / 2);
    struct parts_head head = {0};
    for (uint32_t r = 0; r < rows; r++) {
        char *to = (char *)parts + CPU_PREPARED_HEAD + r * row_bytes;
        vec_int wild = {0};
        for (uint32_t k = 0; k < depth; k += DEPTH, to += block_bytes) {
            const float *from = (const float *)panel + ((size_t)(k / CHUNK) * rows + r) * CHUNK + k % CHUNK;
            wild |= part_row(kernel, from, k, depth, to, part_bytes);
        }
        head.wild |= (uint32_t)is_any(wild) << r;
    }
    memcpy(parts, &head, sizeof head);
}

/* [depth / DEPTH][parts][STEPS_OF_TILE][columns] of a panel [depth][columns]. */
static void part_weight(const struct cpu_micro_kernel *kernel, const void *panel, uint32_t depth, void *parts)
{
    const uint32_t columns = kernel->columns, n_parts = kernel->prepared_bytes / 2;
    const size_t part_pairs = (size_t)STEPS_OF_TILE * columns;
    struct halves *to = (struct halves *)(void *)((char *)parts + CPU_PREPARED_HEAD);
    vec_int wild = {0};
    for (uint32_t k = 0; k < round_up32(depth, DEPTH); k += 2, to += columns) {
        const float *from = (const float *)panel + (size_t)k * columns;
        if (k && k % DEPTH == 0)
            to += part_pairs * (n_parts - 1);
        for (uint32_t c = 0; c < columns; c += VEC_LANES) {
            vec first = k < depth ? vec_load(from + c) : (vec){0};
            vec second = k + 1 < depth ? vec_load(from + columns + c) : (vec){0};
            wild |= find_wild(first) | find_wild(second);
            for (uint32_t p = 0; p < n_parts; p++) {
                const vec pairs = halves_join(first, second);
                memcpy(to + p * part_pairs + c, &pairs, sizeof pairs);
                first -= halves_first(pairs);
                second -= halves_second(pairs);
            }
        }
    }
    const struct parts_head head = {is_any(wild)};
    memcpy(parts, &head, sizeof head);
}

/* Products of parts, h + m + l, but for those that are below 2^-24 of the whole: smaller ones come first, as far as
 * each part of x is loaded once. */
INLINE void multiply_three(const char *x, const char *weight, size_t x_part, size_t weight_part, size_t stride,
                           const bool rows, const bool columns)
{
    load_x(x + 2 * x_part, TILE_BYTES, rows);
    load_weight(weight, stride, columns);
    multiply_all(rows, columns); /* l h */
    load_x(x + x_part, TILE_BYTES, rows);
    multiply_all(rows, columns); /* m h */
    load_weight(weight + weight_part, stride, columns);
    multiply_all(rows, columns); /* m m */
    load_x(x, TILE_BYTES, rows);
    multiply_all(rows, columns); /* h m */
    load_weight(weight + 2 * weight_part, stride, columns);
    multiply_all(rows, columns); /* h l */
    load_weight(weight, stride, columns);
    multiply_all(rows, columns); /* h h */
}

INLINE void multiply_two(const char *x, const char *weight, size_t x_part, size_t weight_part, size_t stride,
                         const bool rows, const bool columns)
{
    load_x(x + x_part, TILE_BYTES, rows);
    load_weight(weight, stride, columns);
    multiply_all(rows, columns); /* m h */
    load_x(x, TILE_BYTES, rows);
    load_weight(weight + weight_part, stride, columns);
    multiply_all(rows, columns); /* h m */
    load_weight(weight, stride, columns);
    multiply_all(rows, columns); /* h h */
}

INLINE void multiply_blocks(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t, const bool rows,
                            const bool columns)
{
    const uint32_t parts = kernel->prepared_bytes / 2;
    const size_t stride = kernel->columns * sizeof(struct halves);
    const size_t x_part = (size_t)t->rows * TILE_BYTES, weight_part = STEPS_OF_TILE * stride;
    const char *x = (const char *)t->prepared_x + CPU_PREPARED_HEAD;
    const char *weight = (const char *)t->prepared_weight + CPU_PREPARED_HEAD;
    begin_sums(t, rows, columns);
    for (uint32_t k = 0; k < t->depth; k += DEPTH, x += parts * x_part, weight += parts * weight_part) {
        if (parts == MOST_PARTS)
            multiply_three(x, weight, x_part, weight_part, stride, rows, columns);
        else
            multiply_two(x, weight, x_part, weight_part, stride, rows, columns);
        fetch_later(t, k);
        fetch_later(t, k + STEPS_OF_TILE); /* steps of f32 are as many as the depth */
    }
    store_sums(t, rows, columns);
}

/* Rows first .. first+n-1 of the tile in f32, as many at a time as the kernel below takes; addend begins at the first. */
static void multiply_rows(const struct cpu_micro_kernel *base, const struct cpu_tile_product *t, uint32_t first,
                          uint32_t n, struct cpu_rows addend)
{
    const uint32_t times = ceil_div32(n, base->rows);
    for (uint32_t i = 0; i < times; i++) {
        const struct cpu_share share = cpu_share(n, i, times);
        const uint32_t row = first + share.first;
        struct cpu_tile_product part = *t;
        part.x = (const float *)t->x + (size_t)row * CHUNK;
        part.rows = share.last - share.first;
        part.out += row * t->out_stride;
        part.addend = addend;
        if (addend.data)
            part.addend.data += share.first * addend.stride;
        for (uint32_t m = 0; m < 2; m++)
            if (t->met[m].data)
                part.met[m].data += row * t->met[m].stride;
        if (row)
            part.later_step = 0;
        base->multiply(base, &part);
    }
}

static void multiply_parted(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t, uint32_t columns)
{
    take_shape(t, columns);
    if (t->rows > TILE_ROWS)
        columns > STEPS_OF_TILE ? multiply_blocks(kernel, t, true, true) : multiply_blocks(kernel, t, true, false);
    else
        columns > STEPS_OF_TILE ? multiply_blocks(kernel, t, false, true) : multiply_blocks(kernel, t, false, false);
    add_bias(t, columns);
}

static void multiply_parts(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t)
{
    const struct cpu_micro_kernel *base = kernel->context;
    const uint32_t columns = round_up32(t->columns, kernel->lanes);
    struct parts_head x = {0}, weight = {1};
    float added[CPU_TILES_ROWS * CPU_TILES_COLUMNS]; /* to rows that are wild: out may be where it lies */
    if (t->prepared_x) {
        memcpy(&x, t->prepared_x, sizeof x);
        memcpy(&weight, t->prepared_weight, sizeof weight);
    }
    if (weight.wild) {
        multiply_rows(base, t, 0, t->rows, t->addend);
        return;
    }
    for (uint32_t r = 0; x.wild && t->addend.data && r < t->rows; r++)
        memcpy(added + (size_t)r * columns, t->addend.data + r * t->addend.stride, columns * sizeof *added);
    multiply_parted(kernel, t, columns);
    for (uint32_t r = 0; r < t->rows; r++)
        if (x.wild >> r & 1)
            multiply_rows(base, t, r, 1,
                          (struct cpu_rows){t->addend.data ? added + (size_t)r * columns : NULL, columns});
}

const struct cpu_tiles CPU_NAME(tiles) = {
    .multiply = multiply,
    .multiply_bytes = multiply_bytes,
    .multiply_parts = multiply_parts,
    .part_x = part_x,
    .part_weight = part_weight,
    .release = release,
};
