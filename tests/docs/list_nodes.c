/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of docs/heads.md, as the code has them: each head with its class, and the nodes of the graphs that the
 * heads are described as, with all that a config or a batch can ask for: list_nodes FOLDER, which is empty.
 */
#include <stdio.h>
#include <stdlib.h>

#include "electra/electra.h"
#include "graph/graph.h"

static const struct electra_names no_names; /* there are no weights */

static const char *folder;

static void must(pln_status status, const pln_error *error)
{
    if (status != PLN_OK) {
        fprintf(stderr, "%s\n", error->message);
        exit(1);
    }
}

static void print_nodes(const pln_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        printf("node %s\n", graph->nodes[i]->name);
}

/* A small model with more of the config, described for the features. */
static void describe(const char *more, struct electra_features features)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *file = fopen(path, "w");
    if (!file)
        exit(1);
    fprintf(file,
            "{\"vocab_size\": 20, \"embedding_size\": 8, \"hidden_size\": 12, \"num_attention_heads\": 3, "
            "\"intermediate_size\": 16, \"num_hidden_layers\": 2%s}",
            more);
    fclose(file);
    struct ckpt *checkpoint;
    struct electra_config config;
    struct electra_weights weights;
    struct electra_graph graph;
    pln_error error;
    must(ckpt_open(folder, NULL, CKPT_MAY_LACK_WEIGHTS, &checkpoint, &error), &error);
    must(electra_config_read(ckpt_config(checkpoint), "config.json", &config, &error), &error);
    must(electra_weights_init(&weights, checkpoint, &no_names, &config, 0, &error), &error);
    must(electra_describe(&config, &weights, &features, &graph, &error), &error);
    print_nodes(graph.graph);
    electra_graph_finish(&graph);
    electra_weights_finish(&weights);
    electra_config_finish(&config);
    ckpt_close(&checkpoint);
    remove(path);
}

/* The forward pass and a step of training under each config that changes nodes. */
static void describe_head(pln_head number, const struct electra_head *head)
{
    static const char *const configs[] = {
        "",
        ", \"position_embedding_type\": \"relative_key\"",
        ", \"summary_type\": \"mean\", \"summary_use_proj\": false, \"summary_activation\": \"tanh\"",
        ", \"summary_last_dropout\": 0.1, \"summary_first_dropout\": 0.1, \"classifier_dropout\": 0.1",
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        struct electra_features features = {
            .head = number, .choices = head->choices ? 2 : 0, .problem = ELECTRA_SINGLE_LABEL, .dropout = -1};
        describe(configs[i], features);
        features.train = features.labels = features.recompute = head->labels != PLN_LABELS_NONE;
        describe(configs[i], features);
    }
    if (head->source)
        describe(", \"is_decoder\": true, \"add_cross_attention\": true",
                 (struct electra_features){.head = number, .source = true});
    if (head->causal)
        describe(", \"is_decoder\": true, \"add_cross_attention\": true",
                 (struct electra_features){.head = number, .source = true, .cache = 8, .cache_source = 8});
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    folder = argv[1];
    for (int i = 1; electra_head((pln_head)i); i++) {
        const struct electra_head *head = electra_head((pln_head)i);
        printf("head %s %s\n", head->name, head->architecture);
        describe_head((pln_head)i, head);
    }
    return 0;
}
