/* SPDX-License-Identifier: Apache-2.0
 *
 * A generator for who is inside of a call of its session already.
 */
#ifndef GENERATION_GENERATOR_H
#define GENERATION_GENERATOR_H

#include "api/pleione.h"

/* pln_generator_run between session_begin and session_end. */
pln_status generate_run(pln_generator *generator, const pln_prompt *prompts, uint32_t n_prompts, pln_token_fn *token,
                        void *context, pln_error *error);
#endif
