/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a folder in which no model was found, gives a sentence that names what may be meant: files of weights under other
 * names, shards without their index, folders that hold models. Nothing is opened.
 */
#define _GNU_SOURCE /* scandir */
#include "checkpoint/lost.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/find.h"
#include "checkpoint/write.h"
#include "common/affix.h"
#include "common/fail.h"

enum { MOST_NAMES = 3 };

/* What files of weights end in, and what of that training leaves beside them. */
static const char *const endings[] = {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".hdf5", ".msgpack"};
static const char *const others[] = {"training_args", "optimizer", "scheduler", "scaler", "rng_state"};

static bool is_shard(const char *directory, const char *name)
{
    (void)directory;
    return ckpt_is_shard_name(name);
}

static bool may_be_weights(const char *directory, const char *name)
{
    (void)directory;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (begins(name, others[i]))
            return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends(name, endings[i]))
            return true;
    return false;
}

static bool is_model(const char *directory, const char *name)
{
    char path[PATH_MAX];
    return name[0] != '.' && snprintf(path, sizeof path, "%s/%s/config.json", directory, name) < PATH_MAX &&
           access(path, F_OK) == 0;
}

/* The first few names of that kind, with ", " between them; "": there is none. */
static void list_names(const char *directory, bool (*is_meant)(const char *directory, const char *name), char *text,
                       size_t bytes)
{
    struct dirent **entries = NULL;
    const int n = scandir(directory, &entries, NULL, versionsort);
    int found = 0;
    *text = '\0';
    for (int i = 0; i < n; i++) {
        const size_t used = strlen(text);
        if (is_meant(directory, entries[i]->d_name) && found++ <= MOST_NAMES)
            snprintf(text + used, bytes - used, "%s%.100s", used ? ", " : "",
                     found <= MOST_NAMES ? entries[i]->d_name : "...");
        free(entries[i]);
    }
    free(entries);
}

pln_status ckpt_say_no_weights(const char *directory, pln_error *error)
{
    char names[400], more[500] = "";
    list_names(directory, is_shard, names, sizeof names);
    if (*names)
        return pln_fail(error, PLN_BAD_MODEL, "%s: holds shards of weights (%s), and not the index that lists them",
                        directory, names);
    list_names(directory, may_be_weights, names, sizeof names);
    if (*names)
        snprintf(
            more, sizeof more,
            ", but %s: a file of another name is read if it is chosen (weights of pln_model_options, or --weights)",
            names);
    return pln_fail(error, PLN_BAD_MODEL, "%s: holds no weights (%s, %s, %s, %s, one of their indexes, or a bundle)%s",
                    directory, ckpt_weight_names[0], ckpt_weight_names[2], ckpt_weight_names[4], ckpt_weight_names[6],
                    more);
}

pln_status ckpt_say_folders(const char *directory, pln_error *error)
{
    char snapshots[PATH_MAX], names[400];
    list_names(directory, is_model, names, sizeof names);
    if (*names)
        return pln_fail(error, PLN_BAD_MODEL, "%s: holds no model, but its folders do: %s", directory, names);
    if (snprintf(snapshots, sizeof snapshots, "%s/snapshots", directory) >= PATH_MAX)
        return PLN_OK;
    list_names(snapshots, is_model, names, sizeof names);
    return *names
               ? pln_fail(error, PLN_BAD_MODEL,
                          "%s: is a cache of the hub, whose models are in its folder snapshots: %s", directory, names)
               : PLN_OK;
}
