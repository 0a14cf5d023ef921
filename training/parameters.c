/* SPDX-License-Identifier: Apache-2.0
 *
 * Between flat states on the devices and tensors by name: the weights go in, images of states come out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/tensors.h"
#include "common/fail.h"
#include "scheduler/scheduler.h"
#include "training/trainer.h"

enum { NAME_BYTES = 256 };

static void name_tensor(const pln_trainer *trainer, const char *parameter, char *out)
{
    trainer->subject->kind->name_tensor(trainer->subject, parameter, out, NAME_BYTES);
}

pln_status training_parameters_init(pln_trainer *trainer, pln_error *error)
{
    const pln_graph *graph = trainer->subject->kind->graph(trainer->subject);
    trainer->table = pln_graph_parameter_at(graph, 0); /* as the graph keeps it, inside the library */
    trainer->n_tensors = pln_graph_parameter_count(graph);
    trainer->rows = pln_graph_parameter_rows(graph);
    trainer->tensors = calloc(trainer->n_tensors, sizeof *trainer->tensors);
    trainer->names = calloc(trainer->n_tensors, sizeof *trainer->names);
    return trainer->tensors && trainer->names
               ? PLN_OK
               : pln_fail(error, PLN_NO_MEMORY, "no memory for a table of %u tensors", trainer->n_tensors);
}

/* Room for an image. */
static pln_status make_image(pln_trainer *trainer, pln_error *error)
{
    const size_t elements = (size_t)trainer->rows * PLN_PARAMETER_WIDTH;
    if (!trainer->flat)
        trainer->flat = calloc(elements, sizeof *trainer->flat);
    if (!trainer->dense)
        trainer->dense = malloc(elements * sizeof *trainer->dense);
    return trainer->flat && trainer->dense
               ? PLN_OK
               : pln_fail(error, PLN_NO_MEMORY, "no memory for an image of %zu parameters", elements);
}

void training_image_release(pln_trainer *trainer)
{
    free(trainer->flat);
    trainer->flat = NULL;
}

void training_parameters_finish(pln_trainer *trainer)
{
    training_image_release(trainer);
    free(trainer->dense);
    free(trainer->tensors);
    free(trainer->names);
}

static pln_schedule *schedule(const pln_trainer *trainer)
{
    return trainer->update.schedule;
}

static void name_tensors(pln_trainer *trainer, const float *flat);

/* A number that is not finite would never leave again. */
static pln_status refuse_image(pln_trainer *trainer, const char *state, const char *path, pln_error *error)
{
    pln_error found = {.message = ""};
    name_tensors(trainer, trainer->flat);
    return training_image_check(trainer, state, &found) == PLN_FAILED
               ? pln_fail(error, PLN_BAD_MODEL, "%.200s: %.280s", path, found.message)
               : pln_fail(error, PLN_BAD_MODEL, "%s: a %s is negative", path, state);
}

/* The image, from files at `path`, becomes the state, and is given up: it is as large as the model. */
static pln_status write_image(pln_trainer *trainer, const char *state, const char *path, pln_error *error)
{
    const pln_status status = training_bound_note(trainer, state, trainer->flat)
                                  ? pln_schedule_state_write(schedule(trainer), state, trainer->flat, error)
                                  : refuse_image(trainer, state, path, error);
    training_image_release(trainer);
    return status;
}

pln_status training_parameters_begin(pln_trainer *trainer, pln_error *error)
{
    if (trainer->ready)
        return PLN_OK;
    const uint32_t no_dims[] = {0};
    pln_status status = pln_schedule_prepare(schedule(trainer), no_dims, 1, error); /* its plan makes the states */
    if (status == PLN_OK)
        status = make_image(trainer, error);
    if (status != PLN_OK)
        return status;
    pln_graph_parameter_values(trainer->subject->kind->graph(trainer->subject), trainer->flat);
    status = write_image(trainer, GRAPH_PARAMETERS, trainer->subject->kind->origin(trainer->subject), error);
    trainer->subject->kind->taken(trainer->subject);
    trainer->ready = status == PLN_OK;
    return status;
}

/* The tensor in a flat state, or a copy of it where its rows have padding there. */
static const float *dense_rows(const pln_trainer *trainer, const float *flat, const pln_parameter *p)
{
    if (p->row_stride == p->width || p->rows == 1)
        return flat + p->first;
    float *to = trainer->dense + p->first;
    for (uint32_t r = 0; r < p->rows; r++)
        memcpy(to + (size_t)r * p->width, flat + p->first + (size_t)r * p->row_stride, p->width * sizeof *to);
    return to;
}

static void name_tensors(pln_trainer *trainer, const float *flat)
{
    for (uint32_t i = 0; i < trainer->n_tensors; i++) {
        const pln_parameter *p = &trainer->table[i];
        name_tensor(trainer, p->name, trainer->names[i]);
        trainer->tensors[i] = (pln_tensor){.name = trainer->names[i],
                                           .dtype = PLN_F32,
                                           .rank = p->tensor->rank,
                                           .shape = {p->tensor->rank == 1 ? p->width : p->rows, p->width},
                                           .data = dense_rows(trainer, flat, p)};
    }
}

pln_status training_image_read(pln_trainer *trainer, const char *state, pln_error *error)
{
    const float *view = sched_state_view(schedule(trainer), state);
    pln_status status = view ? PLN_OK : make_image(trainer, error);
    if (!view && status == PLN_OK)
        status = pln_schedule_state_read(schedule(trainer), state, trainer->flat, error);
    if (status == PLN_OK)
        name_tensors(trainer, view ? view : trainer->flat);
    return status;
}

pln_status training_image_check(const pln_trainer *trainer, const char *what, pln_error *error)
{
    for (uint32_t i = 0; i < trainer->n_tensors; i++) {
        const pln_tensor *t = &trainer->tensors[i];
        const uint64_t n = pln_tensor_elements(t);
        const float *data = t->data;
        for (uint64_t j = 0; j < n; j++)
            if (!isfinite(data[j]))
                return pln_fail(error, PLN_FAILED, "%s (%s) holds %g", t->name, what, (double)fabsf(data[j]));
    }
    return PLN_OK;
}

static pln_status take_tensor(pln_trainer *trainer, const pln_parameter *p, const char *name,
                              const pln_tensor_file *file, const char *path, pln_error *error)
{
    const pln_tensor *t = ckpt_tensors_find(file, name);
    if (!t)
        return pln_fail(error, PLN_BAD_MODEL, "%s: lacks the tensor %s", path, name);
    if (t->dtype != PLN_F32 || t->rank != p->tensor->rank || ckpt_rows(t) != p->rows || ckpt_width(t) != p->width)
        return pln_fail(error, PLN_BAD_MODEL, "%s: tensor %s: expected f32 of %u x %u, found %s of %llu x %llu", path,
                        name, p->rows, p->width, pln_dtype_string(t->dtype), (unsigned long long)ckpt_rows(t),
                        (unsigned long long)ckpt_width(t));
    for (uint32_t r = 0; r < p->rows; r++)
        ckpt_read_rows(t, r, 1, trainer->flat + p->first + (size_t)r * p->row_stride);
    return PLN_OK;
}

pln_status training_image_write(pln_trainer *trainer, const char *state, const pln_tensor_file *file, const char *path,
                                pln_error *error)
{
    training_image_release(trainer); /* a new one is zero between the tensors */
    pln_status status = make_image(trainer, error);
    for (uint32_t i = 0; status == PLN_OK && i < trainer->n_tensors; i++) {
        char name[NAME_BYTES];
        name_tensor(trainer, trainer->table[i].name, name);
        status = take_tensor(trainer, &trainer->table[i], name, file, path, error);
    }
    if (status == PLN_OK)
        return write_image(trainer, state, path, error);
    training_image_release(trainer);
    return status;
}

pln_status training_state_clear(pln_trainer *trainer, const char *state, pln_error *error)
{
    training_image_release(trainer);
    const pln_status status = make_image(trainer, error);
    return status == PLN_OK ? write_image(trainer, state, "", error) : status;
}
