/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters of the packages: microjoules that only grow, until they begin anew.
 */
#include "cli/measuring/energy.h"

#include <stdio.h>
#include <string.h>

static bool read_number(const char *path, double *number)
{
    FILE *file = fopen(path, "r");
    const bool found = file && fscanf(file, "%lf", number) == 1 && *number >= 0;
    if (file)
        fclose(file);
    return found;
}

/* "package-0", or "psys" and the like, which hold packages or are held by them. */
static bool is_package(const char *zone)
{
    char path[2 * ENERGY_PATH], name[32] = "";
    snprintf(path, sizeof path, "%s/name", zone);
    FILE *file = fopen(path, "r");
    const bool found = file && fgets(name, sizeof name, file) && strncmp(name, "package", 7) == 0;
    if (file)
        fclose(file);
    return found;
}

void energy_init(struct energy *e, const char *folder)
{
    *e = (struct energy){0};
    for (unsigned i = 0; i < ENERGY_PACKAGES; i++) {
        char zone[ENERGY_PATH - 32], path[2 * ENERGY_PATH];
        double now, range;
        if ((size_t)snprintf(zone, sizeof zone, "%s/intel-rapl:%u", folder, i) >= sizeof zone || !is_package(zone))
            continue;
        snprintf(path, sizeof path, "%s/max_energy_range_uj", zone);
        snprintf(e->packages[e->n].path, ENERGY_PATH, "%s/energy_uj", zone);
        if (!read_number(path, &range) || !read_number(e->packages[e->n].path, &now))
            continue;
        e->packages[e->n].range = range;
        e->packages[e->n].last = now;
        e->n++;
    }
}

double energy_since(struct energy *e)
{
    double joules = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        double now;
        if (!read_number(e->packages[i].path, &now))
            continue;
        const double used = now - e->packages[i].last;
        joules += 1e-6 * (used < 0 ? used + e->packages[i].range : used);
        e->packages[i].last = now;
    }
    return joules;
}
