/* SPDX-License-Identifier: Apache-2.0
 *
 * From a case to a segment on a device: places in memory, constants, plan; the image that is written before and read
 * after each run.
 */
#include "conformance/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "conformance/violation.h"

enum { GUARD_WORDS = 64, NAME_BYTES = 16 };

bool conf_in_memory(const struct conf_value *v)
{
    return v->kind != PLN_VALUE_CONSTANT && v->base == PLN_ABSENT;
}

/* Offsets are in words of 4 bytes on the host; a device with 8-byte floats has twice as many bytes. */
static void place_values(struct conf_instance *in, const struct conf_case *c)
{
    const uint32_t alignment = in->target->info.alignment / 4 ? in->target->info.alignment / 4 : 1;
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->n_values; i++) {
        if (!conf_in_memory(&c->values[i]))
            continue;
        at += GUARD_WORDS;
        at = (at + alignment - 1) / alignment * alignment;
        in->places[i] = at;
        at += pln_dim_rows(c->values[i].rows, c->capacity) * c->values[i].stride;
    }
    in->words = at + GUARD_WORDS;
}

/* What constant_create is lent: gone when it returns. */
struct lent_constant {
    pln_constant_info info;
    unsigned char grown[CONF_GROWN];
    struct {
        pln_constant_use use;
        unsigned char grown[CONF_GROWN];
    } uses[CONF_OPERANDS];
    char name[NAME_BYTES];
};

static pln_status create_constant(struct conf_instance *in, const struct conf_case *c, uint32_t i, pln_failure *error)
{
    const struct conf_value *v = &c->values[i];
    struct lent_constant *lent = malloc(sizeof *lent);
    uint32_t n = 0;
    if (!lent)
        return PLN_NO_MEMORY;
    memset(lent, CONF_GROWN_BYTE, sizeof *lent);
    for (uint32_t j = 0; j < c->n_nodes; j++)
        for (uint32_t k = 0; k < c->nodes[j].n_inputs; k++)
            if (c->nodes[j].inputs[k] == (int32_t)i && n < CONF_OPERANDS)
                lent->uses[n++].use = (pln_constant_use){.size = sizeof *lent->uses, .op = c->nodes[j].op, .input = k};
    snprintf(lent->name, sizeof lent->name, "weight %u", i);
    in->sources[i] = (struct conf_source){v->data, true};
    lent->info = (pln_constant_info){.size = sizeof lent->info + sizeof lent->grown,
                                     .rows = v->rows.offset,
                                     .width = v->width,
                                     .n_uses = n,
                                     .use_stride = sizeof *lent->uses,
                                     .uses = &lent->uses->use,
                                     .plain = v->plain ? v->data : NULL,
                                     .source = &in->sources[i],
                                     .name = lent->name};
    const struct lent_constant before = *lent;
    const pln_status status =
        in->target->backend->constant_create(in->target->device, &lent->info, &in->constants[i], error);
    if (memcmp(&before, lent, sizeof before) != 0)
        conf_violate("constant_create wrote into what it was lent");
    in->sources[i].open = false;
    memset(lent, CONF_GROWN_BYTE, sizeof *lent);
    free(lent);
    return status;
}

static pln_status create_constants(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < c->n_values; i++)
        if (c->values[i].kind == PLN_VALUE_CONSTANT)
            status = create_constant(in, c, i, error);
    return status;
}

/* Whether the entry that was lent the segment left it as it was. */
static void check_lent(const struct conf_instance *in, const void *before, const char *entry)
{
    if (before && memcmp(before, in->lent, in->lent_bytes) != 0)
        conf_violate("%s wrote into the segment, which is only lent", entry);
}

static void *copy_of_lent(const struct conf_instance *in)
{
    void *before = malloc(in->lent_bytes);
    if (before)
        memcpy(before, in->lent, in->lent_bytes);
    return before;
}

/* Making a plan and its end write nothing into the memory of values: states of other plans lie there. What the host sees
 * of it, that is. */
static void mark_image(const struct conf_instance *in)
{
    for (uint32_t i = 0; in->image && i < in->words; i++)
        in->image[i] = CONF_PATTERN;
}

static void check_image(const struct conf_instance *in, const char *entry)
{
    uint32_t i = 0;
    while (in->image && i < in->words && in->image[i] == CONF_PATTERN)
        i++;
    if (in->image && i < in->words)
        conf_violate("%s wrote into the memory of values", entry);
}

void conf_instance_close(struct conf_instance *in)
{
    const pln_backend *b = in->target->backend;
    if (in->plan) {
        mark_image(in);
        b->plan_destroy(&in->plan);
        check_image(in, "plan_destroy");
    }
    for (uint32_t i = 0; i < CONF_VALUES; i++)
        if (in->constants[i])
            b->constant_destroy(in->target->device, &in->constants[i]);
    if (in->buffer)
        b->buffer_destroy(in->target->device, &in->buffer);
    free(in->image);
    free(in->after);
    free(in->dims[0]);
    free(in->dims[1]);
    if (in->lent)
        munmap(in->lent, in->lent_bytes);
    *in = (struct conf_instance){.target = in->target, .flags = in->flags};
}

enum conf_verdict conf_instance_view(struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    pln_failure error = {.size = sizeof error};
    pln_verdict verdicts[CONF_NODES] = {{0}};
    place_values(in, c);
    if (!conf_lend(in, c, false)) {
        snprintf(why, bytes, "no memory for a segment");
        return CONF_FAILED;
    }
    for (uint32_t i = 0; i < CONF_NODES; i++)
        verdicts[i].size = sizeof *verdicts;
    void *before = copy_of_lent(in);
    const pln_status status =
        in->target->backend->supports(in->target->device, in->segment, verdicts, sizeof *verdicts, &error);
    check_lent(in, before, "supports");
    free(before);
    if (status != PLN_OK) {
        snprintf(why, bytes, "%s", error.message);
        return CONF_FAILED;
    }
    for (uint32_t i = 0; i < c->n_nodes; i++)
        if (!verdicts[i].supported) {
            snprintf(why, bytes, "refused: %s", verdicts[i].reason);
            return CONF_REFUSED;
        }
    return CONF_PASSED;
}

pln_status conf_instance_allocate(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
{
    const pln_backend *b = in->target->backend;
    void *image = NULL;
    if (posix_memalign(&image, 4096, (in->words + 16) * sizeof(uint32_t)) != 0)
        image = NULL;
    in->image = image;
    in->after = malloc(in->words * sizeof *in->after);
    pln_status status = in->image && in->after ? PLN_OK : PLN_NO_MEMORY;
    if (status == PLN_OK && !(in->target->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY))
        status = b->buffer_create(in->target->device, (uint64_t)in->words * (in->target->info.f32_bytes > 4 ? 8 : 4),
                                  &in->buffer, error);
    return status == PLN_OK ? create_constants(in, c, error) : status;
}

pln_status conf_instance_plan(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
{
    if (!conf_lend(in, c, true))
        return PLN_NO_MEMORY;
    void *before = copy_of_lent(in);
    mark_image(in);
    const pln_status status = in->target->backend->plan_create(in->target->device, in->segment, &in->plan, error);
    check_image(in, "plan_create");
    check_lent(in, before, "plan_create");
    free(before);
    mprotect(in->lent, in->lent_bytes, PROT_NONE); /* who still reads it ends here */
    return status;
}

pln_status conf_instance_info(struct conf_instance *in, pln_plan_info *info, pln_failure *error)
{
    mprotect(in->lent, in->lent_bytes, PROT_READ);
    const pln_status status = in->target->backend->plan_info(in->target->device, in->segment, in->plan, info, error);
    mprotect(in->lent, in->lent_bytes, PROT_NONE);
    return status;
}

/* Room for one launch, though there may be more, in elements that are longer than ours. */
static pln_status ask_with_room(struct conf_instance *in, pln_plan_info *info, pln_failure *error)
{
    enum { BYTE = 0x3d };
    struct {
        pln_launch_info kernel;
        unsigned char behind[CONF_GROWN + sizeof(pln_launch_info)];
    } room;
    memset(&room, BYTE, sizeof room);
    room.kernel = (pln_launch_info){.size = sizeof room.kernel};
    info->n_kernels = 1;
    info->kernel_stride = sizeof room.kernel + CONF_GROWN;
    info->kernels = &room.kernel;
    const pln_status status = conf_instance_info(in, info, error);
    for (size_t i = 0; i < sizeof room.behind; i++)
        if (room.behind[i] != BYTE) {
            conf_violate("plan_info wrote more launches than there was room for, or more of one than was given");
            break;
        }
    if (status == PLN_OK && info->n_kernels && !memchr(room.kernel.name, '\0', sizeof room.kernel.name))
        conf_violate("the name of a launch in plan_info has no end");
    info->kernels = NULL;
    return status;
}

enum conf_verdict conf_instance_open(struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    const pln_backend *b = in->target->backend;
    pln_failure error = {.size = sizeof error};
    pln_plan_info dry = {.size = sizeof dry}, made = dry, bare = dry;
    const enum conf_verdict verdict = conf_instance_view(in, c, why, bytes);
    if (verdict != CONF_PASSED)
        return verdict;
    pln_status status = PLN_OK;
    if (b->plan_info)
        status = b->plan_info(in->target->device, in->segment, NULL, &dry, &error);
    if (status == PLN_OK)
        status = conf_instance_allocate(in, c, &error);
    if (status == PLN_OK)
        status = conf_instance_plan(in, c, &error);
    if (status == PLN_OK && b->plan_info)
        status = ask_with_room(in, &made, &error);
    if (status == PLN_OK && b->plan_info)
        status = b->plan_info(in->target->device, NULL, in->plan, &bare, &error);
    if (status == PLN_OK && dry.scratch_bytes == made.scratch_bytes && dry.constant_bytes == made.constant_bytes)
        return CONF_PASSED;
    if (status == PLN_OK)
        snprintf(error.message, sizeof error.message,
                 "%llu bytes of scratch and %llu of constants were foretold, the plan took %llu and %llu",
                 (unsigned long long)dry.scratch_bytes, (unsigned long long)dry.constant_bytes,
                 (unsigned long long)made.scratch_bytes, (unsigned long long)made.constant_bytes);
    snprintf(why, bytes, "%s", error.message);
    return CONF_FAILED;
}

/* Whether a node reads column k of a value, itself or through a window; the parts of a flat state know no columns. */
static bool is_read(const struct conf_case *c, int32_t value, uint32_t k)
{
    for (uint32_t i = 0; i < c->n_nodes; i++)
        for (uint32_t j = 0; j < c->nodes[i].n_inputs; j++) {
            const int32_t at = c->nodes[i].inputs[j];
            const struct conf_value *v = at == PLN_ABSENT ? NULL : &c->values[at];
            if (v && (at == value || (v->base == value && (v->part || (k >= v->first && k - v->first < v->width)))))
                return true;
        }
    return false;
}

/* Everything is the pattern, inputs and states are the poison but for the real rows, and there beside a window too. */
void conf_fill_image(const struct conf_instance *in, const struct conf_case *c, uint32_t *image)
{
    for (uint32_t i = 0; i < in->words; i++)
        image[i] = CONF_PATTERN;
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        if (!conf_in_memory(v) || !v->data)
            continue;
        for (uint32_t j = 0; j < pln_dim_rows(v->rows, c->capacity) * v->stride; j++)
            image[in->places[i] + j] = CONF_POISON;
        for (uint32_t k = 0; k < v->width; k++)
            for (uint32_t r = 0; is_read(c, (int32_t)i, k) && r < conf_count(c, v->rows); r++)
                image[in->places[i] + (size_t)r * v->stride + k] =
                    ((const uint32_t *)v->data)[(size_t)r * v->width + k];
    }
}

/* Moves the image to the device or from it; value by value where elements are wider there. */
static pln_status move_image(struct conf_instance *in, const struct conf_case *c, bool write, pln_failure *error)
{
    const struct conf_target *t = in->target;
    if (t->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY) {
        if (!write)
            memcpy(in->after, in->image, in->words * 4);
        return PLN_OK;
    }
    if (t->info.f32_bytes == 4)
        return write ? t->backend->buffer_write(t->device, in->buffer, 0, PLN_I32, in->words, in->image, error)
                     : t->backend->buffer_read(t->device, in->buffer, 0, PLN_F32, in->words, in->after, error);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        if (!conf_in_memory(v))
            continue;
        const uint64_t offset = (uint64_t)in->places[i] * 8,
                       n = (uint64_t)pln_dim_rows(v->rows, c->capacity) * v->stride;
        status = write ? t->backend->buffer_write(t->device, in->buffer, offset, (pln_dtype)v->dtype, n,
                                                  in->image + in->places[i], error)
                       : t->backend->buffer_read(t->device, in->buffer, offset, (pln_dtype)v->dtype, n,
                                                 in->after + in->places[i], error);
    }
    return status;
}

/* Numbers of a run in memory of its own, which the next run spoils. */
static const uint32_t *lend_dims(struct conf_instance *in, const struct conf_case *c, uint32_t n)
{
    uint32_t *last = in->dims[1], *now = calloc(CONF_SYMBOLS, sizeof *now);
    in->dims[1] = in->dims[0];
    in->dims[0] = now;
    free(last);
    if (in->dims[1])
        memset(in->dims[1], 0xff, CONF_SYMBOLS * sizeof *now);
    if (now)
        memcpy(now, c->numbers, n * sizeof *now);
    return now;
}

pln_status conf_instance_again(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
{
    struct {
        pln_run run;
        unsigned char grown[CONF_GROWN];
    } lent;
    memset(&lent, CONF_GROWN_BYTE, sizeof lent);
    const uint32_t n = c->n_symbols ? c->n_symbols : 1;
    lent.run = (pln_run){.size = sizeof lent, .n_dims = n, .dims = lend_dims(in, c, n)};
    if (!lent.run.dims)
        return PLN_NO_MEMORY;
    const pln_status status = in->target->backend->plan_run(in->plan, &lent.run, error);
    if (lent.run.dims != in->dims[0] || lent.run.n_dims != n ||
        memcmp(in->dims[0], c->numbers, n * sizeof *in->dims[0]))
        conf_violate("plan_run wrote into the numbers of the run, which are only lent");
    return status;
}

pln_status conf_instance_run(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
{
    conf_fill_image(in, c, in->image);
    pln_status status = move_image(in, c, true, error);
    if (status == PLN_OK)
        status = conf_instance_again(in, c, error);
    return status == PLN_OK ? move_image(in, c, false, error) : status;
}
