/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tile of y and which part of K a work-group of `linear` makes, and where a thread's rows of both operands lie. Included
 * inside of a kernel: gives what linear_operands.h and the loop of product.h take.
 */
    const uint columns = (TABLE_END - TABLE_FIRST + BN - 1u) / BN, tile = GROUP / SLICES;
    const uint row0 = FIRST_ROW + tile / columns * BM, rows_end = ROWS_END;
    const uint column0 = TABLE_FIRST + tile % columns * BN, columns_end = TABLE_END;
    const uint width = WIDTH(x), whole = (width + 3u) / 4u * 4u;
    const uint slice = SLICES == 1u ? whole : ((whole + BK - 1u) / BK + SLICES - 1u) / SLICES * BK;
    const uint k0 = GROUP % SLICES * slice;
    const uint depth = row0 < rows_end && k0 < whole ? LESSER(slice, whole - k0) : 0u;
    uint at_a[LOADS_A], at_b[LOADS_B];
    UNROLL for (uint i = 0u; i < LOADS_A; i++)
        at_a[i] = (ROW(x, LESSER(row0 + ROW_PLACE(i), rows_end - 1u)) + k0 + K_PLACE) / (X_WHOLE ? 4u : 1u);
    UNROLL for (uint i = 0u; i < LOADS_B; i++)
        at_b[i] = (ROW(weight, LESSER(column0 + ROW_PLACE(i), columns_end - 1u)) + k0 + K_PLACE) / 4u;
