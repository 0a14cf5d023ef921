/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend did that no result shows: a rule of the contract that it broke, noted where it is seen. The case that is
 * running fails with it.
 */
#ifndef CONFORMANCE_VIOLATION_H
#define CONFORMANCE_VIOLATION_H

#include <stdbool.h>
#include <stddef.h>

/* Keeps the first sentence since the last take. From any thread. */
void conf_violate(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whether there is one; it is written to why, and forgotten. */
bool conf_take_violation(char *why, size_t bytes);
#endif
