/* SPDX-License-Identifier: Apache-2.0
 *
 * Causal language models: the logits of a token are held against the token behind it.
 */
#include "electra/describe.h"

const struct electra_head electra_head_causal_lm = {
    .name = "causal-lm",
    .architecture = "ElectraForCausalLM",
    .describe = electra_vocabulary,
    .labels = PLN_LABELS_TOKENS,
    .classes = ELECTRA_OF_VOCABULARY,
    .logits = ELECTRA_BY_TOKEN,
    .reads = ELECTRA_READS_VOCABULARY,
    .shifted = true,
    .source = true,
    .causal = true,
};
