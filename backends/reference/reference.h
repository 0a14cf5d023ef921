/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference backend: plain C, every op, built into the library. It is the definition of right, the last fallback
 * and the yardstick of tolerances.
 */
#ifndef BACKENDS_REFERENCE_REFERENCE_H
#define BACKENDS_REFERENCE_REFERENCE_H

#include "api/pleione_backend.h"

/* As pln_backend_query. One device; option precision=f32 (host memory) or f64 (memory of its own, 8 bytes an element).
 */
const pln_backend *pln_reference_query(uint32_t abi_min, uint32_t abi_max);
#endif
