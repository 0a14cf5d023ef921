/* SPDX-License-Identifier: Apache-2.0
 *
 * A host that counts what the plugin allocates and logs, and devices opened with options as one text.
 */
#ifndef TESTS_BACKENDS_VULKAN_FIXTURE_H
#define TESTS_BACKENDS_VULKAN_FIXTURE_H

/* cmocka.h wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/vulkan/vulkan.h"

/* Exit code of a test that needs a device where there is none: skipped, or failed with CI set. */
int fixture_without_device(void);

extern const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

struct fixture_counts {
    int allocations; /* alive */
    int errors;      /* logged */
    int warnings;
};
extern struct fixture_counts fixture_counts;
extern const char *fixture_cache; /* directory or NULL */

/* True if there is a device that can be opened. */
bool fixture_has_device(void);
/* The first such device with options as in "block=65536 memory=discrete"; fails the test if it does not open. */
pln_device *fixture_open(const char *options);
/* Closes it, and fails the test if the plugin kept memory of the host or logged an error. */
void fixture_close(pln_device **device);
/* The status of opening it. */
pln_status fixture_try(const char *options, pln_device **device, pln_failure *error);
#endif
