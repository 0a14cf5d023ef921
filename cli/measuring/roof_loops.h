/* SPDX-License-Identifier: Apache-2.0
 *
 * The two loops that measure a processor, built once per instruction set from roof_loops.c, and
 * those for products in bf16 and of bytes.
 */
#ifndef CLI_MEASURING_ROOF_LOOPS_H
#define CLI_MEASURING_ROOF_LOOPS_H

#include <stddef.h>
#include <stdint.h>

/* Best rate of multiply-adds in registers of this thread until the clock says so, GFLOP/s. */
typedef double roof_multiply(double until);
/* Reads the buffer, a multiple of 1024 bytes aligned to 64, that many times. */
typedef void roof_read(const void *buffer, size_t bytes, uint32_t times);

roof_multiply roof_multiply_c, roof_multiply_avx2, roof_multiply_avx512, roof_multiply_bf16, roof_multiply_amx;
roof_multiply roof_multiply_vnni, roof_multiply_amx_bytes;
roof_read roof_read_c, roof_read_avx2, roof_read_avx512;
#endif
