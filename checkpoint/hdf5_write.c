/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tensors, gives an HDF5 file as Keras reads it, through the program pleione-hdf5. Names are as Keras has them:
 * "MODEL/LAYER/...:0", in a shard "LAYER/...:0".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/format.h"
#include "checkpoint/hdf5_process.h"
#include "checkpoint/hdf5_wire.h"
#include "checkpoint/write.h"
#include "common/beside.h"
#include "common/fail.h"

/* Its own, or what follows the model's name. */
static bool layer_of(const struct ckpt_output *output, char layer[CKPT_MAX_NAME + 1])
{
    const char *slash = strchr(output->name, '/');
    const char *begin = slash ? slash + 1 : "";
    if (output->layer)
        begin = output->layer;
    const size_t n = strcspn(begin, "/");
    if (!n || n > CKPT_MAX_NAME)
        return false;
    memcpy(layer, begin, n);
    layer[n] = '\0';
    return true;
}

static pln_status send_tensor(struct hdf5_process *p, const struct ckpt_output *output, bool shard, pln_error *error)
{
    struct hdf5_record record = {.kind = HDF5_TENSOR,
                                 .dtype = (uint32_t)output->dtype,
                                 .rank = output->weight.rank,
                                 .name_bytes = (uint32_t)strlen(output->name),
                                 .bytes = ckpt_output_bytes(output)};
    char layer[CKPT_MAX_NAME + 1] = "";
    bool fits = true;
    if (!shard && !layer_of(output, layer))
        return pln_fail(error, PLN_INVALID, "tensor '%s' is in no layer", output->name);
    record.type_bytes = (uint32_t)strlen(layer);
    memcpy(record.shape, output->weight.shape, sizeof record.shape);
    const bool sent =
        hdf5_process_write(p, &record, sizeof record) && hdf5_process_write(p, output->name, record.name_bytes) &&
        hdf5_process_write(p, layer, record.type_bytes) && ckpt_output_each(output, hdf5_process_write, p, &fits);
    if (sent && !fits)
        return pln_fail(error, PLN_INVALID, "tensor '%.200s' holds a number that is too large for its type there",
                        output->name);
    return sent || errno == EPIPE || errno == ECONNRESET /* the program says why it ended */
               ? PLN_OK
               : pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "tensor '%.200s': %s", output->name,
                          strerror(errno));
}

static pln_status read_answer(struct hdf5_process *p, const char *path, pln_error *error)
{
    struct hdf5_record answer;
    char text[512] = "it ends before it has written";
    bool read = hdf5_process_read(p, &answer, sizeof answer);
    if (read && answer.kind == HDF5_READY)
        read = hdf5_process_read(p, &answer, sizeof answer);
    if (read && answer.kind == HDF5_END)
        return PLN_OK;
    if (read && answer.kind == HDF5_PROBLEM && answer.name_bytes < sizeof text &&
        hdf5_process_read(p, text, answer.name_bytes))
        text[answer.name_bytes] = '\0';
    return pln_fail(error, PLN_FAILED, "%s: " HDF5_PROGRAM ": %s", path, text);
}

static pln_status send_all(struct hdf5_process *p, const char *path, const struct ckpt_output *tensors, uint32_t count,
                           bool shard, pln_error *error)
{
    const struct hdf5_record end = {.kind = HDF5_END};
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < count && status == PLN_OK; i++)
        status = send_tensor(p, &tensors[i], shard, error);
    if (status == PLN_OK)
        hdf5_process_write(p, &end, sizeof end);
    hdf5_process_finish(p);
    return status == PLN_OK ? read_answer(p, path, error) : status;
}

static pln_status sync(const char *path, pln_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync(fd) == 0;
    const int problem = errno;
    if (fd >= 0)
        close(fd);
    return good ? PLN_OK
                : pln_fail(error, pln_status_of_errno(problem, PLN_FAILED), "%s: cannot be written: %s", path,
                           strerror(problem));
}

static pln_status write_hdf5(const char *path, const struct ckpt_output *tensors, uint32_t count, bool shard,
                             pln_error *error)
{
    char program[PATH_MAX];
    struct hdf5_process p;
    for (uint32_t i = 0; i < count; i++)
        if (tensors[i].dtype != PLN_F32 && tensors[i].dtype != PLN_F64 && tensors[i].dtype != PLN_F16)
            return pln_fail(error, PLN_INVALID, "tensor '%.200s': a tf_model.h5 holds no %s", tensors[i].name,
                            pln_dtype_string(tensors[i].dtype));
    if (!beside_find(HDF5_PROGRAM, "checkpoint", program, sizeof program))
        return pln_fail(error, PLN_UNSUPPORTED,
                        "%s: the program " HDF5_PROGRAM
                        ", which writes HDF5 files, is not there: it is built with pleione where libhdf5 is",
                        path);
    if (!hdf5_process_begin_writing(&p, program, path))
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: %s cannot be started: %s", path, program,
                        strerror(errno));
    pln_status status = send_all(&p, path, tensors, count, shard, error);
    hdf5_process_end(&p);
    if (status == PLN_OK)
        status = sync(path, error);
    if (status != PLN_OK)
        unlink(path);
    return status;
}

const struct ckpt_writer ckpt_write_hdf5 = {.stem = "tf_model", .extension = ".h5", .write = write_hdf5};
