/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotas of control groups, read from files made here: versions 1 and 2, groups in groups, containers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/processors.h"

static char root[] = "/tmp/pleione-processors-XXXXXX";

/* A file below the root with its folders; the last one made is removed first. */
static char made[64][256];
static int n_made;

static void note(const char *path)
{
    assert_true(n_made < 64);
    snprintf(made[n_made++], sizeof *made, "%s", path);
}

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0700) == 0)
            note(path);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    note(path);
}

static uint32_t quota(const char *groups)
{
    char path[256];
    put("self", groups);
    snprintf(path, sizeof path, "%s/self", root);
    const uint32_t n = processors_of_quota(path, root);
    while (n_made)
        remove(made[--n_made]);
    return n;
}

static void version_2(void **state)
{
    (void)state;
    put("a/b/cpu.max", "200000 100000\n");
    assert_int_equal(quota("0::/a/b\n"), 2);
    put("a/b/cpu.max", "max 100000\n");
    assert_int_equal(quota("0::/a/b\n"), UINT32_MAX);
    put("a/b/cpu.max", "max 100000\n");
    put("a/cpu.max", "300000 100000\n"); /* the group above has less */
    assert_int_equal(quota("0::/a/b\n"), 3);
    put("cpu.max", "450000 100000\n"); /* a container sees itself as the root */
    assert_int_equal(quota("0::/\n"), 4);
    put("cpu.max", "50000 100000\n");
    assert_int_equal(quota("0::/\n"), 1);
    put("cpu.max", "100000 100000\n"); /* the path is that of the machine, which a container does not see */
    assert_int_equal(quota("0::/docker/0123\n"), 1);
}

static void version_1(void **state)
{
    (void)state;
    put("cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n");
    put("cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota("5:memory:/a\n4:cpu,cpuacct:/a\n1:name=systemd:/a\n0::/a\n"), 2);
    put("cpu/cpu.cfs_quota_us", "-1\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota("4:cpu,cpuacct:/\n"), UINT32_MAX);
    put("cpu/cpu.cfs_quota_us", "100000\n");
    put("cpu/cpu.cfs_period_us", "50000\n");
    assert_int_equal(quota("4:cpuacct,cpu:/docker/0123\n"), 2);
    put("cpuset/cpu.cfs_quota_us", "100000\n"); /* another controller */
    put("cpuset/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota("4:cpuset:/\n"), UINT32_MAX);
}

static void what_cannot_be_read_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(processors_of_quota("/no/such/file", root), UINT32_MAX);
    assert_int_equal(quota(""), UINT32_MAX);
    assert_int_equal(quota("no colons\n:\n::\n0::\n"), UINT32_MAX);
    static const char *const texts[] = {"", "max\n", "-5 100000\n", "100000 0\n", "many 100000\n", "100000\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put("cpu.max", texts[i]);
        assert_int_equal(quota("0::/\n"), UINT32_MAX);
    }
    assert_true(processors_usable() >= 1);
}

int main(void)
{
    if (!mkdtemp(root))
        return 2;
    const struct CMUnitTest tests[] = {cmocka_unit_test(version_2), cmocka_unit_test(version_1),
                                       cmocka_unit_test(what_cannot_be_read_is_no_quota)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(root);
    return failed;
}
