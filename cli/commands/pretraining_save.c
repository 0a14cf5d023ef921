/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run writes: both halves, and checkpoints that are whole as soon as they bear their name.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands/pretraining.h"

#define CHECKPOINT "checkpoint-"
#define PARTIAL ".partial-checkpoint"

void pretraining_path(const struct pretraining *p, const char *below, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", p->o->out, below);
}

static pln_status fail(pln_error *error, const char *path, const char *what)
{
    const pln_status status = errno == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED;
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%.300s: %s", path, what);
    return status;
}

static pln_status join(const char *folder, const char *name, char path[PATH_MAX], pln_error *error)
{
    return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? PLN_OK
                                                                      : fail(error, folder, "the path is too long");
}

pln_status pretraining_halves(struct pretraining *p, const char *folder, pln_error *error)
{
    char path[PATH_MAX];
    pln_status status = PLN_OK;
    if (!p->masked_lm_only) {
        status = join(folder, "discriminator", path, error);
        if (status == PLN_OK)
            status = pln_trainer_save_half(p->trainer, PLN_HALF_DISCRIMINATOR, path, error);
    }
    if (status == PLN_OK)
        status = join(folder, "generator", path, error);
    return status == PLN_OK ? pln_trainer_save_half(p->trainer, PLN_HALF_GENERATOR, path, error) : status;
}

/* ---- a checkpoint */

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static pln_status write_best(const struct pretraining *p, const char *folder, pln_error *error)
{
    char path[PATH_MAX];
    pln_status status = join(folder, "best.json", path, error);
    json_t *json = isnan(p->best) ? json_pack("{s:n,s:i}", "eval_loss", "step", 0)
                                  : json_pack("{s:f,s:i}", "eval_loss", p->best, "step", (int)p->best_step);
    errno = ENOMEM; /* what is wrong if nothing is written */
    if (status == PLN_OK && (!json || json_dump_file(json, path, JSON_COMPACT) != 0))
        status = fail(error, path, strerror(errno));
    json_decref(json);
    return status;
}

static pln_status write_all(struct pretraining *p, const char *folder, pln_error *error)
{
    char path[PATH_MAX];
    pln_status status = pretraining_halves(p, folder, error);
    if (status == PLN_OK)
        status = join(folder, "trainer", path, error);
    if (status == PLN_OK)
        status = pln_trainer_save(p->trainer, path, error);
    if (status == PLN_OK)
        status = join(folder, "corpus.safetensors", path, error);
    if (status == PLN_OK)
        status = pln_corpus_save(p->corpus, path, error);
    return status == PLN_OK ? write_best(p, folder, error) : status;
}

/* N of checkpoint-N; 0: it is no such name. */
static uint32_t number_of(const char *name)
{
    char *end = NULL;
    if (strncmp(name, CHECKPOINT, sizeof CHECKPOINT - 1) != 0 || name[sizeof CHECKPOINT - 1] < '1' ||
        name[sizeof CHECKPOINT - 1] > '9')
        return 0;
    const unsigned long n = strtoul(name + sizeof CHECKPOINT - 1, &end, 10);
    return *end || n > UINT32_MAX ? 0 : (uint32_t)n;
}

/* The newest checkpoint below `below`; 0: there is none. */
static uint32_t newest_below(const struct pretraining *p, uint32_t below)
{
    uint32_t newest = 0;
    DIR *folder = opendir(p->o->out);
    for (const struct dirent *e; folder && (e = readdir(folder));) {
        const uint32_t n = number_of(e->d_name);
        newest = n > newest && n < below ? n : newest;
    }
    if (folder)
        closedir(folder);
    return newest;
}

uint32_t pretraining_newest(const struct pretraining *p)
{
    return newest_below(p, UINT32_MAX);
}

/* The newest `keep` stay. */
static void remove_old(const struct pretraining *p)
{
    char path[PATH_MAX], name[32];
    uint32_t n = UINT32_MAX;
    for (uint32_t i = 0; i < p->o->keep && n; i++)
        n = newest_below(p, n);
    while (n && (n = newest_below(p, n)) != 0) {
        snprintf(name, sizeof name, CHECKPOINT "%u", n);
        pretraining_path(p, name, path);
        remove_folder(path);
    }
}

static pln_status sync_folder(const char *path, pln_error *error)
{
    DIR *folder = opendir(path);
    const int failed = !folder || (fsync(dirfd(folder)) != 0 && errno != EINVAL);
    const pln_status status = failed ? fail(error, path, strerror(errno)) : PLN_OK;
    if (folder)
        closedir(folder);
    return status;
}

pln_status pretraining_checkpoint(struct pretraining *p, pln_error *error)
{
    char partial[PATH_MAX], path[PATH_MAX], name[32];
    struct stat about;
    pretraining_path(p, PARTIAL, partial);
    snprintf(name, sizeof name, CHECKPOINT "%u", pln_trainer_steps(p->trainer));
    pretraining_path(p, name, path);
    if (stat(path, &about) == 0)
        return PLN_OK;
    remove_folder(partial);
    if (mkdir(partial, 0777) != 0)
        return fail(error, partial, strerror(errno));
    pln_status status = write_all(p, partial, error);
    if (status == PLN_OK)
        status = sync_folder(partial, error);
    if (status == PLN_OK && rename(partial, path) != 0)
        status = fail(error, path, strerror(errno));
    if (status == PLN_OK)
        status = sync_folder(p->o->out, error);
    if (status == PLN_OK)
        remove_old(p);
    else
        remove_folder(partial);
    return status;
}

pln_status pretraining_restore(struct pretraining *p, uint32_t at, pln_error *error)
{
    char folder[PATH_MAX], path[PATH_MAX], name[32];
    snprintf(name, sizeof name, CHECKPOINT "%u", at);
    pretraining_path(p, name, folder);
    pln_status status = join(folder, "trainer", path, error);
    if (status == PLN_OK)
        status = pln_trainer_restore(p->trainer, path, error);
    if (status == PLN_OK)
        status = join(folder, "corpus.safetensors", path, error);
    if (status == PLN_OK)
        status = pln_corpus_restore(p->corpus, path, error);
    if (status == PLN_OK)
        status = join(folder, "best.json", path, error);
    if (status != PLN_OK)
        return status;
    json_t *best = json_load_file(path, 0, NULL);
    const json_t *loss = json_object_get(best, "eval_loss");
    p->best = json_is_number(loss) ? json_number_value(loss) : (double)NAN;
    p->best_step = (uint32_t)json_integer_value(json_object_get(best, "step"));
    json_decref(best);
    return PLN_OK;
}
