/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters of energy in a folder made up: packages only, together, and one that begins anew.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "cli/measuring/energy.h"

static void write_text(const char *folder, const char *file, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void make_zone(const char *folder, const char *zone, const char *name, const char *used, char path[120])
{
    snprintf(path, 120, "%s/%s", folder, zone);
    assert_int_equal(mkdir(path, 0700), 0);
    write_text(path, "name", name);
    write_text(path, "max_energy_range_uj", "5000000\n");
    write_text(path, "energy_uj", used);
}

static void counts_packages(void **state)
{
    (void)state;
    char folder[] = "/tmp/energy-XXXXXX", first[120], second[120], whole[120], part[120], command[64];
    struct energy energy;
    assert_non_null(mkdtemp(folder));
    energy_init(&energy, folder);
    assert_int_equal(energy.n, 0);
    assert_true(energy_since(&energy) == 0);
    make_zone(folder, "intel-rapl:0", "package-0\n", "1000000\n", first);
    make_zone(folder, "intel-rapl:1", "package-1\n", "4500000\n", second);
    make_zone(folder, "intel-rapl:2", "psys\n", "1000000\n", whole);
    make_zone(folder, "intel-rapl:0:0", "core\n", "1000000\n", part);
    energy_init(&energy, folder);
    assert_int_equal(energy.n, 2);
    write_text(first, "energy_uj", "3000000\n");
    write_text(second, "energy_uj", "500000\n"); /* around its end */
    write_text(whole, "energy_uj", "9000000\n");
    const double used = energy_since(&energy);
    assert_true(used > 2.999 && used < 3.001);
    assert_true(energy_since(&energy) < 1e-9);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_packages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
