/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/half.h"

/* Every f16 pattern survives a round trip, and narrowing picks the nearest of the two neighbours. */
static void halves_round_to_nearest(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        const float wide = half_to_float((uint16_t)h), wide_b = bfloat_to_float((uint16_t)h);
        if (wide == wide)
            assert_int_equal(float_to_half(wide), h);
        else
            assert_true((float_to_half(wide) & 0x7fff) > 0x7c00);
        if (wide_b == wide_b)
            assert_int_equal(float_to_bfloat(wide_b), h);
        else
            assert_true((float_to_bfloat(wide_b) & 0x7fff) > 0x7f80);
    }
    for (uint16_t h = 0; h < 0x7bff; h++) {
        const float low = half_to_float(h), high = half_to_float((uint16_t)(h + 1)), middle = (low + high) / 2;
        assert_int_equal(float_to_half(middle), h & 1 ? h + 1 : h);
        assert_int_equal(float_to_half(half_float_of_bits(half_bits_of_float(middle) - 1)), h);
        assert_int_equal(float_to_half(half_float_of_bits(half_bits_of_float(middle) + 1)), h + 1);
    }
    assert_int_equal(float_to_half(65519.99f), 0x7bff);
    assert_int_equal(float_to_half(65520.0f), 0x7c00);
    assert_int_equal(float_to_half(0x1p-25f), 0);
    assert_int_equal(float_to_bfloat(3.4028235e38f), 0x7f80);
    assert_int_equal(float_to_bfloat(half_float_of_bits(0x3f808000)), 0x3f80);
    assert_int_equal(float_to_bfloat(half_float_of_bits(0x3f818000)), 0x3f82);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(halves_round_to_nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
