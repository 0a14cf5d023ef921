/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the names of a checkpoint, gives each weight once: what was asked for and found, or drawn.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "electra/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/affix.h"
#include "common/fail.h"
#include "common/hash.h"
#include "common/notes.h"

struct electra_weight {
    struct electra_weight *next, *in_chain;
    char *full_name;  /* with the half in front */
    const char *name; /* as it was asked for */
    struct weight tensor;
    float *drawn;                     /* NULL: from the checkpoint, or undrawn */
    const struct electra_name *found; /* NULL: the checkpoint lacks it */
    bool missing;                     /* in the checkpoint */
    size_t mapped;                    /* bytes of the zeros that were mapped for this one */
};

enum { NAME_BYTES = 256 };

pln_status electra_weights_init(struct electra_weights *weights, const struct ckpt *checkpoint,
                                const struct electra_names *names, const struct electra_config *config, uint64_t seed,
                                pln_error *error)
{
    *weights = (struct electra_weights){.checkpoint = checkpoint, .names = names, .config = config, .seed = seed};
    weights->used = calloc(names->count + 1u, sizeof *weights->used);
    return weights->used ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the list of weights");
}

void electra_weights_finish(struct electra_weights *weights)
{
    for (struct electra_weight *w = weights->list, *next; w; w = next) {
        next = w->next;
        free(w->full_name);
        free(w->drawn);
        if (w->mapped)
            munmap((void *)(uintptr_t)w->tensor.lies, w->mapped);
        free(w);
    }
    free(weights->used);
    *weights = (struct electra_weights){0};
}

void electra_file_name(const char *name, bool bare, char *out, size_t bytes)
{
    const bool encoder = begins(name, "embeddings.") || begins(name, "embeddings_project.") || begins(name, "encoder.");
    snprintf(out, bytes, "%s%s", encoder && !bare ? ELECTRA_PREFIX : "", name);
}

static const struct electra_name *find_name(const struct electra_weights *weights, const char *name, bool encoder)
{
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", encoder ? ELECTRA_PREFIX : "", name);
    return electra_names_find(weights->names, full);
}

#define WORD_TABLE "embeddings.word_embeddings.weight"

/* A file may hold a tied matrix under either of its names. */
static const struct electra_name *find_any(const struct electra_weights *weights, const char *name, bool encoder)
{
    const struct electra_name *found = find_name(weights, name, encoder);
    return !found && encoder && weights->config->tie_word_embeddings && strcmp(name, WORD_TABLE) == 0
               ? electra_names_find(weights->names, ELECTRA_OUTPUT_MATRIX)
               : found;
}

uint32_t electra_weights_labels(const struct electra_weights *weights)
{
    static const char *const names[] = {"classifier.out_proj.weight", "classifier.weight",
                                        "task_specific.dense.weight"};
    const bool summary = weights->config->summary_proj_to_labels;
    const struct electra_name *choice = electra_names_find(weights->names, "sequence_summary.summary.weight");
    const struct electra_name *found = summary ? choice : NULL;
    for (size_t i = 0; !found && !choice && i < sizeof names / sizeof *names; i++)
        found = electra_names_find(weights->names, names[i]);
    const struct weight weight = found ? electra_name_weight(found) : (struct weight){0};
    return weight.rank == 2 && weight.shape[0] <= UINT32_MAX ? (uint32_t)weight.shape[0] : 0;
}

/* ---- the output matrix */

enum { ROWS_AT_ONCE = 64 }; /* a matrix that lies transposed is read by several rows */

static pln_status same_values(const struct electra_name *one, const struct electra_name *other, bool *same,
                              pln_error *error)
{
    const struct weight a = electra_name_weight(one), b = electra_name_weight(other);
    const uint64_t rows = weight_rows(&a), width = weight_width(&a);
    *same = false;
    if (a.rank != 2 || b.rank != 2 || weight_rows(&b) != rows || weight_width(&b) != width || !a.dtype || !b.dtype)
        return PLN_OK;
    if (weight_same(&a, &b)) {
        *same = true;
        return PLN_OK;
    }
    if (width > SIZE_MAX / 16 / ROWS_AT_ONCE)
        return PLN_OK;
    float *both = malloc((size_t)width * 2 * ROWS_AT_ONCE * sizeof *both + 1);
    if (!both)
        return pln_fail(error, PLN_NO_MEMORY, "no memory to compare %s with %s", a.name, b.name);
    *same = true;
    for (uint64_t r = 0; *same && r < rows; r += ROWS_AT_ONCE) {
        const uint64_t n = (rows - r < ROWS_AT_ONCE ? rows - r : ROWS_AT_ONCE) * width;
        weight_read(&a, r * width, n, both);
        weight_read(&b, r * width, n, both + n);
        *same = memcmp(both, both + n, (size_t)n * sizeof *both) == 0;
    }
    free(both);
    return PLN_OK;
}

pln_status electra_weights_tied(struct electra_weights *weights, bool *tied, pln_error *error)
{
    const struct electra_name *table = find_name(weights, WORD_TABLE, true);
    const struct electra_name *matrix = electra_names_find(weights->names, ELECTRA_OUTPUT_MATRIX);
    bool same = true;
    pln_status status = PLN_OK;
    if (weights->tie == ELECTRA_TIE_UNKNOWN) {
        if (weights->config->tie_word_embeddings && table && matrix)
            status = same_values(table, matrix, &same, error);
        if (status != PLN_OK)
            return status;
        weights->tie = weights->config->tie_word_embeddings && same ? ELECTRA_TIED : ELECTRA_APART;
        weights->same = weights->tie == ELECTRA_TIED && table ? matrix : NULL;
    }
    *tied = weights->tie == ELECTRA_TIED;
    return PLN_OK;
}

/* ---- drawn at random */

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The stream of a tensor hangs on the seed and its name alone, not on what else is missing. */
static uint64_t stream_of(uint64_t seed, const char *name)
{
    return hash_bytes(hash_begin, name, strlen(name)) ^ seed * 0x9e3779b97f4a7c15u;
}

static void fill_normal(float *out, size_t n, double deviation, uint64_t state)
{
    const double two_pi = 6.28318530717958647692;
    for (size_t i = 0; i < n; i++) { /* Box-Muller */
        const double u = ((double)(draw(&state) >> 11) + 1) * 0x1p-53, v = (double)(draw(&state) >> 11) * 0x1p-53;
        out[i] = (float)(deviation * sqrt(-2 * log(u)) * cos(two_pi * v));
    }
}

/* Undrawn tensors share the zeros of the largest so far: pages that are read at most, and so are none. */
static const float *map_zeros(struct electra_weights *weights, struct electra_weight *w, size_t bytes)
{
    if (bytes > weights->zero_bytes) {
        void *zeros = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (zeros == MAP_FAILED)
            return NULL;
        weights->zeros = zeros;
        weights->zero_bytes = w->mapped = bytes;
    }
    return weights->zeros;
}

static bool draw_values(struct electra_weights *weights, const struct electra_request *request, size_t n,
                        struct electra_weight *w)
{
    w->drawn = calloc(n, sizeof *w->drawn);
    if (!w->drawn)
        return false;
    if (request->fill == ELECTRA_NORMAL)
        fill_normal(w->drawn, n, weights->config->initializer_range, stream_of(weights->seed, request->name));
    for (size_t i = 0; request->fill == ELECTRA_ONES && i < n; i++)
        w->drawn[i] = 1;
    return true;
}

static bool draw_tensor(struct electra_weights *weights, const struct electra_request *request,
                        struct electra_weight *w)
{
    const size_t n = (size_t)request->rows * (request->width ? request->width : 1);
    w->missing = true;
    const float *zeros = weights->undrawn ? map_zeros(weights, w, n * sizeof *zeros) : NULL;
    if (weights->undrawn ? !zeros : !draw_values(weights, request, n, w))
        return false;
    w->tensor = weight_of(&(pln_tensor){.name = w->full_name,
                                        .dtype = PLN_F32,
                                        .rank = request->width ? 2 : 1,
                                        .shape = {request->rows, request->width},
                                        .data = weights->undrawn ? zeros : w->drawn},
                          false);
    return true;
}

static void print_shape(char *text, size_t bytes, const struct weight *tensor)
{
    size_t used = (size_t)snprintf(text, bytes, "[");
    for (uint32_t i = 0; i < tensor->rank && used < bytes; i++)
        used +=
            (size_t)snprintf(text + used, bytes - used, i ? ", %llu" : "%llu", (unsigned long long)tensor->shape[i]);
    if (used < bytes)
        snprintf(text + used, bytes - used, "]");
}

static bool fits(const struct electra_request *request, const struct weight *weight)
{
    const bool floats =
        weight->dtype == PLN_F32 || weight->dtype == PLN_F16 || weight->dtype == PLN_BF16 || weight->dtype == PLN_F64;
    return floats && weight->rank == (request->width ? 2 : 1) && weight->shape[0] == request->rows &&
           (!request->width || weight->shape[1] == request->width);
}

/* `found` is the tensor's name, NULL: it was drawn. */
static pln_status check_tensor(const struct electra_weights *weights, const struct electra_request *request,
                               const struct weight *weight, const struct electra_name *found, pln_error *error)
{
    if (fits(request, weight))
        return PLN_OK;
    const struct weight expected = {.rank = request->width ? 2 : 1, .shape = {request->rows, request->width}};
    char want[64], have[128], alias[200] = "";
    print_shape(want, sizeof want, &expected);
    print_shape(have, sizeof have, weight);
    if (found && strcmp(found->name, found->tensor->name) != 0)
        snprintf(alias, sizeof alias, " (%.150s in the file)", found->tensor->name);
    const char *name = found ? found->name : weight->name;
    if (weight->dtype)
        return pln_fail(error, PLN_BAD_MODEL, "tensor %s%s: expected floats %s, found %s %s", name, alias, want,
                        pln_dtype_string(weight->dtype), have);
    if (found)
        ckpt_tensor_type(weights->checkpoint, found->tensor, have, sizeof have);
    return pln_fail(error, PLN_BAD_MODEL, "tensor %s%s: expected floats %s, found %s, which is not read", name, alias,
                    want, have);
}

static pln_status say_lacking(const struct electra_weights *weights, const struct electra_request *request,
                              pln_error *error)
{
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", request->encoder ? ELECTRA_PREFIX : "", request->name);
    if (ckpt_promises(weights->checkpoint, full))
        return pln_fail(error, PLN_BAD_MODEL, "%s: names the tensor %s, and none of its shards holds it",
                        ckpt_weights(weights->checkpoint), full);
    return request->encoder && ckpt_has_weights(weights->checkpoint)
               ? pln_fail(error, PLN_BAD_MODEL, "the weights lack the tensor %s", full)
               : PLN_OK;
}

static pln_status take_tensor(struct electra_weights *weights, const struct electra_request *request,
                              struct electra_weight *w, pln_error *error)
{
    const struct electra_name *found = find_any(weights, request->name, request->encoder);
    if (found && weights->new_heads && !request->encoder) {
        const struct weight old = electra_name_weight(found);
        if (!fits(request, &old)) {
            weights->used[found - weights->names->list] = true; /* another head's is not one that nobody asked for */
            found = NULL;
        }
    }
    if (found) {
        weights->used[found - weights->names->list] = true;
        w->tensor = electra_name_weight(found);
        w->tensor.name = w->full_name; /* whatever the file calls it */
        w->found = found;
        const pln_status status = check_tensor(weights, request, &w->tensor, found, error);
        return status == PLN_OK && !weights->undrawn ? ckpt_verify(weights->checkpoint, found->tensor, error) : status;
    }
    const pln_status status = say_lacking(weights, request, error);
    if (status != PLN_OK)
        return status;
    return draw_tensor(weights, request, w)
               ? PLN_OK
               : pln_fail(error, PLN_NO_MEMORY, "no memory for the tensor %s", request->name);
}

static bool name_weight(const struct electra_weights *weights, const char *name, struct electra_weight *w)
{
    const size_t half = weights->half ? strlen(weights->half) : 0, bytes = half + strlen(name) + 1;
    w->full_name = malloc(bytes);
    if (!w->full_name)
        return false;
    snprintf(w->full_name, bytes, "%s%s", half ? weights->half : "", name);
    w->name = w->full_name + half;
    return true;
}

pln_status electra_weight_find(struct electra_weights *weights, const struct electra_request *request,
                               const struct weight **tensor, pln_error *error)
{
    struct electra_weight **chain = &weights->chains[stream_of(0, request->name) % ELECTRA_CHAINS];
    for (struct electra_weight *w = *chain; w; w = w->in_chain) {
        /* Heads share names ("classifier.weight") but not shapes: what is drawn is drawn for each. */
        if (strcmp(w->name, request->name) != 0 || (w->missing && !fits(request, &w->tensor)))
            continue;
        *tensor = &w->tensor;
        return check_tensor(weights, request, &w->tensor, w->found, error);
    }
    struct electra_weight *w = calloc(1, sizeof *w);
    if (!w || !name_weight(weights, request->name, w)) {
        free(w);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the tensor %s", request->name);
    }
    const pln_status status = take_tensor(weights, request, w, error);
    if (status != PLN_OK) {
        free(w->full_name);
        free(w->drawn);
        free(w);
        return status;
    }
    w->next = weights->list;
    weights->list = w;
    w->in_chain = *chain;
    *chain = w;
    *tensor = &w->tensor;
    return PLN_OK;
}

const struct weight *electra_weights_found(const struct electra_weights *weights, uint32_t index)
{
    uint32_t count = 0;
    for (const struct electra_weight *w = weights->list; w; w = w->next)
        count += !w->missing;
    for (const struct electra_weight *w = weights->list; w; w = w->next) /* the last that was asked for is the first */
        if (!w->missing && --count == index)
            return &w->tensor;
    return NULL;
}

/* ---- reports */

char *electra_weights_missing(const struct electra_weights *weights)
{
    char *text = NULL;
    for (const struct electra_weight *w = weights->list; w; w = w->next)
        if (w->missing && !notes_add(&text, ", ", w->name))
            break;
    return text;
}

/* Of a layer that is there, and of no other. */
static bool is_of_source(const struct electra_weights *weights, const char *name)
{
    unsigned layer;
    int used = 0;
    const char *own = begins(name, ELECTRA_PREFIX) ? name + strlen(ELECTRA_PREFIX) : name;
    return sscanf(own, "encoder.layer.%u.crossattention.%n", &layer, &used) == 1 && used &&
           layer < weights->config->num_hidden_layers;
}

char *electra_weights_unexpected(const struct electra_weights *weights, bool takes_source)
{
    char *text = NULL;
    const bool source = weights->config->add_cross_attention && takes_source;
    for (uint32_t i = 0; i < weights->names->found; i++) {
        const struct electra_name *name = &weights->names->list[i];
        if (weights->used[i] || name == weights->same || (source && is_of_source(weights, name->name)))
            continue;
        if (!notes_add(&text, ", ", name->tensor->name))
            break;
    }
    return text;
}
