/* SPDX-License-Identifier: Apache-2.0
 *
 * Which packed sequence a row of attention belongs to, and where the keys of a sequence are. Uses the kernel's `batch`, its
 * flag SOURCE and its slots 3 (starts) and 4 (source_starts).
 */
/* b = the sequence that row r lies in: the last that begins at or before it, which is not empty. */
#define FIND_SEQUENCE(b, r)                                                                                            \
    b = 0u;                                                                                                            \
    for (uint end_ = batch; end_ - b > 1u;) {                                                                          \
        const uint middle_ = (b + end_) / 2u;                                                                          \
        if (TO_UINT(starts[ROW(starts, middle_)]) <= (r))                                                              \
            b = middle_;                                                                                               \
        else                                                                                                           \
            end_ = middle_;                                                                                            \
    }
#define KEYS_FROM(b) TO_UINT(SOURCE ? source_starts[ROW(source_starts, b)] : starts[ROW(starts, b)])
#define LISTED HAS(GPU_ATTENTION_LISTED)
#define KEYS_END(to) (LISTED ? (to) : LESSER(to, TABLE_END)) /* a list of keys is never parted by windows */
#define KEY_ROW(k) (LISTED ? TO_UINT(key_rows[ROW(key_rows, k)]) : (k))
/* Keys before the first of n queries, by the sign of the difference: of a comparison clang makes a saturating subtraction,
 * which oclgrind does not know. */
#define KEYS_PAST(keys, n) (LISTED ? ((keys) - (n)) & ((((keys) - (n)) >> 31) - 1u) : 0u)
