/* SPDX-License-Identifier: Apache-2.0
 *
 * Every public function with arguments that it must refuse: test_doors MODELS, or test_doors --list for the names of
 * the functions that are tried, which check_doors.sh compares with what the library exports.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/api/doors.h"

struct world w;

static const struct door *const lists[] = {
    runtime_doors, graph_doors, op_doors,    schedule_doors,  tokenizer_doors,   model_doors, trainer_doors,
    row_doors,     task_doors,  score_doors, generator_doors, pretraining_doors, lesson_doors};
enum { LISTS = sizeof lists / sizeof *lists };

static void knock(void **state)
{
    const struct door *door = *state;
    fresh();
    door->knock();
}

static void open_models(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator", w.models);
    must(pln_model_open(w.runtime, path, NULL, &w.discriminator, fresh()), &w.error);
    must(pln_session_create(w.discriminator, w.devices, NULL, &w.session, fresh()), &w.error);
    must(pln_model_tokenizer(w.discriminator, &w.tokenizer, fresh()), &w.error);
    snprintf(path, sizeof path, "%s/electra-tiny-generator", w.models);
    must(pln_model_open(w.runtime, path, NULL, &w.generator, fresh()), &w.error);
    must(pln_trainer_create(w.generator, w.devices, NULL, &w.trainer, fresh()), &w.error);
}

static int make_world(void **state)
{
    (void)state;
    const pln_runtime_options options = {.size = sizeof options, .threads = 1};
    must(pln_runtime_create(&options, &w.runtime, fresh()), &w.error);
    must(pln_runtime_create(&options, &w.other_runtime, fresh()), &w.error);
    must(pln_devices_open(w.runtime, "reference", NULL, 0, &w.devices, fresh()), &w.error);
    must(pln_devices_open(w.other_runtime, "reference", NULL, 0, &w.other_devices, fresh()), &w.error);
    w.graph = pln_graph_create("picks");
    const uint32_t tokens = pln_graph_symbol(w.graph, "tokens"), picks = pln_graph_symbol(w.graph, "picks");
    pln_value *x = pln_graph_input(w.graph, "x", PLN_F32, pln_rows_of(tokens), 4);
    pln_value *ids = pln_graph_input(w.graph, "ids", PLN_I32, pln_rows_of(picks), 1);
    pln_value *y = pln_gather(w.graph, "y", x, ids);
    pln_value *sum = pln_accumulate(w.graph, "sum", pln_graph_state(w.graph, "kept", 1, 4), pln_row(w.graph, y, 1), 1);
    pln_graph_output(w.graph, "y", y);
    pln_graph_output(w.graph, "sum", sum);
    must(pln_graph_finish(w.graph, fresh()), &w.error);
    must(pln_schedule_create(w.graph, w.devices, NULL, &w.schedule, fresh()), &w.error);
    w.other_graph = pln_graph_create("other");
    w.other_value = pln_graph_input(w.other_graph, "foreign", PLN_F32, pln_rows_fixed(1), 4);
    open_models();
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    pln_trainer_destroy(&w.trainer);
    pln_session_destroy(&w.session);
    pln_model_close(&w.generator);
    pln_model_close(&w.discriminator);
    pln_schedule_destroy(&w.schedule);
    pln_graph_destroy(&w.graph);
    pln_graph_destroy(&w.other_graph);
    pln_devices_close(&w.devices);
    pln_devices_close(&w.other_devices);
    pln_runtime_destroy(&w.runtime);
    pln_runtime_destroy(&w.other_runtime);
    return 0;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[256] = {{0}};
    char folder[] = "/tmp/pleione-doors-XXXXXX";
    size_t n = 0;
    for (size_t i = 0; i < LISTS; i++)
        for (const struct door *door = lists[i]; door->name; door++)
            tests[n++] =
                (struct CMUnitTest){.name = door->name, .test_func = knock, .initial_state = (void *)(uintptr_t)door};
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < n; i++)
            puts(tests[i].name);
        return 0;
    }
    if (argc != 2 || !mkdtemp(folder))
        return 2;
    w.models = argv[1];
    w.folder = folder;
    const int failed = _cmocka_run_group_tests("doors", tests, n, make_world, end_world);
    rmdir(folder);
    return failed;
}
