/* SPDX-License-Identifier: Apache-2.0
 *
 * Masked language models: the generator.
 */
#include "electra/describe.h"

const struct electra_head electra_head_masked_lm = {
    .name = "masked-lm",
    .architecture = "ElectraForMaskedLM",
    .describe = electra_vocabulary,
    .labels = PLN_LABELS_TOKENS,
    .classes = ELECTRA_OF_VOCABULARY,
    .logits = ELECTRA_BY_TOKEN,
    .reads = ELECTRA_READS_VOCABULARY,
    .half = ELECTRA_GENERATOR,
};
