/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens after which the texts of a model end, if nobody says others.
 */
#ifndef GENERATION_STOPS_H
#define GENERATION_STOPS_H

#include "api/pleione.h"

/* eos_token_id: a token, a list of them, or null. As transformers has it that of generation_config.json counts, if the
 * directory has this file, whether it names one or not; else that of config.json. Tokens that are none of the vocabulary
 * are left out: they cannot occur. Returns new *stop [n] (free), never NULL. PLN_BAD_MODEL names the file. */
pln_status generate_stops_of(const pln_model *model, int32_t **stop, uint32_t *n, pln_error *error);
#endif
