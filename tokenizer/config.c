/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the files, gives the settings of each stage.
 */
#include "tokenizer/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/fail.h"

void tok_warn(const pln_tokenizer_options *options, const char *format, ...)
{
    char message[500];
    va_list arguments;
    if (!options->log)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    options->log(options->log_context, PLN_LOG_WARNING, message);
}

pln_status tok_config_init(struct tok_config *config, const struct tok_files *files,
                           const pln_tokenizer_options *options, const struct tok_vocabulary *vocabulary,
                           pln_error *error)
{
    *config = (struct tok_config){.max_word = options->mode == PLN_TOKENIZER_GOOGLE ? 200 : 100};
    pln_status status = tok_read_settings(config, files, options, error);
    if (status == PLN_OK)
        status = tok_read_added(config, files, options, vocabulary, error);
    if (status == PLN_OK && !tok_added_index(&config->added, &config->normalizer))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u added tokens", config->added.n);
    if (status != PLN_OK)
        tok_config_finish(config);
    return status;
}

void tok_config_finish(struct tok_config *config)
{
    tok_added_finish(&config->added);
}
