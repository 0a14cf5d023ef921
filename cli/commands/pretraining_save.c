/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run writes: both halves, and checkpoints that are whole as soon as they bear their name.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/checkpoints.h"
#include "cli/commands/pretraining.h"
#include "cli/folders.h"

void pretraining_path(const struct pretraining *p, const char *below, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", p->o->out, below);
}

pln_status pretraining_halves(struct pretraining *p, const char *folder, pln_error *error)
{
    char path[PATH_MAX];
    pln_status status = PLN_OK;
    if (!p->masked_lm_only) {
        status = cli_path_join(folder, "discriminator", path, error);
        if (status == PLN_OK)
            status = pln_trainer_save_half(p->trainer, PLN_HALF_DISCRIMINATOR, path, error);
    }
    if (status == PLN_OK)
        status = cli_path_join(folder, "generator", path, error);
    return status == PLN_OK ? pln_trainer_save_half(p->trainer, PLN_HALF_GENERATOR, path, error) : status;
}

/* ---- a checkpoint */

static pln_status write_best(const struct pretraining *p, const char *folder, pln_error *error)
{
    char path[PATH_MAX];
    pln_status status = cli_path_join(folder, "best.json", path, error);
    json_t *json = isnan(p->best) ? json_pack("{s:n,s:i}", "eval_loss", "step", 0)
                                  : json_pack("{s:f,s:i}", "eval_loss", p->best, "step", (int)p->best_step);
    errno = ENOMEM; /* what is wrong if nothing is written */
    if (status == PLN_OK && (!json || json_dump_file(json, path, JSON_COMPACT) != 0))
        status = cli_path_fail(error, path, strerror(errno));
    json_decref(json);
    return status;
}

static pln_status write_all(void *context, const char *folder, pln_error *error)
{
    struct pretraining *p = context;
    char path[PATH_MAX];
    pln_status status = pretraining_halves(p, folder, error);
    if (status == PLN_OK)
        status = cli_path_join(folder, "trainer", path, error);
    if (status == PLN_OK)
        status = pln_trainer_save(p->trainer, path, error);
    if (status == PLN_OK)
        status = cli_path_join(folder, "corpus.safetensors", path, error);
    if (status == PLN_OK)
        status = pln_corpus_save(p->corpus, path, error);
    return status == PLN_OK ? write_best(p, folder, error) : status;
}

pln_status pretraining_checkpoint(struct pretraining *p, pln_error *error)
{
    return cli_checkpoint_make(p->o->out, pln_trainer_steps(p->trainer), p->o->run.keep, write_all, p, error);
}

pln_status pretraining_restore(struct pretraining *p, uint32_t at, pln_error *error)
{
    char folder[PATH_MAX], path[PATH_MAX], name[32];
    snprintf(name, sizeof name, CLI_CHECKPOINT "%u", at);
    pretraining_path(p, name, folder);
    pln_status status = cli_path_join(folder, "trainer", path, error);
    if (status == PLN_OK)
        status = pln_trainer_restore(p->trainer, path, error);
    if (status == PLN_OK)
        status = cli_path_join(folder, "corpus.safetensors", path, error);
    if (status == PLN_OK)
        status = pln_corpus_restore(p->corpus, path, error);
    if (status == PLN_OK)
        status = cli_path_join(folder, "best.json", path, error);
    if (status != PLN_OK)
        return status;
    json_t *best = json_load_file(path, 0, NULL);
    const json_t *loss = json_object_get(best, "eval_loss");
    p->best = json_is_number(loss) ? json_number_value(loss) : (double)NAN;
    p->best_step = (uint32_t)json_integer_value(json_object_get(best, "step"));
    json_decref(best);
    return PLN_OK;
}
