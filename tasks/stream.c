/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows from a callback to a callback. Four stages, each on a thread of its own: rows are read and asked; windows of them
 * tokenized and packed; batches run, on the caller's thread; and answered. A few windows go round, so memory is constant.
 */
#include <pthread.h>
#include <time.h>

#include "common/clock.h"
#include "common/door.h"
#include "tasks/engine.h"

enum { WINDOWS = 4, RESULTS = 3, USUAL_WINDOW = 1024, WINDOW_BYTES = 4 << 20 };

/* Windows and batches are counted from the beginning; window w lies in slot w % WINDOWS, results of batch b in b %
 * RESULTS. What a stage counts is done, and the next one may take it. */
struct stream {
    pln_task *task;
    pln_task_stream options;
    struct task_window windows[WINDOWS];
    struct task_results results[RESULTS];
    pln_encoder *encoder;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    uint64_t asked, planned, passed, answered; /* windows; passed: the device is done with it */
    uint64_t run, collected;                   /* batches */
    uint64_t n_windows;                        /* UINT64_MAX until the last one is asked */
    uint32_t pending;                          /* rows of window `asked`, which is being filled */
    bool filling;                              /* one is on its way into it */
    bool idle;                                 /* the device waits */
    bool stopped;                              /* a stage failed: `error` says how */
    pln_error error;
    pln_error ending; /* what `next` ended with, when all before it is answered; status PLN_OK: the end */
    pln_task_report report;
};

/* ---- what the stages tell each other */

static void fail(struct stream *s, const pln_error *error)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stopped) {
        s->stopped = true;
        s->error = *error;
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void count(struct stream *s, uint64_t *counter)
{
    pthread_mutex_lock(&s->lock);
    (*counter)++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Waits until *counter is above n. False: there will be no such window, or somebody failed. */
static bool await(struct stream *s, const uint64_t *counter, uint64_t n, uint64_t window)
{
    pthread_mutex_lock(&s->lock);
    while (!s->stopped && *counter <= n && window < s->n_windows)
        pthread_cond_wait(&s->changed, &s->lock);
    const bool there = !s->stopped && *counter > n;
    pthread_mutex_unlock(&s->lock);
    return there;
}

/* ---- reading */

/* Whether the device waits and nothing is on its way to it: then a window goes before it is full, so that rows that come
 * slowly are answered as they come; those that come fast fill windows. */
static bool is_hungry(const struct stream *s)
{
    return s->idle && s->answered == s->asked;
}

static void close_window(struct stream *s)
{
    s->asked++;
    s->pending = 0;
    pthread_cond_broadcast(&s->changed);
}

/* The window that the next row goes into, when there is one; NULL: somebody failed. */
static struct task_window *take_window(struct stream *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->stopped && s->asked >= s->answered + WINDOWS)
        pthread_cond_wait(&s->changed, &s->lock);
    struct task_window *w = s->stopped ? NULL : &s->windows[s->asked % WINDOWS];
    const bool first = !s->pending;
    s->filling = true;
    pthread_mutex_unlock(&s->lock);
    if (w && first) {
        task_window_begin(w, s->task, s->options.first_row + s->report.rows);
        w->labelled = s->options.labels || s->task->labelled;
    }
    return w;
}

static void give_window(struct stream *s, const struct task_window *w)
{
    const uint32_t most = s->options.window ? s->options.window : USUAL_WINDOW;
    pthread_mutex_lock(&s->lock);
    s->filling = false;
    s->pending = w->n_rows;
    if (w->n_rows >= most || w->bytes >= WINDOW_BYTES || is_hungry(s))
        close_window(s);
    pthread_mutex_unlock(&s->lock);
}

static void end_windows(struct stream *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->pending)
        close_window(s);
    s->n_windows = s->asked;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* One row into a window. False: the end, or somebody failed. */
static bool read_row(struct stream *s)
{
    const pln_record *row = NULL;
    pln_error error, problem = {.status = PLN_OK, .node = -1};
    pln_status status = s->options.next(s->options.context, &row, &problem);
    if (status == PLN_OK && row && task_record_fault(row) != TASK_NO_FAULT)
        status = pln_fail(&problem, PLN_INVALID, "field %u of the row has no name, or a list that is NULL",
                          task_record_fault(row));
    problem.status = status;
    if (status != PLN_INVALID && (status != PLN_OK || !row)) {
        s->ending = problem;
        return false;
    }
    struct task_window *w = take_window(s);
    if (!w)
        return false;
    s->report.rows++;
    if (task_window_add(w, status == PLN_OK ? row : NULL, &problem, true, &error) != PLN_OK) {
        fail(s, &error);
        return false;
    }
    give_window(s, w);
    return true;
}

static void *read_rows(void *context)
{
    struct stream *s = context;
    while (read_row(s))
        ;
    end_windows(s);
    return NULL;
}

/* ---- tokenizing */

/* As await for `asked`, and closes the window if the device waits while the next row does not come. */
static bool await_rows(struct stream *s, uint64_t window)
{
    pthread_mutex_lock(&s->lock);
    while (!s->stopped && s->asked <= window && window < s->n_windows) {
        if (s->pending && !s->filling && is_hungry(s))
            close_window(s);
        else
            pthread_cond_wait(&s->changed, &s->lock);
    }
    const bool there = !s->stopped && s->asked > window;
    pthread_mutex_unlock(&s->lock);
    return there;
}

static void *plan_windows(void *context)
{
    struct stream *s = context;
    for (uint64_t window = 0; await_rows(s, window); window++) {
        pln_error error;
        struct task_window *w = &s->windows[window % WINDOWS];
        if (task_window_plan(w, s->encoder, s->options.batch_tokens, &error) != PLN_OK) {
            fail(s, &error);
            return NULL;
        }
        count(s, &s->planned);
    }
    return NULL;
}

/* ---- the device */

/* As await, and counts the seconds. */
static bool await_work(struct stream *s, const uint64_t *counter, uint64_t n, uint64_t window)
{
    const double begin = clock_seconds();
    pthread_mutex_lock(&s->lock);
    s->idle = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    const bool there = await(s, counter, n, window);
    pthread_mutex_lock(&s->lock);
    s->idle = false;
    pthread_mutex_unlock(&s->lock);
    s->report.waited += clock_seconds() - begin;
    return there;
}

static void tell_progress(const struct stream *s, const struct task_window *w, uint64_t tokens)
{
    const double rows = (double)(w->first_row - s->options.first_row);
    if (s->options.progress && w->n_tokens)
        s->options.progress(s->options.context, rows + w->n_rows * ((double)tokens / (double)w->n_tokens));
}

static bool run_window(struct stream *s, struct task_window *w, uint64_t *batch)
{
    uint64_t tokens = 0;
    for (uint32_t i = 0; i < w->n_batches; i++, ++*batch) {
        pln_error error;
        if (*batch >= RESULTS && !await_work(s, &s->collected, *batch - RESULTS, 0))
            return false;
        if (task_window_run(w, &w->batches[i], &s->results[*batch % RESULTS], &error) != PLN_OK) {
            fail(s, &error);
            return false;
        }
        for (uint32_t j = w->batches[i].begin; j < w->batches[i].end; j++)
            tokens += w->order[j]->tokens.n;
        count(s, &s->run);
        tell_progress(s, w, tokens);
    }
    return true;
}

static void run_batches(struct stream *s)
{
    uint64_t batch = 0;
    for (uint64_t window = 0; await_work(s, &s->planned, window, window); window++) {
        struct task_window *w = &s->windows[window % WINDOWS];
        s->report.sequences += w->n_sequences;
        s->report.tokens += w->n_tokens;
        if (!run_window(s, w, &batch))
            break;
        count(s, &s->passed);
    }
    s->report.batches = (uint32_t)batch;
}

/* ---- answering */

static pln_status give_answers(struct stream *s, struct task_window *w, pln_error *error)
{
    const pln_answer *next;
    pln_status status;
    while ((status = task_window_next(w, &next, error)) == PLN_OK && next)
        if (!s->options.answer(s->options.context, next))
            return pln_fail(error, PLN_CANCELLED, "the answers were stopped by who takes them");
    return status;
}

/* False: somebody failed. */
static bool answer_window(struct stream *s, struct task_window *w, uint64_t *batch)
{
    pln_error error;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < w->n_batches; i++, ++*batch) {
        if (!await(s, &s->run, *batch, 0))
            return false;
        status = task_window_collect(w, &w->batches[i], &error);
        count(s, &s->collected);
        if (status == PLN_OK)
            status = give_answers(s, w, &error);
        if (status != PLN_OK)
            break;
    }
    if (status == PLN_OK)
        status = give_answers(s, w, &error);
    if (status != PLN_OK)
        fail(s, &error);
    return status == PLN_OK;
}

static void *answer_rows(void *context)
{
    struct stream *s = context;
    uint64_t batch = 0;
    for (uint64_t window = 0; await(s, &s->planned, window, window); window++) {
        /* The device may not even have looked at a window that asks it nothing. */
        if (!answer_window(s, &s->windows[window % WINDOWS], &batch) || !await(s, &s->passed, window, window))
            break;
        count(s, &s->answered);
    }
    return NULL;
}

/* ---- all of it */

static void run_stages(struct stream *s)
{
    void *(*const stages[])(void *) = {read_rows, plan_windows, answer_rows};
    enum { N = sizeof stages / sizeof *stages };
    pthread_t threads[N];
    uint32_t n = 0;
    while (n < N && pthread_create(&threads[n], NULL, stages[n], s) == 0)
        n++;
    if (n < N) {
        pln_error error;
        pln_fail(&error, PLN_NO_MEMORY, "cannot start a thread");
        fail(s, &error);
    }
    const double begin = clock_seconds();
    run_batches(s);
    for (uint32_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    s->report.total = clock_seconds() - begin;
}

static pln_status run_stream(struct stream *s, pln_error *error)
{
    pln_status status = pln_encoder_create(s->task->setup.tokenizer, task_encoder_threads(s->task), &s->encoder, error);
    if (status != PLN_OK)
        return status;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->n_windows = UINT64_MAX;
    run_stages(s);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pln_encoder_destroy(&s->encoder);
    for (uint32_t i = 0; i < WINDOWS; i++)
        task_window_finish(&s->windows[i]);
    for (uint32_t i = 0; i < RESULTS; i++)
        task_results_finish(&s->results[i]);
    const pln_error *problem = s->stopped ? &s->error : &s->ending;
    return problem->status == PLN_OK ? PLN_OK : pln_fail(error, problem->status, "%s", problem->message);
}

pln_status pln_task_run(pln_task *task, const pln_task_stream *stream, pln_task_report *report, pln_error *error)
{
    struct stream s = {.task = task, .options.size = sizeof s.options, .report.size = sizeof s.report};
    NEED(error, task, stream);
    TAKE(error, pln_task_stream, s.options, stream);
    if (!s.options.next || !s.options.answer)
        return pln_fail(error, PLN_INVALID, "pln_task_run: the stream has no `next` or no `answer`");
    if (report)
        ROOM(error, pln_task_report, report);
    pln_status status = task_begin(task, error);
    if (status != PLN_OK)
        return status;
    status = run_stream(&s, error);
    if (report)
        door_give(report, &s.report, sizeof s.report);
    task_end(task);
    return status;
}
