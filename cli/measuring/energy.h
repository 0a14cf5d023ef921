/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy of the processor, where it tells (RAPL through powercap): packages together, whoever uses them.
 */
#ifndef CLI_MEASURING_ENERGY_H
#define CLI_MEASURING_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

enum { ENERGY_PACKAGES = 16, ENERGY_PATH = 128 };
#define ENERGY_FOLDER "/sys/class/powercap"

struct energy {
    uint32_t n; /* packages; 0: none tells, or this user may not read it */
    struct {
        char path[ENERGY_PATH];
        double range; /* microjoules at which the counter begins anew */
        double last;
    } packages[ENERGY_PACKAGES];
};

/* Looks what there is. folder: ENERGY_FOLDER, but for tests. */
void energy_init(struct energy *e, const char *folder);
/* Joules since the last call, of all packages; 0 without any. */
double energy_since(struct energy *e);
#endif
