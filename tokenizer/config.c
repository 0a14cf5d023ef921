/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the files, gives the settings of each stage.
 */
#include "tokenizer/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"

pln_status tok_config_init(struct tok_config *config, const struct tok_files *files,
                           const pln_tokenizer_options *options, const struct tok_vocabulary *vocabulary,
                           pln_error *error)
{
    *config = (struct tok_config){.max_word = options->mode == PLN_TOKENIZER_MODE_GOOGLE ? 200 : 100};
    pln_status status = tok_read_settings(config, files, options, error);
    if (status == PLN_OK)
        status = tok_read_added(config, files, options, vocabulary, error);
    const bool fast = options->mode == PLN_TOKENIZER_MODE_FAST;
    if (options->mode == PLN_TOKENIZER_MODE_GOOGLE) /* knows no added tokens in text */
        for (uint32_t i = 0; i < config->added.n; i++)
            config->added.tokens[i].unseen = true;
    if (status == PLN_OK && !tok_added_index(&config->added, fast ? &config->normalizer : &config->lowering))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u added tokens", config->added.n);
    if (status != PLN_OK)
        tok_config_finish(config);
    return status;
}

void tok_config_finish(struct tok_config *config)
{
    tok_added_finish(&config->added);
    for (uint32_t i = 0; i < config->n_never_split; i++)
        free(config->never_split[i]);
    free(config->never_split);
    config->never_split = NULL;
    config->n_never_split = 0;
}
