/* SPDX-License-Identifier: Apache-2.0
 *
 * How every kernel of attention's forward pass begins, included inside of it: which head and which of its rows the group has.
 * Takes ROWS (of a group), SIZE (of a head) and the flags.
 */
    const uint heads = PARAM(PLN_ATTENTION_PARAM_HEADS), head = GROUP % heads, column0 = head * SIZE;
    const uint reach = PARAM(PLN_ATTENTION_PARAM_MAX_POSITIONS) - 1u;
    const float scale = PARAM_FLOAT(PLN_ATTENTION_PARAM_SCALE);
    const uint batch = COUNT - 1u, total = TO_UINT(starts[ROW(starts, batch)]);
    const uint row0 = FIRST_ROW + GROUP / heads * ROWS;
    const uint rows_end = LESSER(LESSER(total, WINDOW_END), row0 + ROWS);
    const float factor = HEAD_MASK ? head_mask[FIRST(head_mask) + head] : 1.0f;
    const uint pairs = BIAS ? TO_UINT(pair_starts[ROW(pair_starts, batch)]) : 0u;
    const uint plane = PARAM(PLN_ATTENTION_PARAM_BIAS_HEADS) > 1u ? head * pairs : 0u;
