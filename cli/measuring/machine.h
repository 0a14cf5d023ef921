/* SPDX-License-Identifier: Apache-2.0
 *
 * What a measurement was made on, as a record of it says: no name of the machine or its owner.
 */
#ifndef CLI_MEASURING_MACHINE_H
#define CLI_MEASURING_MACHINE_H

#include "cli/cli.h"

/* Returns a new object: system, processor, processors, flags, governor, product, memory_bytes, load; what the machine
 * does not tell is null. NULL if there is no memory. */
json_t *machine_describe(void);
/* Returns a new object: pleione, commit (null where the build did not know it), compiler. NULL if there is no memory. */
json_t *machine_versions(void);
#endif
