/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of both files: their labels first, then lessons of the one that is trained on.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands/finetuning.h"
#include "cli/source.h"

static pln_status fail(pln_error *error, const char *path, const char *sentence)
{
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message, "%.200s: %.280s", path, sentence);
    return PLN_INVALID;
}

static pln_status place(const struct cli_source *source, pln_error *error)
{
    char sentence[sizeof error->message];
    const char *file;
    uint64_t line;
    pln_reader_place(source->reader, &file, &line);
    memcpy(sentence, error->message, sizeof sentence);
    if (error->status == PLN_INVALID)
        snprintf(error->message, sizeof error->message, "%.200s:%llu: %.280s", file, (unsigned long long)line,
                 sentence);
    return error->status;
}

pln_status finetuning_rows(const struct finetuning *f, const char *path, finetuning_take *take, void *context,
                           pln_error *error)
{
    static const struct cli_list none;
    static struct cli_task task; /* 32 KiB of columns */
    struct cli_source source = {0};
    const pln_record *row = NULL;
    uint64_t rows = 0;
    task = f->o->task;
    task.input = path;
    pln_status status = cli_source_open(&source, &task, &none, error);
    source.labelled = true;
    if (status == PLN_OK)
        status = cli_source_use(&source, f->info, &task, error);
    cli_wait_begin(true, "reading %s", path);
    while (status == PLN_OK) {
        status = cli_interrupted() ? PLN_CANCELLED : cli_source_next(&source, &row, error);
        if (status != PLN_OK || !row)
            break;
        status = take(context, row, error);
        if (status != PLN_OK)
            place(&source, error);
        rows++;
    }
    cli_wait_end();
    if (status == PLN_CANCELLED)
        *error = (pln_error){.status = PLN_CANCELLED, .node = -1, .message = "interrupted"};
    cli_source_close(&source);
    return status == PLN_OK && !rows ? fail(error, path, "there is no row in it") : status;
}

/* ---- labels */

static pln_status add_label(void *context, const pln_record *row, pln_error *error)
{
    return pln_label_list_add(context, row, error);
}

static bool has_label(const char *const *labels, uint32_t n, const char *label)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(labels[i], label) == 0)
            return true;
    return false;
}

/* The labels that the model has, or those of --labels, in f->labels; room for n more. */
static bool copy_labels(struct finetuning *f, const char *const *labels, uint32_t n)
{
    size_t bytes = 1;
    for (uint32_t i = 0; i < n; i++)
        bytes += (labels ? strlen(labels[i]) : 20) + 1;
    char *at = f->label_texts = malloc(bytes);
    f->labels = calloc(n + 1ul, sizeof *f->labels);
    for (uint32_t i = 0; f->labels && at && i < n; i++) {
        f->labels[i] = at;
        at += (labels ? sprintf(at, "%s", labels[i]) : sprintf(at, "LABEL_%u", i)) + 1;
    }
    f->n_labels = n;
    return f->labels && f->label_texts;
}

static bool model_names_all(const struct finetuning *f, const char *const *labels, uint32_t n)
{
    const int64_t have = pln_model_number(f->m.model, "num_labels");
    for (uint32_t i = 0; i < n; i++) {
        bool found = false;
        for (uint32_t j = 0; !found && j < have; j++)
            found = strcmp(pln_model_label(f->m.model, j), labels[i]) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* --labels A,B,... */
static pln_status split_labels(struct finetuning *f, pln_error *error)
{
    uint32_t n = 1;
    f->label_texts = malloc(strlen(f->o->labels) + 1);
    for (const char *at = f->o->labels; *at; at++)
        n += *at == ',';
    f->labels = calloc(n + 1ul, sizeof *f->labels);
    if (!f->label_texts || !f->labels)
        return fail(error, "--labels", "no memory");
    strcpy(f->label_texts, f->o->labels);
    f->n_labels = 0;
    for (char *at = f->label_texts; at; f->n_labels++) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        if (!*at || has_label(f->labels, f->n_labels, at))
            return fail(error, "--labels", "a label is empty, or stands there twice");
        f->labels[f->n_labels] = at;
        at = comma ? comma + 1 : NULL;
    }
    return PLN_OK;
}

static pln_status settle_labels(struct finetuning *f, const char *const *found, uint32_t n, pln_error *error)
{
    const uint32_t have = (uint32_t)pln_model_number(f->m.model, "num_labels");
    if (f->o->labels && !found)
        return fail(error, "--labels", "the labels of these rows name no classes");
    if (!n)
        return PLN_OK;
    if (!found) /* their number counts, and names stay if the model has as many */
        return n == have || copy_labels(f, NULL, n) ? PLN_OK : fail(error, f->o->train, "no memory for its labels");
    if (model_names_all(f, found, n)) {
        if (f->o->labels)
            fprintf(stderr,
                    "pleione: --labels is not needed: the model names all labels of the rows, in its own order\n");
        f->n_labels = 0;
        return PLN_OK;
    }
    if (f->o->labels)
        return split_labels(f, error);
    if (n < 2 && f->problem_type && strcmp(f->problem_type, "single_label_classification") == 0)
        return fail(error, f->o->train, "all rows have the same label, of which nothing can be learned");
    return copy_labels(f, found, n) ? PLN_OK : fail(error, f->o->train, "no memory for its labels");
}

struct sought {
    const struct finetuning *f;
    const char *label;
};

/* PLN_INVALID if the label is one of the row's. */
static pln_status refuse_label(void *context, const pln_record *row, pln_error *error)
{
    const struct sought *sought = context;
    pln_label_list *list = NULL;
    const char *const *labels = NULL, *type;
    uint32_t n = 0;
    pln_status status = pln_label_list_create(sought->f->info->name, sought->f->problem_type, &list, error);
    if (status == PLN_OK)
        status = pln_label_list_add(list, row, error);
    const bool told = status == PLN_OK && pln_label_list_result(list, &labels, &n, &type, NULL) == PLN_OK;
    if (told && labels && has_label(labels, n, sought->label)) {
        *error = (pln_error){.status = PLN_INVALID, .node = -1};
        snprintf(error->message, sizeof error->message, "the label \"%.100s\" is none of those that are trained (%s)",
                 sought->label, sought->f->o->labels ? "--labels" : "all in the training file, or the model's");
        status = PLN_INVALID;
    }
    pln_label_list_destroy(&list);
    return status;
}

static pln_status check_labels(const struct finetuning *f, const char *path, const char *const *found, uint32_t n,
                               pln_error *error)
{
    for (uint32_t i = 0; found && i < n; i++) {
        const bool known = f->n_labels ? has_label(f->labels, f->n_labels, found[i]) : model_names_all(f, &found[i], 1);
        if (known)
            continue;
        struct sought sought = {f, found[i]};
        const pln_status status = finetuning_rows(f, path, refuse_label, &sought, error);
        return status == PLN_OK ? fail(error, path, "it changed while it was read") : status;
    }
    return PLN_OK;
}

static pln_status list_labels(const struct finetuning *f, const char *path, const char *type, pln_label_list **list,
                              const char *const **labels, uint32_t *n, const char **problem, pln_error *error)
{
    pln_status status = pln_label_list_create(f->info->name, type, list, error);
    if (status == PLN_OK)
        status = finetuning_rows(f, path, add_label, *list, error);
    return status == PLN_OK ? pln_label_list_result(*list, labels, n, problem, error) : status;
}

pln_status finetuning_labels(struct finetuning *f, pln_error *error)
{
    pln_label_list *train = NULL, *validation = NULL;
    const char *const *labels, *const *others;
    const char *unused;
    uint32_t n, n_others;
    pln_status status = list_labels(f, f->o->train, f->o->problem_type, &train, &labels, &n, &f->problem_type, error);
    if (status == PLN_OK) {
        status = settle_labels(f, labels, n, error);
        if (status == PLN_OK)
            status = check_labels(f, f->o->train, labels, n, error);
        f->named = labels != NULL; /* of a type of problem, if any, that may be asked for */
        if (status == PLN_OK && labels)
            status = list_labels(f, f->o->validation, f->problem_type, &validation, &others, &n_others, &unused, error);
        if (status == PLN_OK && labels)
            status = check_labels(f, f->o->validation, others, n_others, error);
    }
    pln_label_list_destroy(&train);
    pln_label_list_destroy(&validation);
    return status;
}

/* ---- lessons */

static pln_status add_lesson(void *context, const pln_record *row, pln_error *error)
{
    return pln_lessons_add(context, row, error);
}

/* An option of the task: then the lessons need none. */
static bool own_stride(const struct finetuning *f)
{
    for (uint32_t i = 0; i < f->n_options; i++)
        if (strcmp(f->options[i].key, "stride") == 0)
            return true;
    return false;
}

static pln_status make_lessons(const struct finetuning *f, const char *path, pln_lessons **lessons, pln_error *error)
{
    const pln_lessons_options options = {.size = sizeof options,
                                         .max_length = f->o->max_length,
                                         .seed = f->seed,
                                         .in_order = strcmp(f->o->shuffle, "no") == 0,
                                         .stride = f->o->stride != UINT32_MAX && !own_stride(f) ? f->o->stride : 0};
    pln_status status =
        pln_lessons_create(f->m.model, f->info->name, f->options, f->n_options, &options, lessons, error);
    if (status == PLN_OK)
        status = finetuning_rows(f, path, add_lesson, *lessons, error);
    return status == PLN_OK && !pln_lessons_count(*lessons) ? fail(error, path, "nothing can be learned from its rows")
                                                            : status;
}

pln_status finetuning_lessons(struct finetuning *f, pln_error *error)
{
    pln_lessons *look = NULL;
    pln_status status = make_lessons(f, f->o->validation, &look, error);
    pln_lessons_destroy(&look);
    return status == PLN_OK ? make_lessons(f, f->o->train, &f->lessons, error) : status;
}
