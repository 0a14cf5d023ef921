/* SPDX-License-Identifier: Apache-2.0
 *
 * What a folder holds in which no model was found: the sentence that says where to look.
 */
#ifndef CHECKPOINT_LOST_H
#define CHECKPOINT_LOST_H

#include "api/pleione_types.h"

/* There is a config, and no file of weights that is called as one. Returns PLN_BAD_MODEL. */
pln_status ckpt_say_no_weights(const char *directory, pln_error *error);

/* There is neither: PLN_BAD_MODEL if folders in it hold models (of a training run, of a cache of the hub), else PLN_OK. */
pln_status ckpt_say_folders(const char *directory, pln_error *error);
#endif
