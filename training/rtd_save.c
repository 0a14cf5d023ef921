/* SPDX-License-Identifier: Apache-2.0
 *
 * Both halves to directories: each as a model that is complete by itself, and the state of the trainer, whose weights
 * have the names of the flat state.
 */
#include <stdlib.h>
#include <string.h>

#include "common/affix.h"
#include "common/fail.h"
#include "training/rtd.h"

static pln_status save_config(const struct ckpt_save *save, const pln_model *model, pln_head head, pln_error *error)
{
    return training_save_config(save, &model->config, electra_head(head), error);
}

pln_status rtd_check_save(struct training_subject *subject, pln_error *error)
{
    return training_check_copies(training_rtd_of(subject)->discriminator->checkpoint, error);
}

pln_status rtd_save(struct training_subject *subject, const struct ckpt_save *save, const pln_tensor *tensors,
                    uint32_t n_tensors, pln_error *error)
{
    const struct training_rtd *rtd = training_rtd_of(subject);
    pln_status status = save_config(save, rtd->discriminator, PLN_HEAD_PRETRAINING, error);
    if (status == PLN_OK)
        status = training_save_copies(save, rtd->discriminator->checkpoint, 0, error);
    return status == PLN_OK ? ckpt_save_tensors(save, TRAINING_WEIGHTS, tensors, n_tensors, error) : status;
}

/* ---- a half by itself */

static bool is_encoder(const char *name)
{
    return begins(name, "embeddings.") || begins(name, "embeddings_project.") || begins(name, "encoder.");
}

const char *rtd_name_in(const struct training_rtd *rtd, pln_half half, const char *name)
{
    const enum electra_sharing sharing = rtd->options.sharing;
    const bool own = begins(name, ELECTRA_OF_GENERATOR);
    if (half == PLN_HALF_DISCRIMINATOR)
        return own ? NULL : name;
    if (own)
        return name + strlen(ELECTRA_OF_GENERATOR);
    if (sharing == ELECTRA_SHARING_ALL)
        return is_encoder(name) ? name : NULL;
    return sharing == ELECTRA_SHARING_EMBEDDINGS && begins(name, "embeddings.") ? name : NULL;
}

static pln_status save_weights(const struct training_rtd *rtd, pln_half half, const struct ckpt_save *save,
                               const pln_tensor *tensors, uint32_t n_tensors, pln_error *error)
{
    char(*names)[256] = calloc(n_tensors + 1ul, sizeof *names);
    pln_tensor *all = calloc(n_tensors + 1ul, sizeof *all);
    uint32_t n = 0;
    pln_status status = names && all ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for a list of %u tensors", n);
    for (uint32_t i = 0; status == PLN_OK && i < n_tensors; i++) {
        const char *name = rtd_name_in(rtd, half, tensors[i].name);
        if (!name)
            continue;
        electra_file_name(name, false, names[n], sizeof *names);
        all[n] = tensors[i];
        all[n].name = names[n];
        n++;
    }
    if (status == PLN_OK)
        status = ckpt_save_tensors(save, TRAINING_WEIGHTS, all, n, error);
    free(names);
    free(all);
    return status;
}

pln_status rtd_save_half(const struct training_rtd *rtd, pln_half half, const struct ckpt_save *save,
                         const pln_tensor *tensors, uint32_t n_tensors, pln_error *error)
{
    const bool generator = half == PLN_HALF_GENERATOR;
    const pln_model *model = generator ? rtd->generator : rtd->discriminator;
    pln_status status = save_config(save, model, generator ? PLN_HEAD_MASKED_LM : PLN_HEAD_PRETRAINING, error);
    if (status == PLN_OK)
        status = training_save_copies(save, model->checkpoint, 0, error);
    return status == PLN_OK ? save_weights(rtd, half, save, tensors, n_tensors, error) : status;
}
