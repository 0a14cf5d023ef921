/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of frameworks: what transformers 4.44 (its TF and Flax classes) and google-research/electra do.
 */
#include "electra/semantics.h"

#include <string.h>

static const struct electra_semantics table[] = {
    [PLN_SEMANTICS_PYTORCH] = {.name = "pytorch"},
    [PLN_SEMANTICS_TF] = {.name = "tf",
                          .masked = -10000,
                          .tied = true,
                          .absolute = true,
                          .negative_labels = true,
                          .reduction = ELECTRA_LOSS_EACH},
    [PLN_SEMANTICS_FLAX] = {.name = "flax",
                            .whole_mask = true,
                            .token_type = 1,
                            .hidden_act = true,
                            .summary_first = true,
                            .absolute = true},
    [PLN_SEMANTICS_GOOGLE] = {.name = "google",
                              .masked = -10000,
                              .hidden_act = true,
                              .summary_first = true,
                              .tied = true,
                              .absolute = true,
                              .reduction = ELECTRA_LOSS_SUM},
};
enum { N_SEMANTICS = sizeof table / sizeof *table };

const struct electra_semantics *electra_semantics(pln_semantics semantics)
{
    return (size_t)semantics < N_SEMANTICS ? &table[semantics] : NULL;
}

const char *pln_semantics_string(pln_semantics semantics)
{
    const struct electra_semantics *row = electra_semantics(semantics);
    return row ? row->name : "unknown";
}

bool pln_semantics_find(const char *name, pln_semantics *semantics)
{
    for (size_t i = 0; name && semantics && i < N_SEMANTICS; i++)
        if (strcmp(table[i].name, name) == 0) {
            *semantics = (pln_semantics)i;
            return true;
        }
    return false;
}
