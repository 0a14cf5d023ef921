/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of tiles of bf16 and of bytes by AMX, in registers: 16 rows, 16 columns, 32 or 64 deep. Four sums hide the latency of one. The
 * device that is measured has asked the kernel for tiles, which holds for all threads of the process.
 */
#include <immintrin.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/measuring/roof_loops.h"

enum { ROUNDS = 2000, CHAINS = 4, TILES = 8, ROWS = 16, ROW_BYTES = 64 };

struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static void multiply_halves(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
}

static void multiply_bytes(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
}

static double multiply(void (*rounds)(void), int depth, double until)
{
    const double operations = 2.0 * ROWS * 16 * depth * CHAINS * ROUNDS;
    struct tile_config config = {.palette = 1};
    double best = 0;
    for (int i = 0; i < TILES; i++) {
        config.row_bytes[i] = ROW_BYTES;
        config.rows[i] = ROWS;
    }
    /* All tiles are zero. By hand, since headers of GCC say that their own reads eight bytes of it. */
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
    while (cli_seconds() < until) {
        const double begin = cli_seconds();
        rounds();
        const double rate = operations / (cli_seconds() - begin) / 1e9;
        best = rate > best ? rate : best;
    }
    _tile_release();
    return best;
}

double roof_multiply_amx(double until)
{
    return multiply(multiply_halves, ROW_BYTES / 2, until);
}

double roof_multiply_amx_bytes(double until)
{
    return multiply(multiply_bytes, ROW_BYTES, until);
}
