/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an HDF5 file, finds the weights in it by the lists that Keras writes: `layer_names` of the file, and
 * `weight_names` of each layer's group, of paths below it. A shard of transformers lists datasets themselves. Lists that
 * would pass the limit of an attribute come in parts (weight_names0, weight_names1, ...). Without lists every dataset is a
 * weight.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

#include "checkpoint/format.h"
#include "checkpoint/hdf5_program.h"

struct list {
    char (*names)[CKPT_MAX_NAME + 1];
    size_t count;
};

static void add(struct list *list, const char *name, size_t bytes, const char *where)
{
    if (bytes > CKPT_MAX_NAME || !bytes)
        tell_problem("%s holds a name that is empty or too long", where);
    memcpy(list->names[list->count], name, bytes);
    list->names[list->count++][bytes] = '\0';
}

/* Texts of any length, which lie elsewhere in the file. */
static void read_variable(hid_t attribute, hid_t space, size_t n, struct list *list, const char *where)
{
    char **texts = calloc(n, sizeof *texts);
    const hid_t type = H5Tcopy(H5T_C_S1), have = H5Aget_type(attribute);
    if (!texts || H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5Tget_cset(have)) < 0 ||
        H5Aread(attribute, type, texts) < 0)
        tell_problem("the file is damaged: HDF5 cannot read %s", where);
    for (size_t i = 0; i < n; i++) {
        const char *text = texts[i] ? texts[i] : "";
        add(list, text, strlen(text), where);
    }
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    H5Tclose(have);
    H5Tclose(type);
    free(texts);
}

/* Texts of one length, with zeros or blanks behind those that are shorter. */
static void read_fixed(hid_t attribute, hid_t type, size_t n, struct list *list, const char *where)
{
    const size_t width = H5Tget_size(type);
    if (!width || width > CKPT_MAX_NAME)
        tell_problem("%s holds names that are too long", where);
    char *texts = calloc(n, width);
    if (!texts || H5Aread(attribute, type, texts) < 0)
        tell_problem("the file is damaged: HDF5 cannot read %s", where);
    const bool blanks = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    for (size_t i = 0; i < n; i++) {
        const char *text = texts + i * width;
        size_t bytes = strnlen(text, width);
        while (blanks && bytes && text[bytes - 1] == ' ')
            bytes--;
        add(list, text, bytes, where);
    }
    free(texts);
}

/* Adds the texts of an attribute; false: there is none of that name. */
static bool read_attribute(hid_t object, const char *name, struct list *list)
{
    if (H5Aexists(object, name) <= 0)
        return false;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), space = H5Aget_space(attribute);
    const hid_t type = H5Aget_type(attribute);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    if (attribute < 0 || space < 0 || type < 0 || n < 0 || n > CKPT_MAX_TENSORS)
        tell_problem("the file is damaged: HDF5 cannot read %s", name);
    if (n) { /* a layer without weights has an empty list of numbers */
        if (H5Tget_class(type) != H5T_STRING)
            tell_problem("%s holds no texts", name);
        void *larger = realloc(list->names, (list->count + (size_t)n) * sizeof *list->names);
        if (!larger || list->count + (size_t)n > CKPT_MAX_TENSORS)
            tell_problem("%s holds too many names", name);
        list->names = larger;
        if (H5Tis_variable_str(type) > 0)
            read_variable(attribute, space, (size_t)n, list, name);
        else
            read_fixed(attribute, type, (size_t)n, list, name);
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return true;
}

/* The list, or its parts; false: there is neither. */
static bool read_list(hid_t object, const char *name, struct list *list)
{
    char part[64];
    bool found = read_attribute(object, name, list);
    for (int i = 0;; i++) {
        snprintf(part, sizeof part, "%s%d", name, i);
        if (!read_attribute(object, part, list))
            return found;
        found = true;
    }
}

static void take_layer(hid_t group, const char *layer)
{
    struct list weights = {NULL, 0};
    read_list(group, "weight_names", &weights);
    for (size_t i = 0; i < weights.count; i++) {
        const hid_t dataset = H5Dopen2(group, weights.names[i], H5P_DEFAULT);
        if (dataset < 0)
            tell_problem("layer '%.200s' names weight '%.200s', which is not there", layer, weights.names[i]);
        take_dataset(dataset, weights.names[i]);
    }
    free(weights.names);
}

/* A group of weights, or a weight. */
static void take_named(hid_t root, const char *name)
{
    const hid_t object = H5Oopen(root, name, H5P_DEFAULT);
    const H5I_type_t kind = object < 0 ? H5I_BADID : H5Iget_type(object);
    if (kind == H5I_DATASET) {
        take_dataset(object, name);
        return;
    }
    if (kind != H5I_GROUP)
        tell_problem("layer_names names '%.200s', which is not there", name);
    take_layer(object, name);
    H5Oclose(object);
}

static herr_t visit(hid_t root, const char *name, const H5O_info_t *info, void *context)
{
    (void)context;
    if (info->type == H5O_TYPE_DATASET)
        take_dataset(H5Dopen2(root, name, H5P_DEFAULT), name);
    return 0;
}

void read_lists(hid_t file)
{
    static const char whole_model[] = "model_weights"; /* where Keras keeps them in a file of a whole model */
    struct list layers = {NULL, 0};
    hid_t root = file;
    if (!read_list(root, "layer_names", &layers) && H5Lexists(file, whole_model, H5P_DEFAULT) > 0 &&
        (root = H5Gopen2(file, whole_model, H5P_DEFAULT)) >= 0)
        read_list(root, "layer_names", &layers);
    for (size_t i = 0; i < layers.count; i++)
        take_named(root, layers.names[i]);
    if (!layers.count && H5Ovisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit, NULL) < 0)
        tell_problem("the file is damaged: HDF5 cannot list it");
    free(layers.names);
}
