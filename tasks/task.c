/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks on sessions: options read, rows answered one window after the other.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/door.h"
#include "tasks/engine.h"

/* ---- setting up */

static uint32_t longest_text(const struct task_setup *setup, uint32_t bound)
{
    const uint32_t most = setup->config->max_position_embeddings, named = pln_tokenizer_max_length(setup->tokenizer);
    const uint32_t longest = named && named < most ? named : most;
    return bound && bound < longest ? bound : longest;
}

static pln_status open_setup(const struct task_kind *kind, struct task_setup *setup, uint32_t longest, pln_error *error)
{
    static const char *const words[] = {"error", "cut", "window"};
    const char *too_long = task_value(setup, "too-long");
    setup->too_long = kind->too_long;
    for (uint32_t i = 0; too_long && i < 3; i++)
        if (strcmp(words[i], too_long) == 0)
            setup->too_long = (enum task_too_long)i;
    pln_status status = pln_model_tokenizer(setup->model, &setup->tokenizer, error);
    if (status != PLN_OK)
        return status;
    setup->config = &setup->model->config;
    setup->longest = longest_text(setup, longest);
    setup->encode.size = sizeof setup->encode;
    setup->encode.max_length = setup->too_long == TASK_REFUSE ? 0 : setup->longest;
    setup->encode.overflow = setup->too_long == TASK_WINDOW;
    setup->encode.no_places = kind->no_places;
    setup->head = kind->info.head;
    setup->outputs[0].kind = ELECTRA_LOGITS;
    setup->n_outputs = 1;
    setup->run = kind->run;
    setup->settings = arena_allocate(&setup->memory, kind->settings_bytes + 1);
    if (!setup->settings)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the task %s", kind->info.name);
    return kind->open ? kind->open(setup, error) : PLN_OK;
}

/* Model and options, behind the door: the table of the task has been asked about them. */
pln_status task_open_setup(const struct task_kind *kind, struct task_setup *setup, uint32_t longest, pln_error *error)
{
    uint64_t asked = 0;
    setup->info = &kind->info;
    setup->asked = &asked;
    const pln_status status = open_setup(kind, setup, longest, error);
    setup->asked = NULL;
    return status == PLN_OK ? task_check_asked(setup, asked, error) : status;
}

static pln_status find_kind(const pln_model *model, pln_head head, const char *name, const struct task_kind **kind,
                            pln_error *error)
{
    char known[300] = "";
    size_t used = 0;
    *kind = name ? task_kind_find(name) : task_kind_choose(model, head, NULL);
    if (*kind)
        return PLN_OK;
    if (!name)
        return pln_fail(error, PLN_INVALID, "no task is for the head %s; name one", pln_head_string(head));
    for (uint32_t i = 0; task_kind_at(i) && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", task_kind_at(i)->info.name);
    return pln_fail(error, PLN_INVALID, "there is no task \"%.100s\"; there are %s", name, known);
}

pln_status task_copy_options(struct task_setup *setup, pln_error *error)
{
    pln_option *copies = arena_allocate(&setup->memory, ((size_t)setup->n_options + 1) * sizeof *copies);
    bool whole = copies != NULL;
    for (uint32_t i = 0; whole && i < setup->n_options; i++) {
        copies[i].key = arena_copy(&setup->memory, setup->options[i].key);
        copies[i].value = arena_copy(&setup->memory, setup->options[i].value);
        whole = copies[i].key && copies[i].value;
    }
    setup->options = copies;
    return whole ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for options");
}

pln_status pln_task_prepare(pln_model *model, const char *task, const pln_option *options, uint32_t n_options,
                            pln_session_options *session, pln_error *error)
{
    const struct task_kind *kind;
    NEED(error, model, session);
    NEED_LIST(error, options, n_options);
    ROOM(error, pln_session_options, session);
    struct task_setup setup = {.model = model, .options = options, .n_options = n_options};
    pln_status status = find_kind(model, model->config.head, task, &kind, error);
    if (status == PLN_OK)
        status = task_check_options(&kind->info, options, n_options, error);
    if (status == PLN_OK)
        status = task_open_setup(kind, &setup, 0, error);
    if (status == PLN_OK) {
        session->head = setup.head;
        session->hidden_states |= setup.hidden_states;
    }
    arena_finish(&setup.memory);
    return status;
}

/* ---- the object */

static pln_status check_session(const pln_task *task, pln_error *error)
{
    const pln_session *s = task->session;
    if (task->setup.head != PLN_HEAD_DEFAULT && s->head_number != task->setup.head)
        return pln_fail(error, PLN_INVALID, "the session has the head %s, the task %s needs %s", s->head->name,
                        task->kind->info.name, pln_head_string(task->setup.head));
    if (task->setup.hidden_states && !s->options.hidden_states && !s->model->config.output_hidden_states)
        return pln_fail(error, PLN_INVALID, "the session gives no hidden states, which the task %s needs",
                        task->kind->info.name);
    return PLN_OK;
}

pln_status pln_task_create(pln_session *session, const char *task, const pln_option *options, uint32_t n_options,
                           pln_task **created, pln_error *error)
{
    const struct task_kind *kind;
    NEED(error, created);
    *created = NULL;
    NEED(error, session);
    NEED_LIST(error, options, n_options);
    pln_status status = find_kind(session->model, session->head_number, task, &kind, error);
    if (status == PLN_OK)
        status = task_check_options(&kind->info, options, n_options, error);
    if (status != PLN_OK)
        return status;
    pln_task *t = calloc(1, sizeof *t);
    if (!t)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a task");
    t->kind = kind;
    t->session = session;
    t->setup = (struct task_setup){
        .model = session->model, .session_head = session->head_number, .options = options, .n_options = n_options};
    status = task_copy_options(&t->setup, error);
    if (status == PLN_OK)
        status = task_open_setup(kind, &t->setup, 0, error);
    if (status == PLN_OK)
        status = check_session(t, error);
    if (status != PLN_OK)
        pln_task_destroy(&t);
    *created = t;
    return status;
}

void pln_task_destroy(pln_task **task)
{
    pln_task *t = task ? *task : NULL;
    if (!t)
        return;
    *task = NULL;
    task_window_finish(&t->window);
    task_results_finish(&t->results);
    if (t->worker)
        t->kind->finish(t->worker);
    pln_encoder_destroy(&t->encoder);
    arena_finish(&t->setup.memory);
    free(t->answers);
    free(t);
}

const pln_task_info *pln_task_describe(const pln_task *task)
{
    return task ? &task->kind->info : NULL;
}

pln_status task_begin(pln_task *task, pln_error *error)
{
    pln_status status = in_use_begin(&task->in_use, "the task", error);
    if (status != PLN_OK)
        return status;
    status = session_begin(task->session, error);
    if (status == PLN_OK)
        session_be_steady(task->session);
    else
        in_use_end(&task->in_use);
    return status;
}

void task_end(pln_task *task)
{
    session_end(task->session);
    in_use_end(&task->in_use);
}

/* ---- pull */

static pln_status collect_answers(pln_task *t, pln_error *error)
{
    const pln_answer *next;
    pln_status status;
    do {
        const uint32_t at = t->window.n_out;
        status = task_window_next(&t->window, &next, error);
        if (next)
            t->answers[at] = next;
    } while (status == PLN_OK && next);
    return status;
}

uint32_t task_encoder_threads(const pln_task *t)
{
    const pln_device_entry *entry = pln_devices_entry(t->session->devices, 0);
    const bool shared = !entry || entry->info.kind == PLN_DEVICE_KIND_CPU;
    return t->bare || shared ? 1 : pln_runtime_threads(t->session->model->runtime);
}

/* Made when it is first needed. */
static pln_status make_encoder(pln_task *t, pln_error *error)
{
    return t->encoder ? PLN_OK : pln_encoder_create(t->setup.tokenizer, task_encoder_threads(t), &t->encoder, error);
}

static pln_status answer_rows(pln_task *t, const pln_record *rows, uint32_t n_rows, pln_error *error)
{
    struct task_window *w = &t->window;
    pln_status status = make_encoder(t, error);
    const pln_answer **answers = array_reserve(t->answers, &t->answers_room, (size_t)n_rows + 1, sizeof *answers);
    if (!answers)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u answers", n_rows);
    t->answers = answers;
    task_window_begin(w, t, 0);
    w->labelled = t->labelled;
    for (uint32_t i = 0; status == PLN_OK && i < n_rows; i++)
        status = task_window_add(w, &rows[i], NULL, false, error);
    if (status == PLN_OK)
        status = task_window_plan(w, t->encoder, 0, error);
    for (uint32_t i = 0; status == PLN_OK && i < w->n_batches; i++) {
        status = task_window_run(w, &w->batches[i], &t->results, error);
        if (status == PLN_OK)
            status = task_window_collect(w, &w->batches[i], error);
    }
    return status == PLN_OK ? collect_answers(t, error) : status;
}

static pln_status check_rows(const pln_record *rows, uint32_t n_rows, pln_error *error)
{
    for (uint32_t i = 0; i < n_rows; i++)
        if (task_record_fault(&rows[i]) != TASK_NO_FAULT)
            return pln_fail(error, PLN_INVALID, "row %u: field %u has no name, or a list that is NULL", i,
                            task_record_fault(&rows[i]));
    return PLN_OK;
}

pln_status pln_task_answer(pln_task *task, const pln_record *rows, uint32_t n_rows, const pln_answer *const **answers,
                           pln_error *error)
{
    NEED(error, task, answers);
    NEED_LIST(error, rows, n_rows);
    pln_status status = check_rows(rows, n_rows, error);
    if (status == PLN_OK)
        status = task_begin(task, error);
    if (status != PLN_OK)
        return status;
    status = answer_rows(task, rows, n_rows, error);
    *answers = status == PLN_OK ? task->answers : NULL;
    task_end(task);
    return status;
}

pln_status task_answer_alone(pln_session *session, const char *name, const pln_option *options, uint32_t n_options,
                             const pln_record *row, pln_task **task, const pln_answer **answer, pln_error *error)
{
    const pln_answer *const *answers;
    pln_status status = pln_task_create(session, name, options, n_options, task, error);
    if (status != PLN_OK)
        return status;
    (*task)->bare = true;
    status = pln_task_answer(*task, row, 1, &answers, error);
    if (status == PLN_OK && answers[0]->status != PLN_OK)
        status = pln_fail(error, answers[0]->status, "%s", answers[0]->message);
    if (status != PLN_OK)
        pln_task_destroy(task);
    else
        *answer = answers[0];
    return status;
}
