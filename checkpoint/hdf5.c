/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an HDF5 file, as Keras writes weights, gives its datasets. HDF5 itself runs in the program pleione-hdf5.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "checkpoint/hdf5_process.h"
#include "checkpoint/hdf5_table.h"
#include "checkpoint/hdf5_wire.h"
#include "common/beside.h"
#include "common/fail.h"
#include "common/mapped.h"

static bool is_hdf5(const unsigned char *bytes, size_t size)
{
    static const unsigned char mark[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    return size >= sizeof mark && memcmp(bytes, mark, sizeof mark) == 0;
}

static pln_status open_hdf5(struct ckpt_content *content, pln_error *error)
{
    char program[PATH_MAX];
    struct hdf5_process process;
    bool ready;
    if (!beside_find(HDF5_PROGRAM, "checkpoint", program, sizeof program))
        return pln_fail(error, PLN_BAD_MODEL,
                        "%s: an HDF5 file, as TensorFlow writes models, and the program " HDF5_PROGRAM
                        ", which reads it, is not there: it is built with pleione where libhdf5 is",
                        content->path);
    if (!hdf5_process_begin(&process, program, mapped_descriptor(content->parts[0])))
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: %s cannot be started: %s", content->path,
                        program, strerror(errno));
    const struct hdf5_source source = {hdf5_process_read, &process};
    pln_status status = hdf5_take_table(content, &source, &ready, error);
    if (status == PLN_BAD_MODEL && process.hangs)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: the file is damaged: HDF5 does not come to an end with it",
                          content->path);
    else if (status == PLN_BAD_MODEL && !ready)
        status = pln_fail(error, PLN_FAILED, "%s: %s does not run: is the library of HDF5 installed?", content->path,
                          program);
    hdf5_process_end(&process);
    return status;
}

const struct ckpt_format ckpt_format_hdf5 = {.name = "HDF5", .sniff = is_hdf5, .open = open_hdf5};
