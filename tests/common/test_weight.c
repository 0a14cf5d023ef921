/* SPDX-License-Identifier: Apache-2.0
 *
 * A weight that lies transposed and unaligned reads as the turned matrix does, whichever elements are asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/half.h"
#include "common/weight.h"

enum { ROWS = 5, WIDTH = 7, N = ROWS * WIDTH };

static const struct {
    pln_dtype dtype;
    size_t bytes;
} types[] = {{PLN_F32, 4}, {PLN_F16, 2}, {PLN_BF16, 2}, {PLN_F64, 8}};

static void put(pln_dtype dtype, float value, unsigned char *to)
{
    const double wide = (double)value;
    const uint16_t half = dtype == PLN_F16 ? float_to_half(value) : float_to_bfloat(value);
    if (dtype == PLN_F32)
        memcpy(to, &value, 4);
    else if (dtype == PLN_F64)
        memcpy(to, &wide, 8);
    else
        memcpy(to, &half, 2);
}

/* Element (r, c) is 10 r + c; the file has it at (c, r), one byte off. */
static struct weight turned(size_t type, unsigned char *memory)
{
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t c = 0; c < WIDTH; c++)
            put(types[type].dtype, (float)(10 * r + c), memory + 1 + (c * ROWS + r) * types[type].bytes);
    return weight_of(&(pln_tensor){"w", types[type].dtype, 2, {WIDTH, ROWS}, memory + 1}, true);
}

static void a_turned_matrix_is_read_in_its_order(void **state)
{
    (void)state;
    _Alignas(8) unsigned char memory[N * 8 + 1];
    for (size_t type = 0; type < 4; type++) {
        const struct weight w = turned(type, memory);
        assert_int_equal(weight_rows(&w), ROWS);
        assert_int_equal(weight_width(&w), WIDTH);
        assert_int_equal(weight_elements(&w), N);
        for (uint32_t first = 0; first <= N; first++)
            for (uint32_t n = 0; first + n <= N; n++) {
                float out[N + 1];
                unsigned char bits[8 * N + 1];
                out[n] = -1;
                bits[n * types[type].bytes] = 0xee;
                weight_read(&w, first, n, out);
                weight_copy(&w, first, n, bits);
                for (uint32_t i = 0; i < n; i++) {
                    const uint32_t r = (first + i) / WIDTH, c = (first + i) % WIDTH;
                    assert_true(out[i] == (float)(10 * r + c));
                    assert_memory_equal(bits + i * types[type].bytes, memory + 1 + (c * ROWS + r) * types[type].bytes,
                                        types[type].bytes);
                }
                assert_true(out[n] == -1 && bits[n * types[type].bytes] == 0xee);
            }
    }
}

static void only_what_lies_so_is_given_by_address(void **state)
{
    (void)state;
    const _Alignas(8) float values[6] = {1, 2, 3, 4, 5, 6};
    const pln_tensor dense = {"w", PLN_F32, 2, {2, 3}, values};
    const pln_tensor odd = {"w", PLN_F32, 1, {2}, (const char *)values + 1};
    struct weight w = weight_of(&dense, false);
    assert_ptr_equal(weight_plain(&w), values);
    assert_ptr_equal(weight_tensor(&w).data, values);
    const struct weight again = weight_of(&dense, false), other = weight_of(&dense, true);
    assert_true(weight_same(&w, &again));
    assert_false(weight_same(&w, &other));
    assert_null(weight_plain(&other));
    assert_null(weight_tensor(&other).data);
    assert_int_equal(weight_tensor(&other).shape[0], 3);
    w = weight_of(&odd, false);
    assert_null(weight_plain(&w));
    assert_null(weight_tensor(&w).data);
}

static void what_f32_cannot_hold_is_found(void **state)
{
    (void)state;
    double values[] = {1, 2, 1e300, 4}, outlier = 0;
    const struct weight w = weight_of(&(pln_tensor){"w", PLN_F64, 2, {2, 2}, values}, true);
    assert_false(weight_fits_f32(&w, &outlier));
    assert_true(outlier == 1e300);
    values[2] = 3;
    assert_true(weight_fits_f32(&w, &outlier));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turned_matrix_is_read_in_its_order),
        cmocka_unit_test(only_what_lies_so_is_given_by_address),
        cmocka_unit_test(what_f32_cannot_hold_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
