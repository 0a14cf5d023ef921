/* SPDX-License-Identifier: Apache-2.0
 *
 * What `linear` and `linear_matrix` share before their loop and behind it: bindings, how a thread loads its part of both tiles,
 * and where four sums go. Included before KERNEL, behind product.h and linear.h; linear_place.h belongs to it. Of the kernel:
 *     WEIGHT4(i)   the group of four of weight of that number
 *     NO_WEIGHT4   four zeros of the same type
 */
#define OPERANDS(READ, READ_HALF, WRITE)                                                                               \
    READ(1, float, x) READ_HALF(2, weight) READ(3, float, bias) READ(4, float, residual)                               \
    WRITE(5, float, y) WRITE(6, float, preactivation) WRITE(7, float, sums)
/* at_a, at_b: where this thread's groups of four lie at k = 0, counted in elements or, if all are aligned, in groups. */
#define X4_AT(at) MK4(x[at], x[(at) + 1u], x[(at) + 2u], x[(at) + 3u])
#define LOAD_B(k)                                                                                                      \
    UNROLL for (uint i = 0u; i < LOADS_B; i++)                                                                         \
        gb[i] = WEIGHT4(at_b[i] + (k) / 4u);
#define LOAD(k)                                                                                                        \
    UNROLL for (uint i = 0u; i < LOADS_A; i++)                                                                         \
        ga[i] = X_WHOLE ? QUAD(x, at_a[i] + (k) / 4u) : X4_AT(at_a[i] + (k));                                          \
    LOAD_B(k)
#define LOAD_EDGE(k, n)                                                                                                \
    if (!K_EDGE || K_PLACE < n) {                                                                                      \
        UNROLL for (uint i = 0u; i < LOADS_A; i++)                                                                     \
            ga[i] = X_WHOLE ? QUAD(x, at_a[i] + (k) / 4u)                                                              \
                            : READ_PART(x, at_a[i] + (k), TO_INT(width - (k0 + (k) + K_PLACE)), 0.0f);                 \
        LOAD_B(k)                                                                                                      \
    } else {                                                                                                           \
        UNROLL for (uint i = 0u; i < LOADS_A; i++)                                                                     \
            ga[i] = SPLAT4(0.0f);                                                                                      \
        UNROLL for (uint i = 0u; i < LOADS_B; i++)                                                                     \
            gb[i] = NO_WEIGHT4;                                                                                        \
    }
/* The sums v of row r from column c on, shift their bias: to scratch if they are those of a slice, else to y. */
#define DELIVER(v, r, c, shift)                                                                                        \
    if (r < rows_end && c < columns_end) {                                                                             \
        if (SLICES > 1u) {                                                                                             \
            X4(sums, ROW(sums, r) + GROUP % SLICES * (WIDTH(sums) / SLICES) + c) = v;                                  \
        } else {                                                                                                       \
            v += shift;                                                                                                \
            FINISH(v, r, c, columns_end)                                                                               \
        }                                                                                                              \
    }
