/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione explain: each node with its device, kernel, refusals, times and copies.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/measuring/batch.h"
#include "cli/tables/table.h"
#include "cli/terminal.h"

struct explain {
    bool json, graph, dot, wide;
};

static void print_node_json(const pln_node_report *r)
{
    json_t *measured = r->measured_ns ? json_integer((json_int_t)r->measured_ns) : json_null();
    cli_print_json(json_pack("{s:s,s:s,s:s,s:s,s:I,s:s,s:I,s:o,s:I,s:I}", "node", r->name, "op", r->op, "device",
                             r->device, "kernel", r->kernel, "segment", (json_int_t)r->segment, "refusals", r->refusals,
                             "estimated_ns", (json_int_t)r->estimated_ns, "measured_ns", measured, "copied_bytes",
                             (json_int_t)r->copied_bytes, "flops", (json_int_t)r->flops));
}

static const struct table_column columns[] = {
    {.key = "segment", .title = "seg", .type = TABLE_COUNT, .rank = 5},
    {.key = "node", .title = "node", .fitted = true},
    {.key = "device", .title = "device", .fitted = true, .rank = 1},
    {.key = "kernel", .title = "kernel", .fitted = true},
    {.key = "estimated", .title = "est.", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .rank = 4},
    {.key = "measured", .title = "meas.", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .absent = "not measured"},
    {.key = "copied", .title = "copied", .unit = "B", .type = TABLE_COUNT, .rank = 3},
    {.key = "refusals", .title = "refused by", .rank = 2},
};

static void add_node(struct table *t, const pln_node_report *r)
{
    table_add_row(t);
    table_set_number(t, "segment", r->segment);
    table_set_text(t, "node", r->name);
    table_set_text(t, "device", r->device);
    table_set_text(t, "kernel", r->kernel);
    table_set_number(t, "estimated", (double)r->estimated_ns / 1e3);
    if (r->measured_ns) /* not every backend can tell */
        table_set_number(t, "measured", (double)r->measured_ns / 1e3);
    table_set_number(t, "copied", (double)r->copied_bytes);
    table_set_text(t, "refusals", r->refusals);
}

static void print_summary(const pln_statistics *s)
{
    char text[256];
    snprintf(text, sizeof text, "%u nodes, %u segments, %u copies of %llu bytes between devices, %llu bytes planned",
             s->nodes, s->segments, s->copies, (unsigned long long)s->copied_bytes,
             (unsigned long long)s->planned_bytes);
    terminal_fill(stdout, text, 0, 2, terminal_width(stdout) ? terminal_width(stdout) : SIZE_MAX);
}

static pln_status print_schedule(const pln_schedule *schedule, const struct explain *e, pln_error *error)
{
    struct table t = {0};
    pln_statistics statistics = {.size = sizeof statistics};
    table_add_columns(&t, columns, sizeof columns / sizeof *columns);
    pln_status status = pln_schedule_statistics(schedule, &statistics, error);
    for (uint32_t i = 0; status == PLN_OK && i < pln_schedule_node_count(schedule); i++) {
        pln_node_report report = {.size = sizeof report};
        status = pln_schedule_node(schedule, i, &report, error);
        if (status == PLN_OK && e->json)
            print_node_json(&report);
        else if (status == PLN_OK)
            add_node(&t, &report);
    }
    if (t.failed) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the table"};
        status = error->status;
    }
    if (status == PLN_OK && !e->json) {
        table_print(stdout, &t, e->wide);
        print_summary(&statistics);
    }
    table_finish(&t);
    return status;
}

/* The second run is the one that is shown: the first compiles kernels. */
static pln_status run_twice(struct cli_model *m, const struct cli_list *texts, pln_error *error)
{
    struct cli_batch batch = {0};
    const pln_tensor *outputs;
    uint32_t n;
    pln_status status = cli_batch_texts(&batch, m->model, texts, error);
    cli_wait_begin(true, "running");
    for (int i = 0; status == PLN_OK && i < 2; i++)
        status = pln_session_forward(m->session, batch.tensors, 2, &outputs, &n, error);
    cli_wait_end();
    cli_batch_finish(&batch);
    return status;
}

static pln_status explain(const struct explain *e, const struct cli_common *common, const char *directory,
                          const struct cli_list *texts, pln_error *error)
{
    static const struct cli_list sentence = {1, {CLI_SENTENCE}};
    struct cli_model m = {0};
    pln_status status = cli_open(
        common, directory,
        PLN_OPTIONS(pln_session_options, .schedule = PLN_OPTIONS(pln_schedule_options, .timed = true)), &m, error);
    if (status == PLN_OK)
        status = run_twice(&m, texts->n ? texts : &sentence, error);
    if (status == PLN_OK && (e->graph || e->dot)) {
        const pln_graph *graph = pln_session_graph(m.session);
        char *text = e->dot ? pln_graph_dot(graph) : pln_graph_text(graph);
        if (text) {
            fputs(text, stdout);
        } else {
            *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the text of the graph"};
            status = error->status;
        }
        pln_free(text);
    } else if (status == PLN_OK) {
        status = print_schedule(pln_session_schedule(m.session), e, error);
    }
    cli_close(&m);
    return status;
}

int cli_explain(int argc, char **argv)
{
    static struct cli_common common;
    struct explain e = {0};
    static struct cli_list arguments;
    struct cli_options options = {0};
    cli_common_options(&common, "--device", &options);
    const struct cli_option own[] = {
        {"--json", CLI_FLAG, &e.json, NULL, "one JSON object a node"},
        {"--graph", CLI_FLAG, &e.graph, NULL, "the graph itself, one line a node"},
        {"--wide", CLI_FLAG, &e.wide, NULL, CLI_WIDE_HELP},
        {"--dot", CLI_FLAG, &e.dot, NULL, "the graph for Graphviz"},
    };
    cli_add_options(&options, own, sizeof own / sizeof *own);
    static const struct cli_usage usage = {
        .synopsis = "explain MODEL [TEXT...]",
        .description =
            "Runs the texts (a sentence of its own when none is given) and prints for each node: segment, device, "
            "kernel,\n"
            "estimated and measured time, bytes copied between devices for it, and why earlier devices refused it.",
        .examples = "  pleione explain models/electra-tiny-discriminator --device vulkan,cpu --place 'layer.1.*=cpu'\n"
                    "  pleione explain models/electra-tiny-discriminator --dot | dot -Tsvg >graph.svg\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("explain needs a MODEL directory");
    const char *directory = cli_take_first(&arguments);
    pln_error error;
    if (explain(&e, &common, directory, &arguments, &error) != PLN_OK)
        return cli_fail(&error);
    return cli_finish_output();
}
