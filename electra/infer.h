/* SPDX-License-Identifier: Apache-2.0
 *
 * What a config lacks and the tensors say: sizes by their shapes, the head by which of its weights are there.
 */
#ifndef ELECTRA_INFER_H
#define ELECTRA_INFER_H

#include <jansson.h>

#include "electra/names.h"

/* *json: a new reference to the checkpoint's config, with what could be inferred for fields that it lacks. heads: of
 * attention, 0: as the config says, or one for 64 columns of a model whose config says no sizes. *note: new text for a
 * warning, NULL: nothing was guessed. PLN_BAD_MODEL: the number of heads is nowhere; PLN_INVALID: it is given as another
 * one than the config's. */
pln_status electra_infer_config(const struct electra_names *names, const struct ckpt *checkpoint, uint32_t heads,
                                json_t **json, char **note, pln_error *error);

/* The head whose weights are there, PLN_HEAD_MODEL if none is. */
pln_head electra_infer_head(const struct electra_names *names);
#endif
