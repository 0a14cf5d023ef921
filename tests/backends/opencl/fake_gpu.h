/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test can choose of the stand-in for backends/gpu/.
 */
#ifndef TESTS_BACKENDS_OPENCL_FAKE_GPU_H
#define TESTS_BACKENDS_OPENCL_FAKE_GPU_H

enum { FAKE_OP = 7, FAKE_WIDTH = 100 };

extern const char *fake_kernel; /* the name that every launch asks for */
extern const char *fake_source; /* the text that every name has */
#endif
