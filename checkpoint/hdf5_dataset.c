/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a dataset, tells type, shape and where its bytes lie in the file. One that is kept in pieces, compressed, or in
 * another order of bytes is read through HDF5 at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hdf5.h>

#include "checkpoint/format.h"
#include "checkpoint/hdf5_program.h"

enum { SLAB = 1 << 20, MAX_GROWTH = 1100 }; /* bytes read at a time, if pieces are not larger; of deflate, rounded up */

struct copy {
    hid_t dataset, type;
    int rank;
    hsize_t shape[PLN_MAX_RANK];
    uint64_t width; /* of an element */
};
static struct copy *copies;
static size_t n_copies, room;

/* ---- element types */

struct layout {
    size_t sign, exponent, exponent_bits, fraction, fraction_bits, bias;
};

static bool is_float(hid_t type, const struct layout *l)
{
    size_t sign, exponent, exponent_bits, fraction, fraction_bits;
    return H5Tget_fields(type, &sign, &exponent, &exponent_bits, &fraction, &fraction_bits) >= 0 && sign == l->sign &&
           exponent == l->exponent && exponent_bits == l->exponent_bits && fraction == l->fraction &&
           fraction_bits == l->fraction_bits && H5Tget_ebias(type) == l->bias && H5Tget_offset(type) == 0;
}

static pln_dtype float_dtype(hid_t type, size_t bytes)
{
    static const struct {
        size_t bytes;
        pln_dtype dtype;
        struct layout layout;
    } known[] = {
        {2, PLN_F16, {15, 10, 5, 0, 10, 15}},
        {2, PLN_BF16, {15, 7, 8, 0, 7, 127}},
        {4, PLN_F32, {31, 23, 8, 0, 23, 127}},
        {8, PLN_F64, {63, 52, 11, 0, 52, 1023}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].bytes == bytes && is_float(type, &known[i].layout))
            return known[i].dtype;
    return (pln_dtype)0;
}

static pln_dtype integer_dtype(hid_t type, size_t bytes)
{
    static const pln_dtype with_sign[] = {[1] = PLN_I8, [2] = PLN_I16, [4] = PLN_I32, [8] = PLN_I64};
    if (H5Tget_precision(type) != bytes * 8)
        return (pln_dtype)0;
    if (H5Tget_sign(type) != H5T_SGN_NONE)
        return bytes < sizeof with_sign / sizeof *with_sign ? with_sign[bytes] : (pln_dtype)0;
    return bytes == 1 ? PLN_U8 : (pln_dtype)0;
}

/* 0: none of ours; *name says what it is. */
static pln_dtype dtype_of(hid_t type, const char **name)
{
    static const char *const names[] = {
        [H5T_INTEGER] = "integer",  [H5T_FLOAT] = "float",  [H5T_TIME] = "time",       [H5T_STRING] = "text",
        [H5T_BITFIELD] = "bits",    [H5T_OPAQUE] = "bytes", [H5T_COMPOUND] = "record", [H5T_REFERENCE] = "reference",
        [H5T_ENUM] = "enumeration", [H5T_VLEN] = "list",    [H5T_ARRAY] = "array",
    };
    const H5T_class_t kind = H5Tget_class(type);
    const size_t bytes = H5Tget_size(type);
    *name = kind >= 0 && kind < (int)(sizeof names / sizeof *names) && names[kind] ? names[kind] : "unknown type";
    const H5T_order_t order = kind == H5T_FLOAT || kind == H5T_INTEGER ? H5Tget_order(type) : H5T_ORDER_NONE;
    if (kind == H5T_FLOAT && (order == H5T_ORDER_LE || order == H5T_ORDER_BE))
        return float_dtype(type, bytes);
    if (kind == H5T_INTEGER && (order == H5T_ORDER_LE || order == H5T_ORDER_BE))
        return integer_dtype(type, bytes);
    return kind == H5T_ENUM && bytes == 1 && H5Tget_nmembers(type) == 2 ? PLN_BOOL : (pln_dtype)0; /* as h5py has it */
}

/* ---- places */

/* Whether the bytes lie in the file as they are. */
static bool lies_plain(hid_t dataset, hid_t type, uint64_t *place)
{
    const hid_t how = H5Dget_create_plist(dataset);
    const haddr_t offset = H5Dget_offset(dataset);
    const bool plain = how >= 0 && H5Pget_layout(how) == H5D_CONTIGUOUS && H5Pget_external_count(how) == 0 &&
                       offset != HADDR_UNDEF && (H5Tget_size(type) == 1 || H5Tget_order(type) == H5T_ORDER_LE);
    if (how >= 0)
        H5Pclose(how);
    *place = offset;
    return plain;
}

static void keep_copy(hid_t dataset, hid_t type, const struct hdf5_record *record, const char *name)
{
    const hsize_t stored = H5Dget_storage_size(dataset);
    if (!stored || record->bytes / MAX_GROWTH > stored)
        tell_problem("tensor '%.200s' claims %llu bytes and has %llu in the file", name,
                     (unsigned long long)record->bytes, (unsigned long long)stored);
    if (n_copies == room) {
        room = room ? 2 * room : 64;
        copies = realloc(copies, room * sizeof *copies);
        if (!copies)
            tell_problem("no memory for its datasets");
    }
    struct copy *c = &copies[n_copies++];
    *c = (struct copy){dataset, type, (int)record->rank, {0}, H5Tget_size(type)};
    memcpy(c->shape, record->shape, sizeof c->shape);
    if (c->width > 1 && H5Tset_order(type, H5T_ORDER_LE) < 0) /* of the copy that is read into */
        tell_problem("the file is damaged: HDF5 cannot read tensor '%.200s'", name);
}

static void tell_other(const char *name, const char *type, int rank)
{
    const struct hdf5_record record = {.kind = HDF5_OTHER};
    char text[64];
    snprintf(text, sizeof text, "%s of %d dimensions", type, rank);
    tell(&record, name, text);
}

void take_dataset(hid_t dataset, const char *name)
{
    struct hdf5_record record = {.kind = HDF5_TENSOR};
    hsize_t shape[H5S_MAX_RANK];
    const char *type_name;
    const hid_t space = H5Dget_space(dataset), have = H5Dget_type(dataset), type = H5Tcopy(have);
    const int rank = H5Sget_simple_extent_dims(space, shape, NULL);
    if (rank < 0 || type < 0)
        tell_problem("the file is damaged: HDF5 cannot read tensor '%.200s'", name);
    record.dtype = (uint32_t)dtype_of(type, &type_name);
    uint64_t bytes = H5Tget_size(type);
    for (int i = 0; i < rank && i < PLN_MAX_RANK; i++) {
        record.shape[i] = shape[i];
        if (__builtin_mul_overflow(bytes, (uint64_t)shape[i], &bytes))
            tell_problem("the shape of tensor '%.200s' is larger than 64 bits can count", name);
    }
    record.rank = (uint32_t)rank;
    record.bytes = bytes;
    bool kept = false;
    if (!record.dtype || rank > PLN_MAX_RANK || H5Sget_simple_extent_type(space) == H5S_NULL) {
        tell_other(name, type_name, rank);
    } else if (!bytes || lies_plain(dataset, have, &record.place)) {
        record.place = bytes ? record.place : 0;
        tell(&record, name, "");
    } else {
        record.kind = HDF5_COPY;
        record.place = 0;
        keep_copy(dataset, type, &record, name);
        tell(&record, name, "");
        kept = true;
    }
    H5Sclose(space);
    H5Tclose(have);
    if (kept)
        return;
    H5Tclose(type);
    H5Dclose(dataset);
}

/* ---- copies */

/* Rows of the first dimension that are read at a time: whole pieces, as each is unpacked anew. */
static hsize_t slab_rows(const struct copy *c)
{
    hsize_t piece[H5S_MAX_RANK] = {1};
    uint64_t row = c->width;
    for (int i = 1; i < c->rank; i++)
        row *= c->shape[i];
    const hid_t how = H5Dget_create_plist(c->dataset);
    if (H5Pget_layout(how) != H5D_CHUNKED || H5Pget_chunk(how, H5S_MAX_RANK, piece) < 1)
        piece[0] = 1;
    H5Pclose(how);
    const hsize_t pieces = SLAB / row / piece[0];
    return pieces ? pieces * piece[0] : piece[0];
}

static bool write_slab(const struct copy *c, hid_t space, hsize_t first, hsize_t rows)
{
    hsize_t start[PLN_MAX_RANK] = {first}, count[PLN_MAX_RANK];
    uint64_t bytes = c->width * rows;
    memcpy(count, c->shape, sizeof count);
    count[0] = rows;
    for (int i = 1; i < c->rank; i++)
        bytes *= c->shape[i];
    const hid_t memory = H5Screate_simple(c->rank, count, NULL);
    void *data = malloc(bytes);
    const bool good =
        data && memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
        H5Dread(c->dataset, c->type, memory, space, H5P_DEFAULT, data) >= 0 && fwrite(data, 1, bytes, stdout) == bytes;
    free(data);
    H5Sclose(memory);
    return good;
}

static bool write_scalar(const struct copy *c)
{
    char value[16];
    return H5Dread(c->dataset, c->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0 &&
           fwrite(value, 1, c->width, stdout) == c->width;
}

static bool write_copy(const struct copy *c)
{
    if (!c->rank)
        return write_scalar(c);
    const hid_t space = H5Dget_space(c->dataset);
    const hsize_t step = slab_rows(c);
    bool good = space >= 0;
    for (hsize_t first = 0; good && first < c->shape[0]; first += step) {
        const hsize_t left = c->shape[0] - first;
        good = write_slab(c, space, first, left < step ? left : step);
    }
    H5Sclose(space);
    return good;
}

bool write_copies(void)
{
    for (size_t i = 0; i < n_copies; i++)
        if (!write_copy(&copies[i]))
            return false;
    return true;
}
