/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own micro-kernel of a level. Sums of a tile stay in registers over the whole depth; a row of x meets vectors of
 * the weight one step of depth at a time. Rows of x lie in chunks of a fixed depth, so that every row is at a constant
 * distance from the first and packing is copying.
 */
#include <string.h>

#include "backends/cpu/kernel.h"
#include "backends/cpu/micro_kernel.h"
#include "backends/cpu/step.h"
#include "backends/cpu/transpose.h"

/* Sums take all registers but those for a step of the weight and an element of x. Wide tiles load least for a product.
 */
#if STEPS == CPU_STEPS_bytes && defined(__AVX2__) && !defined(__AVX512VNNI__) /* twice as many vectors of a step */
enum { ROWS = 4, VECTORS = 2 };
#define EACH_ROWS(X) X(1) X(2) X(3) X(4)
#elif defined(__AVX512F__)
enum { ROWS = 14, VECTORS = 2 };
#define EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif defined(__AVX2__)
enum { ROWS = 4, VECTORS = 3 };
#define EACH_ROWS(X) X(1) X(2) X(3) X(4)
#else
enum { ROWS = 6, VECTORS = 2 };
#define EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

#if STEPS == CPU_STEPS_widened
#define MICRO_KERNEL CPU_NAME(widened_kernel)
#elif STEPS == CPU_STEPS_bytes
#define MICRO_KERNEL CPU_NAME(byte_kernel)
#else
#define MICRO_KERNEL CPU_NAME(micro_kernel)
#endif

#if STEPS == CPU_STEPS_halves || (STEPS == CPU_STEPS_bytes && defined(__AVX512BF16__))
enum { LEAVES_HALVES = 1 };
#else
enum { LEAVES_HALVES = 0 };
#endif

enum { COLUMNS = VECTORS * VEC_LANES, CHUNK = CPU_CHUNK, LINE = 16 };
enum { TOGETHER = COLUMNS % LINE ? 2 : 1, LINES = TOGETHER * COLUMNS / LINE }; /* steps of the weight in whole lines */
enum { AT_ONCE = TOGETHER * X_STEPS };                                         /* steps of x that meet them */
enum { WIDE = X_STEPS * COLUMNS }; /* floats that a step of the weight is left as */

/* Rows first .. last-1 of what is met after the tile, a part of them with each chunk: all at once would have to wait. */
static inline void fetch_met(const struct cpu_tile_product *t, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i < last && i < t->rows; i++)
        for (uint32_t m = 0; m < 2; m++)
            for (uint32_t c = 0; t->met[m].data && c < COLUMNS; c += LINE)
                __builtin_prefetch(t->met[m].data + i * t->met[m].stride + c, 1);
}

/* The lines of the weight that TOGETHER steps from now on need later: `ahead` soon, `later` after some tiles. */
static inline void fetch_lines(const weight_step *ahead, const char *later, uint32_t later_step)
{
#pragma GCC unroll 4
    for (uint32_t i = 0; i < LINES; i++)
        __builtin_prefetch(ahead + i * LINE);
    __builtin_prefetch(later, 0, 2);
    __builtin_prefetch(later + TOGETHER * later_step / 2, 0, 2);
}

/* `rows` and `vectors` are constants where this is called, and whether the weight is left at `wide`. */
static inline __attribute__((always_inline)) void multiply_step(const step *x, const weight_step *weight, float *wide,
                                                                sum_vector sum[ROWS][VECTORS], const uint32_t rows,
                                                                const uint32_t vectors)
{
#pragma GCC unroll 2
    for (uint32_t half = 0; half < X_STEPS; half++) {
        weight_vector w[VECTORS];
#pragma GCC unroll 4
        for (uint32_t j = 0; j < vectors; j++)
            w[j] = load_weights(weight + j * VEC_LANES, half);
#if STEPS == CPU_STEPS_widened
#pragma GCC unroll 4
        for (uint32_t j = 0; wide && j < vectors; j++)
            vec_store(wide + half * COLUMNS + j * VEC_LANES, w[j]);
#else
        (void)wide;
#endif
#pragma GCC unroll 14
        for (uint32_t i = 0; i < rows; i++) {
            const x_vector v = all_steps(x + (size_t)i * CHUNK + half);
#pragma GCC unroll 4
            for (uint32_t j = 0; j < vectors; j++)
                sum[i][j] = multiply_add(v, w[j], sum[i][j]);
        }
    }
}

/* Leaves VEC_LANES columns of row i from number c on. */
static inline __attribute__((always_inline)) void leave(const struct cpu_tile_product *t, uint32_t i, uint32_t c, vec v,
                                                        const bool halves)
{
    if (LEAVES_HALVES && halves)
        halves_store(halves_of_row(t->halves, t->out_stride, i), c, v);
    else
        vec_store(t->out + i * t->out_stride + c, v);
}

#if STEPS == CPU_STEPS_bytes

static inline __attribute__((always_inline)) void
begin_sums(const struct cpu_tile_product *t, sum_vector sum[ROWS][VECTORS], const uint32_t rows, const uint32_t vectors)
{
    (void)t;
#pragma GCC unroll 14
    for (uint32_t i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (uint32_t j = 0; j < vectors; j++)
            sum[i][j] = (sum_vector){0};
}

/* Few rows have them: a tile that is stored meets them again, in one loop for any number of rows. */
static __attribute__((noinline)) void add_outliers(const struct cpu_tile_product *t, uint32_t vectors)
{
    bytes_add_outliers(t, COLUMNS, vectors * VEC_LANES);
}

static inline __attribute__((always_inline)) void store_sums(const struct cpu_tile_product *t,
                                                             sum_vector sum[ROWS][VECTORS], const uint32_t rows,
                                                             const uint32_t vectors, const bool halves, const bool adds)
{
    const struct bytes_row *row = bytes_rows(t->x, t->panel_rows, t->depth);
    const struct bytes_columns columns = bytes_columns(t->weight, COLUMNS, t->depth);
    const struct cpu_rows addend = t->addend;
#pragma GCC unroll 4
    for (uint32_t j = 0; j < vectors; j++) {
        const struct bytes_lane lane = bytes_lane(t, &columns, j * VEC_LANES);
#pragma GCC unroll 14
        for (uint32_t i = 0; i < rows; i++) {
            vec v = bytes_finish(&lane, bytes_scaled(&row[i], &lane, sum[i][j]));
            if (adds)
                v += vec_load(addend.data + i * addend.stride + j * VEC_LANES);
            leave(t, i, j * VEC_LANES, v, halves);
        }
    }
    if (row->panel_has_outliers)
        add_outliers(t, vectors);
}

#else

static inline __attribute__((always_inline)) void
begin_sums(const struct cpu_tile_product *t, sum_vector sum[ROWS][VECTORS], const uint32_t rows, const uint32_t vectors)
{
#pragma GCC unroll 4
    for (uint32_t j = 0; j < vectors; j++) {
        const vec bias = t->bias ? vec_load(t->bias + j * VEC_LANES) : (vec){0};
#pragma GCC unroll 14
        for (uint32_t i = 0; i < rows; i++)
            sum[i][j] = bias;
    }
}

static inline __attribute__((always_inline)) void store_sums(const struct cpu_tile_product *t,
                                                             sum_vector sum[ROWS][VECTORS], const uint32_t rows,
                                                             const uint32_t vectors, const bool halves, const bool adds)
{
#pragma GCC unroll 14
    for (uint32_t i = 0; i < rows; i++) {
        const float *addend = adds ? t->addend.data + i * t->addend.stride : NULL;
#pragma GCC unroll 4
        for (uint32_t j = 0; j < vectors; j++)
            leave(t, i, j * VEC_LANES, adds ? vec_load(addend + j * VEC_LANES) + sum[i][j] : sum[i][j], halves);
    }
}

#endif

static inline __attribute__((always_inline)) void multiply_tile(const struct cpu_tile_product *t, const uint32_t rows,
                                                                const uint32_t vectors, const bool leaves)
{
    const uint32_t steps = ceil_div32(t->depth, WEIGHT_DEPTH) * X_STEPS;
    const uint32_t part = steps ? ceil_div32(rows, ceil_div32(steps, CHUNK)) : 0;
    uint32_t met = 0;
    sum_vector sum[ROWS][VECTORS];
    begin_sums(t, sum, rows, vectors);
    const step *x = t->x;
    const weight_step *weight = t->weight;
    const char *later = t->later;
    float *wide = leaves ? t->wide_weight : NULL;
    for (uint32_t first = 0; first < steps; first += CHUNK, x += (size_t)t->panel_rows * CHUNK) {
        const uint32_t n = steps - first < CHUNK ? steps - first : CHUNK;
        const weight_step *ahead =
            n < CHUNK || first + CHUNK == steps ? t->next_weight : weight + CHUNK / X_STEPS * COLUMNS;
        uint32_t k = 0;
        const step *x_ahead = n < CHUNK || first + CHUNK == steps ? t->next_x : x + (size_t)t->panel_rows * CHUNK;
        fetch_met(t, met, met + part);
        met += part;
        for (; k + AT_ONCE <= n; k += AT_ONCE, ahead += TOGETHER * COLUMNS, later += TOGETHER * t->later_step) {
            fetch_lines(ahead, later, t->later_step);
            __builtin_prefetch(x_ahead + k * LINE);
#pragma GCC unroll 2
            for (uint32_t i = 0; i < TOGETHER; i++, weight += COLUMNS)
                multiply_step(x + k + i * X_STEPS, weight, leaves ? wide + i * WIDE : NULL, sum, rows, vectors);
            wide = leaves ? wide + TOGETHER * WIDE : NULL;
        }
        for (; k < n; k += X_STEPS, weight += COLUMNS, wide = leaves ? wide + WIDE : NULL)
            multiply_step(x + k, weight, leaves ? wide : NULL, sum, rows, vectors);
    }
    if (LEAVES_HALVES && vectors == VECTORS && t->halves)
        store_sums(t, sum, rows, vectors, true, false);
    else if (t->addend.data)
        store_sums(t, sum, rows, vectors, false, true);
    else
        store_sums(t, sum, rows, vectors, false, false);
}

static inline __attribute__((always_inline)) void multiply_rows(const struct cpu_tile_product *t, const uint32_t rows,
                                                                const bool leaves)
{
    const uint32_t vectors = ceil_div32(t->columns, VEC_LANES);
    if (vectors == VECTORS)
        multiply_tile(t, rows, VECTORS, leaves);
    else if (vectors == 2)
        multiply_tile(t, rows, 2, leaves);
    else
        multiply_tile(t, rows, 1, leaves);
}

static void multiply(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t);

/* Outliers are added to floats: what is left in bf16 is rounded when it has them. */
static inline bool is_rounded_at_last(const struct cpu_tile_product *t)
{
#if STEPS == CPU_STEPS_bytes
    return LEAVES_HALVES && t->halves && bytes_rows(t->x, t->panel_rows, t->depth)->panel_has_outliers;
#else
    (void)t;
    return false;
#endif
}

static __attribute__((noinline)) void multiply_and_round(const struct cpu_micro_kernel *kernel,
                                                         const struct cpu_tile_product *t)
{
    float floats[ROWS * COLUMNS] __attribute__((aligned(64)));
    struct cpu_tile_product in_floats = *t;
    in_floats.out = floats;
    in_floats.out_stride = COLUMNS;
    in_floats.halves = NULL;
    multiply(kernel, &in_floats);
    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t c = 0; c < COLUMNS; c += VEC_LANES)
            halves_store(halves_of_row(t->halves, t->out_stride, r), c, vec_load(floats + r * COLUMNS + c));
}

static void multiply(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t)
{
    if (is_rounded_at_last(t)) {
        multiply_and_round(kernel, t);
        return;
    }
    switch (t->rows) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        if (STEPS == CPU_STEPS_widened && t->wide_weight)                                                              \
            multiply_rows(t, n, true);                                                                                 \
        else                                                                                                           \
            multiply_rows(t, n, false);                                                                                \
        break;
        EACH_ROWS(CASE)
#undef CASE
    }
}

/* ---- packing */

#if STEPS == CPU_STEPS_bytes
#include "backends/cpu/bytes_panels.h"

static void pack_x(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *x, uint32_t rows, uint32_t depth,
                   void *panel)
{
    (void)kernel;
    struct bytes_row *row = bytes_rows(panel, rows, depth);
    row->panel_has_outliers = 0;
    for (uint32_t i = 0; i < rows; i++) {
        bytes_pack_row(x->data + i * x->row_step, i, rows, depth, panel, &row[i]);
        row->panel_has_outliers |= row[i].n_outliers;
    }
}

/* Rows that are not there are zero. */
static void pack_weight(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *weight, uint32_t columns,
                        uint32_t depth, void *panel)
{
    (void)kernel;
    if (columns < COLUMNS || depth % WEIGHT_PADDING)
        memset(panel, 0, (size_t)(round_up32(depth, WEIGHT_PADDING) + BYTES_COLUMN) * COLUMNS);
    for (uint32_t i = 0; i < columns; i++)
        bytes_pack_column(weight->data + i * weight->row_step, i, depth, COLUMNS, panel);
}

#else

/* Row i of a panel [chunks][rows][CHUNK], read from its beginning to its end. */
static void pack_row(const struct cpu_matrix *x, uint32_t i, uint32_t rows, uint32_t depth, step *panel)
{
    const float *from = x->data + i * x->row_step;
    step *to = panel + (size_t)i * CHUNK;
    for (uint32_t first = 0; first < depth; first += CHUNK * X_DEPTH, to += (size_t)rows * CHUNK) {
        const uint32_t n = depth - first < CHUNK * X_DEPTH ? depth - first : CHUNK * X_DEPTH;
        pack_steps(from + first, n, to);
        for (uint32_t k = n; k % X_PADDING; k++)
            clear_element(to, k);
    }
}

/* Upright rows: squares of VEC_LANES rows and as many steps are turned. Panels have room for the last one. */
static void pack_upright_x(const struct cpu_matrix *x, uint32_t rows, uint32_t depth, step *panel)
{
    enum { SQUARE = VEC_LANES * X_DEPTH };
    for (uint32_t k = 0; k < round_up32(depth, X_PADDING); k += SQUARE) {
        step *to = panel + (size_t)(k / (CHUNK * X_DEPTH)) * rows * CHUNK + k / X_DEPTH % CHUNK;
        for (uint32_t i = 0; i < rows; i += VEC_LANES) {
            vec square[VEC_LANES];
            for (uint32_t j = 0; j < VEC_LANES; j++) {
                vec elements[2] = {{0}};
                for (uint32_t e = 0; e < X_DEPTH && k + j * X_DEPTH + e < depth; e++)
                    elements[e] = vec_load_some(x->data + (k + j * X_DEPTH + e) * x->column_step + i, rows - i);
                square[j] = join_steps(elements[0], elements[1]);
            }
            vec_transpose(square);
            for (uint32_t j = 0; j < VEC_LANES && i + j < rows; j++)
                memcpy(to + (size_t)(i + j) * CHUNK, &square[j], sizeof square[j]);
        }
    }
}

static void pack_x(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *x, uint32_t rows, uint32_t depth,
                   void *panel)
{
    (void)kernel;
    if (x->column_step != 1)
        pack_upright_x(x, rows, depth, panel);
    else
        for (uint32_t i = 0; i < rows; i++)
            pack_row(x, i, rows, depth, panel);
}

/* ---- packing a weight */

/* Elements first .. last-1 of rows i .. n-1 of the weight into a panel, one by one. */
static void pack_elements(const struct cpu_matrix *weight, uint32_t i, uint32_t n, uint32_t first, uint32_t last,
                          weight_step *panel)
{
    for (; i < n; i++)
        for (uint32_t k = first; k < last; k++)
            set_weight(panel + (size_t)(k / WEIGHT_DEPTH) * COLUMNS + i, k % WEIGHT_DEPTH,
                       weight->data[i * weight->row_step + k * weight->column_step]);
}

/* Rows that lie side by side: squares of VEC_LANES rows and as many steps are turned. Gives the elements done. */
static uint32_t pack_dense_rows(const struct cpu_matrix *weight, uint32_t columns, uint32_t depth, weight_step *panel)
{
    enum { SQUARE = VEC_LANES * WEIGHT_DEPTH };
    uint32_t k = 0;
    for (; k + SQUARE <= depth; k += SQUARE)
        for (uint32_t i = 0; i < columns; i += VEC_LANES) {
            vec square[VEC_LANES];
            for (uint32_t j = 0; j < VEC_LANES; j++)
                square[j] = i + j < columns ? convert_weights(weight->data + (i + j) * weight->row_step + k) : (vec){0};
            vec_transpose(square);
            weight_step *to = panel + (size_t)(k / WEIGHT_DEPTH) * COLUMNS + i;
            for (uint32_t j = 0; j < VEC_LANES; j++, to += COLUMNS)
                memcpy(to, &square[j], sizeof square[j]);
        }
    return k;
}

/* Upright rows: steps are copied. They lie far apart, where the processor does not foresee them. */
static uint32_t pack_upright_rows(const struct cpu_matrix *weight, uint32_t columns, uint32_t depth, weight_step *panel)
{
    enum { AHEAD = 24 };
    uint32_t k = 0;
    for (; k + WEIGHT_DEPTH <= depth; k += WEIGHT_DEPTH) {
        const float *first = weight->data + k * weight->column_step;
        const float *second = first + (WEIGHT_DEPTH - 1) * weight->column_step;
        uint32_t i = 0;
        for (; i + VEC_LANES <= columns; i += VEC_LANES) {
            const vec both = join_weights(vec_load(first + i), vec_load(second + i));
            __builtin_prefetch(first + i + AHEAD * weight->column_step);
            memcpy(panel + (size_t)(k / WEIGHT_DEPTH) * COLUMNS + i, &both, sizeof both);
        }
        pack_elements(weight, i, columns, k, k + WEIGHT_DEPTH, panel);
    }
    return k;
}

/* Rows that are not there are zero. */
static void pack_weight(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *weight, uint32_t columns,
                        uint32_t depth, void *panel)
{
    (void)kernel;
    uint32_t done = 0;
    if (columns < COLUMNS || depth % WEIGHT_PADDING)
        memset(panel, 0, (size_t)round_up32(depth, WEIGHT_PADDING) / WEIGHT_DEPTH * COLUMNS * sizeof(weight_step));
    if (weight->column_step == 1)
        done = pack_dense_rows(weight, columns, depth, panel);
    else if (weight->row_step == 1)
        done = pack_upright_rows(weight, columns, depth, panel);
    pack_elements(weight, 0, columns, done, depth, panel);
}

#endif

const struct cpu_micro_kernel MICRO_KERNEL = {
    .rows = ROWS,
    .columns = COLUMNS,
    .lanes = VEC_LANES,
    .x_step = ROWS,
    .weight_step = COLUMNS,
    .x_depth = X_DEPTH,
    .weight_depth = WEIGHT_DEPTH,
    .depth_multiple = CHUNK * X_DEPTH,
    .weight_multiple = WEIGHT_PADDING,
    .any_rows = true,
    .leaves_halves = LEAVES_HALVES,
#if STEPS == CPU_STEPS_bytes
    .block_rows = 56, /* the rows between two products stay in the second level of cache */
    .x_row_bytes = sizeof(struct bytes_row),
    .weight_column_bytes = BYTES_COLUMN,
    .most_depth = BYTES_DEPTH,
    .speed = ROWS > 4 ? 4 : 1,
#else
    .block_rows = 64,
    .most_depth = 1024 * X_DEPTH,
    .speed = 1,
#endif
    .pack_x = pack_x,
    .pack_weight = pack_weight,
    .multiply = multiply,
#if STEPS == CPU_STEPS_widened
    .wide = &CPU_NAME(micro_kernel),
#endif
};
