/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes records of tensors on the standard input, gives an HDF5 file as Keras lays one out: a group for each layer with
 * the list of its weights, and the list of layers; in a shard of transformers the list of layers is that of the datasets.
 * Our own process says what to write, so it is believed.
 */
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

#include "checkpoint/format.h"
#include "checkpoint/hdf5_program.h"

enum { MAX_LIST = 64512 }; /* bytes of an attribute: what an object's header holds */

struct names {
    char **list;
    size_t count;
};

static void add_name(struct names *names, const char *name)
{
    names->list = realloc(names->list, (names->count + 1) * sizeof *names->list);
    char *copy = names->list ? strdup(name) : NULL;
    if (!copy)
        tell_problem("no memory for its lists of names");
    names->list[names->count++] = copy;
}

static void read_all(void *to, size_t bytes)
{
    if (bytes && fread(to, 1, bytes, stdin) != bytes)
        tell_problem("what is to be written does not come");
}

/* ---- lists */

static void write_part(hid_t object, const char *attribute, char *const *names, size_t count, size_t width)
{
    const hsize_t n = count;
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    char *texts = calloc(count + 1, width);
    if (!texts || H5Tset_size(type, width) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0)
        tell_problem("no memory for its lists of names");
    for (size_t i = 0; i < count; i++)
        memcpy(texts + i * width, names[i], strlen(names[i]));
    const hid_t list = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (list < 0 || H5Awrite(list, type, texts) < 0)
        tell_problem("%s cannot be written", attribute);
    H5Aclose(list);
    H5Sclose(space);
    H5Tclose(type);
    free(texts);
}

/* In one attribute, or in numbered parts. */
static void write_list(hid_t object, const char *attribute, const struct names *names)
{
    size_t width = 1;
    char part[64];
    for (size_t i = 0; i < names->count; i++)
        width = strlen(names->list[i]) > width ? strlen(names->list[i]) : width;
    const size_t most = MAX_LIST / width;
    if (names->count <= most) {
        write_part(object, attribute, names->list, names->count, width);
        return;
    }
    for (size_t first = 0, i = 0; first < names->count; first += most, i++) {
        const size_t left = names->count - first;
        snprintf(part, sizeof part, "%s%zu", attribute, i);
        write_part(object, part, names->list + first, left < most ? left : most, width);
    }
}

static void write_text(hid_t object, const char *attribute, const char *text)
{
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(text));
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    const hid_t at = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (at < 0 || H5Awrite(at, type, text) < 0)
        tell_problem("%s cannot be written", attribute);
    H5Aclose(at);
    H5Sclose(space);
    H5Tclose(type);
}

/* ---- datasets */

static hid_t type_of(uint32_t dtype)
{
    switch (dtype) {
    case PLN_F32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case PLN_F64:
        return H5Tcopy(H5T_IEEE_F64LE);
    default:
        break;
    }
    const hid_t half = H5Tcopy(H5T_IEEE_F32LE); /* F16, fields first, then its size */
    if (dtype != PLN_F16 || H5Tset_fields(half, 15, 10, 5, 0, 10) < 0 || H5Tset_size(half, 2) < 0 ||
        H5Tset_ebias(half, 15) < 0)
        tell_problem("HDF5 has no such element type");
    return half;
}

static void write_dataset(hid_t group, const struct hdf5_record *record, const char *name)
{
    hsize_t shape[PLN_MAX_RANK];
    memcpy(shape, record->shape, sizeof shape);
    const hid_t type = type_of(record->dtype), with_groups = H5Pcreate(H5P_LINK_CREATE);
    const hid_t space = record->rank ? H5Screate_simple((int)record->rank, shape, NULL) : H5Screate(H5S_SCALAR);
    void *data = malloc(record->bytes + 1);
    if (!data)
        tell_problem("no memory for %llu bytes of tensor '%.200s'", (unsigned long long)record->bytes, name);
    read_all(data, record->bytes);
    H5Pset_create_intermediate_group(with_groups, 1);
    const hid_t dataset = H5Dcreate2(group, name, type, space, with_groups, H5P_DEFAULT, H5P_DEFAULT);
    if (dataset < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        tell_problem("tensor '%.200s' cannot be written: %s", name, strerror(errno));
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(with_groups);
    H5Tclose(type);
    free(data);
}

/* The group of the layer under way, whose list is written when it ends: weights of a layer come one after the other. */
struct layer {
    char name[CKPT_MAX_NAME + 1];
    hid_t group;
    struct names weights;
};

static void end_layer(struct layer *layer)
{
    if (layer->group < 0)
        return;
    write_list(layer->group, "weight_names", &layer->weights);
    H5Gclose(layer->group);
    layer->group = -1;
    layer->weights.count = 0;
}

static void take_tensor(hid_t file, struct layer *layer, struct names *layers, const struct hdf5_record *record)
{
    char name[CKPT_MAX_NAME + 1] = "", type[CKPT_MAX_NAME + 1] = "";
    if (record->name_bytes > CKPT_MAX_NAME || record->type_bytes > CKPT_MAX_NAME)
        tell_problem("a name is too long");
    read_all(name, record->name_bytes);
    read_all(type, record->type_bytes);
    if (!*type) {
        write_dataset(file, record, name);
        add_name(layers, name);
        return;
    }
    if (layer->group < 0 || strcmp(type, layer->name) != 0) {
        end_layer(layer);
        memcpy(layer->name, type, sizeof layer->name);
        layer->group = H5Gcreate2(file, type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (layer->group < 0)
            tell_problem("group '%.200s' cannot be written", type);
        add_name(layers, type);
    }
    write_dataset(layer->group, record, name);
    add_name(&layer->weights, name);
}

void write_file(const char *path)
{
    struct hdf5_record record;
    struct layer layer = {.group = -1};
    struct names layers = {NULL, 0};
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (file < 0)
        tell_problem("it cannot be created: %s", strerror(errno));
    for (read_all(&record, sizeof record); record.kind != HDF5_END; read_all(&record, sizeof record))
        take_tensor(file, &layer, &layers, &record);
    end_layer(&layer);
    write_list(file, "layer_names", &layers);
    write_text(file, "backend", "tensorflow");
    if (H5Fclose(file) < 0)
        tell_problem("it cannot be written to its end");
}
