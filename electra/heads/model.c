/* SPDX-License-Identifier: Apache-2.0
 *
 * ElectraModel: the last hidden state [tokens, hidden] as it is.
 */
#include "electra/describe.h"

static void describe(struct electra_describe *d, pln_value *hidden)
{
    electra_output(d, ELECTRA_STATE, "last_hidden_state", hidden);
}

const struct electra_head electra_head_model = {
    .name = "model",
    .architecture = "ElectraModel",
    .describe = describe,
    .source = true,
    .bare = true,
};
