/* SPDX-License-Identifier: Apache-2.0
 *
 * The instructions of AMX on a processor without them: what it refuses (SIGILL) is done by the twin in plain C instead.
 * So what a compiler makes of the kernels is tested too, at some microseconds an instruction.
 */
#ifndef TESTS_BACKENDS_CPU_TRAPPED_TILES_H
#define TESTS_BACKENDS_CPU_TRAPPED_TILES_H

#include <stdbool.h>

/* From now on this process may run them: by the processor, where it has them and the kernel permits it, or by traps. Of
 * one thread. False: this is neither Linux nor x86-64, or the kernel does not permit tiles. */
bool trapped_tiles_begin(void);
#endif
