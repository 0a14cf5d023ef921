/* SPDX-License-Identifier: Apache-2.0
 *
 * What a saved directory has of the model that is trained, beside its weights: the config for f32, and files that are
 * copied as they came.
 */
#include "checkpoint/checkpoint.h"
#include "common/fail.h"
#include "electra/saved_config.h"
#include "training/subject.h"

pln_status training_save_config(const struct ckpt_save *save, const struct electra_config *config,
                                const struct electra_head *head, pln_error *error)
{
    json_t *json = electra_config_saved(config, head, PLN_F32, true);
    const pln_status status = json ? ckpt_save_json(save, TRAINING_CONFIG, json, error)
                                   : pln_fail(error, PLN_NO_MEMORY, "no memory for " TRAINING_CONFIG);
    json_decref(json);
    return status;
}

pln_status training_save_copies(const struct ckpt_save *save, const struct ckpt *from, uint32_t required,
                                pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < TRAINING_COPIED_FILES; i++)
        status = ckpt_save_copy(save, training_files[i], ckpt_directory(from), required >> i & 1, error);
    return status;
}

pln_status training_check_copies(const struct ckpt *from, pln_error *error)
{
    pln_status status = PLN_OK;
    bool there;
    for (uint32_t i = 0; status == PLN_OK && i < TRAINING_COPIED_FILES; i++)
        status = ckpt_save_readable(training_files[i], ckpt_directory(from), &there, error);
    return status;
}
