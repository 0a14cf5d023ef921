/* SPDX-License-Identifier: Apache-2.0
 *
 * Plugins that crash, end, hang or lie: test_loading FOLDER_OF_LIAR. They are listed with the reason and refused with it when
 * they are named; everything else goes on, and nobody loads what he does not need.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, setenv */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/must.h"

static const char *folder;
static char scratch[] = "/tmp/pleione-loading-XXXXXX";

/* A cache of its own: what is remembered of one lie is not for the next. */
static pln_runtime *create(const char *lie, const char *plugins)
{
    static unsigned n;
    char cache[64];
    pln_runtime *runtime;
    pln_error error;
    if (lie) {
        snprintf(cache, sizeof cache, "%s/%u", scratch, n++);
        mkdir(cache, 0700);
        setenv("XDG_CACHE_HOME", cache, 1);
        setenv("LIE", lie, 1);
    }
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .backend_path = plugins,
                                        .probe_ms = lie && strstr(lie, "hang") ? 300 : 0),
                            &runtime, &error),
         &error);
    return runtime;
}

static pln_status run_on(pln_runtime *runtime, const char *device, pln_error *error)
{
    static const float weight[4] = {1, 2, 3, 4};
    const pln_tensor tensor = {.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {2, 2}, .data = weight};
    const pln_tensor *part = &tensor;
    const uint32_t dims[] = {0, 1};
    float x[2] = {1, 1}, y[2] = {0, 0};
    const pln_binding input = {"x", x}, output = {"y", y};
    pln_devices *devices = NULL;
    pln_schedule *schedule = NULL;
    pln_graph *g = pln_graph_create("g");
    pln_value *in = pln_graph_input(g, "x", PLN_F32, pln_rows_of(pln_graph_symbol(g, "rows")), 2);
    pln_graph_output(g, "y", pln_linear(g, in, pln_graph_constant(g, "w", &part, 1), NULL));
    pln_status status = pln_graph_finish(g, error);
    if (status == PLN_OK)
        status = pln_devices_open(runtime, device, NULL, 0, &devices, error);
    if (status == PLN_OK)
        status = pln_schedule_create(g, devices, NULL, &schedule, error);
    if (status == PLN_OK)
        status = pln_schedule_run(schedule, dims, 2, &input, 1, &output, 1, error);
    if (status == PLN_OK)
        assert_true(y[0] == 3 && y[1] == 7);
    pln_schedule_destroy(&schedule);
    pln_devices_close(&devices);
    pln_graph_destroy(&g);
    return status;
}

static const struct {
    const char *lie, *reason;
} refused[] = {
    {"load-exit", "exit code 0 in loading it"},
    {"load-crash", "signal 11 in loading it"},
    {"load-hang", "did not answer within 300 ms in loading it"},
    {"query-exit", "exit code 0 in pln_backend_query"},
    {"query-crash", "signal 11"},
    {"query-null", "another version of the interface"},
    {"count-exit", "exit code 0 in device_count"},
    {"count-crash", "signal 11 in device_count"},
    {"count-silent", "does not say why"},
    {"count-status", "status 77, which is none"},
    {"count-many", "at most 64 can be"},
    {"info-exit", "exit code 0 in device_info"},
    {"info-crash", "signal 11 in device_info"},
    {"info-hang", "did not answer within 300 ms in device_info"},
    {"open-exit", "exit code 0 in device_open"},
    {"open-crash", "signal 11 in device_open"},
    {"open-null", "gives nothing"},
    {"open-differs", "two lines"},
    {"size-0", "says that it has 0 bytes"},
    {"size-most", "says that it has 4294967295 bytes"},
    {"size-cut", "says that it has 60 bytes"},
    {"size-half", "ends within an entry"},
    {"abi", "version 0 of the interface"},
    {"abi-before", "version 1 of the interface"},
    {"abi-after", "version 3 of the interface"},
    {"name", "no name"},
    {"no-version", "no version"},
    {"no-device_count", "no device_count"},
    {"no-device_info", "no device_info"},
    {"no-device_open", "no device_open"},
    {"no-device_close", "no device_close"},
    {"no-supports", "no supports"},
    {"no-constant_create", "no constant_create"},
    {"no-constant_destroy", "no constant_destroy"},
    {"no-plan_create", "no plan_create"},
    {"no-plan_run", "no plan_run"},
    {"no-plan_destroy", "no plan_destroy"},
    {"submit", "plan_submit and plan_wait"},
    {"kind", "its kind"},
    {"flag", "must know"},
    {"dtypes", "f32 and i32"},
    {"bytes", "f32_bytes"},
    {"alignment", "alignment"},
    {"multiple", "row_multiple"},
    {"buffers", "buffer_*"},
    {"setting-half", "a size that its stride does not allow"},
    {"setting-flag", "a setting has a flag"},
    {"setting-bounds", "bounds"},
    {"setting-latin", "not UTF-8"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const pln_device_entry *const *entries;
        pln_runtime *runtime = create(refused[i].lie, folder);
        pln_error error = {0};
        uint32_t n, found = 0, usable = 0;
        must(pln_runtime_devices(runtime, &entries, &n, &error), &error);
        for (uint32_t j = 0; j < n; j++) {
            const bool liar = strcmp(entries[j]->backend, "liar") == 0;
            found += liar;
            usable += !liar && !(entries[j]->info.flags & PLN_DEVICE_FLAG_UNUSABLE);
            if (liar && (!(entries[j]->info.flags & PLN_DEVICE_FLAG_UNUSABLE) ||
                         !strstr(entries[j]->info.reason, refused[i].reason)))
                fail_msg("%s: \"%s\"", refused[i].lie, entries[j]->info.reason);
        }
        assert_int_equal(found, 1);
        assert_true(usable > 0);
        must(run_on(runtime, "auto", &error), &error);
        assert_true(run_on(runtime, "liar", &error) != PLN_OK);
        if (!strstr(error.message, refused[i].reason) || !strstr(error.message, "liar"))
            fail_msg("%s, named: \"%s\"", refused[i].lie, error.message);
        pln_runtime_destroy(&runtime);
    }
}

/* Only seen when it is used: a sentence that names it, or it is borne. */
static void test_used(void **state)
{
    static const struct {
        const char *lie, *reason;
    } cases[] = {{"none", NULL},
                 {"texts", NULL},
                 {"latin", NULL},
                 {"hint", NULL},
                 {"verdicts", NULL},
                 {"size-grown", NULL},
                 {"size-least", NULL},
                 {"together", NULL},
                 {"constant-null", "constant_create says that all is well, but gives nothing"},
                 {"plan-null", "plan_create says that all is well, but gives nothing"},
                 {"bytes-of-plan", "more bytes than can be"},
                 {"kernels", "more launches than can be"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pln_runtime *runtime = create(cases[i].lie, folder);
        pln_error error = {0};
        const pln_status status = run_on(runtime, "liar", &error);
        if (cases[i].reason
                ? status == PLN_OK || !strstr(error.message, cases[i].reason) || !strstr(error.message, "liar")
                : status != PLN_OK)
            fail_msg("%s: %d \"%s\"", cases[i].lie, status, error.message);
        pln_runtime_destroy(&runtime);
    }
}

/* The file's name is the name of the backend, also in the rules of faults, whatever the table says. */
static void test_named(void **state)
{
    pln_runtime *runtime = create("name-other", folder);
    pln_error error;
    (void)state;
    must(run_on(runtime, "liar", &error), &error);
    pln_runtime_destroy(&runtime);
    must(pln_runtime_create(
             PLN_OPTIONS(pln_runtime_options, .threads = 1, .backend_path = folder, .faults = "liar.plan_run:1=fail"),
             &runtime, &error),
         &error);
    assert_int_equal(run_on(runtime, "liar", &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "as the faults say"));
    pln_runtime_destroy(&runtime);
}

/* Texts are UTF-8 when they leave the library, whatever a driver calls itself. */
static void test_texts(void **state)
{
    pln_runtime *runtime = create("latin", folder);
    const pln_device_entry *const *entries;
    pln_error error;
    uint32_t n, found = 0;
    (void)state;
    must(pln_runtime_devices(runtime, &entries, &n, &error), &error);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(entries[i]->backend, "liar") == 0) {
            assert_string_equal(entries[i]->info.name, "caf?");
            found++;
        }
    assert_int_equal(found, 1);
    pln_runtime_destroy(&runtime);
}

static uint32_t count_loads(const char *log)
{
    uint32_t n = 0;
    FILE *file = fopen(log, "r");
    for (int c; file && (c = getc(file)) != EOF;)
        n += c == '\n';
    if (file)
        fclose(file);
    return n;
}

/* What is listed may be of long ago: it says nothing of the memory that was free then. */
static void list(pln_runtime *runtime)
{
    const pln_device_entry *const *entries;
    pln_error error;
    uint32_t n;
    must(pln_runtime_devices(runtime, &entries, &n, &error), &error);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(entries[i]->backend, "liar") == 0)
            assert_true(entries[i]->info.memory_bytes > 0 && !entries[i]->info.free_bytes);
    pln_runtime_destroy(&runtime);
}

/* What did not change is not asked again, and who does not name it does not load it. */
static void test_remembered(void **state)
{
    char log[64], copy[128], command[700];
    pln_error error;
    (void)state;
    snprintf(log, sizeof log, "%s/log", scratch);
    snprintf(copy, sizeof copy, "%s/plugins", scratch);
    mkdir(copy, 0700);
    snprintf(command, sizeof command, "cp %s/pleione-liar.so %s/", folder, copy);
    assert_int_equal(system(command), 0);
    setenv("LIE_LOG", log, 1);
    pln_runtime *runtime = create("none", copy);
    must(run_on(runtime, "auto", &error), &error);
    pln_runtime_destroy(&runtime);
    assert_int_equal(count_loads(log), 0);
    list(create("none", copy));
    assert_int_equal(count_loads(log), 1);
    list(create(NULL, copy));
    assert_int_equal(count_loads(log), 1);
    runtime = create(NULL, copy);
    must(run_on(runtime, "liar", &error), &error); /* here it is loaded, and not asked */
    pln_runtime_destroy(&runtime);
    assert_int_equal(count_loads(log), 2);
    snprintf(command, sizeof command, "touch -d '2001-01-01' %s/pleione-liar.so", copy);
    assert_int_equal(system(command), 0);
    list(create(NULL, copy));
    assert_int_equal(count_loads(log), 3);
    unsetenv("LIE_LOG");
}

static char said[2000];

static void note(void *context, pln_log_level level, const char *message)
{
    (void)context;
    (void)level;
    snprintf(said, sizeof said, "%s", message);
}

static void test_folders(void **state)
{
    char open_to_all[64];
    pln_runtime *runtime;
    pln_error error;
    (void)state;
    snprintf(open_to_all, sizeof open_to_all, "%s/open", scratch);
    mkdir(open_to_all, 0700);
    chmod(open_to_all, 0777);
    const char *const wrong[] = {"tests", open_to_all};
    const char *const why[] = {"not absolute", "others than its owner"};
    for (int i = 0; i < 2; i++) {
        must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .backend_path = wrong[i], .log = note),
                                &runtime, &error),
             &error);
        pln_runtime_destroy(&runtime);
        assert_non_null(strstr(said, why[i]));
        assert_non_null(strstr(said, wrong[i]));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused),    cmocka_unit_test(test_used),
                                       cmocka_unit_test(test_remembered), cmocka_unit_test(test_folders),
                                       cmocka_unit_test(test_named),      cmocka_unit_test(test_texts)};
    char command[64];
    folder = argv[1];
    if (argc != 2 || !mkdtemp(scratch))
        return 2;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -r %s", scratch);
    return system(command) != 0 || failed;
}
