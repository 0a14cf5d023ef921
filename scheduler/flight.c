/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments on their way while others run. A backend that submits does so; for one that blocks a thread of the schedule waits
 * in its place. Which segments may be on their way together is found when a plan is made: those that touch no byte in common
 * that one of them writes.
 */
#define _GNU_SOURCE /* pthread_condattr_setclock */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

/* ---- what touches what */

struct range {
    uint32_t domain, block;
    uint64_t begin, end;
    bool written;
};

struct ranges {
    uint32_t n;
    struct range *list;
    bool states; /* it touches some: nothing else is on its way */
};

static void add_range(const pln_schedule *s, const struct sched_plan *plan, struct ranges *r, uint32_t domain,
                      const pln_value *value, bool written)
{
    if (!value || value->kind == PLN_VALUE_CONSTANT)
        return;
    if (value->kind == PLN_VALUE_STATE) {
        r->states = true;
        return;
    }
    const int32_t i = plan->instances[domain * s->graph->n_values + value->base->id];
    if (i == SCHED_NONE)
        return;
    const struct graph_memory_item *item = &plan->memory[domain].items[i];
    r->list[r->n++] = (struct range){domain, item->block, item->offset, item->offset + item->bytes, written};
}

static bool find_touched(const pln_schedule *s, const struct sched_plan *plan, const struct sched_segment *segment,
                         struct ranges *r)
{
    const uint32_t domain = s->devices->devices[segment->device].domain;
    *r = (struct ranges){.list =
                             calloc(2ul * segment->n * GRAPH_OPERANDS + 2ul * segment->n_copies + 1, sizeof *r->list)};
    if (!r->list)
        return false;
    for (uint32_t i = segment->first; i < segment->first + segment->n; i++) {
        const struct graph_node *node = s->graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++)
            add_range(s, plan, r, domain, node->inputs[j], false);
        for (uint32_t j = 0; j < node->n_outputs; j++)
            add_range(s, plan, r, domain, node->outputs[j], true);
    }
    for (uint32_t i = 0; i < segment->n_copies; i++) {
        add_range(s, plan, r, segment->copies[i].from, segment->copies[i].value, false);
        add_range(s, plan, r, segment->copies[i].to, segment->copies[i].value, true);
    }
    return true;
}

static bool touch(const struct ranges *a, const struct ranges *b)
{
    if (a->states || b->states)
        return true;
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t j = 0; j < b->n; j++) {
            const struct range *x = &a->list[i], *y = &b->list[j];
            if ((x->written || y->written) && x->domain == y->domain && x->block == y->block && x->begin < y->end &&
                y->begin < x->end)
                return true;
        }
    return false;
}

/* A segment may fly if a later one need not wait for it, not by others either. */
static void find_flyers(const pln_schedule *s, struct sched_plan *plan, const struct ranges *touched)
{
    const uint32_t n = s->n_segments;
    for (uint32_t j = 1; j < n; j++)
        for (uint32_t i = 0; i < j; i++)
            plan->waits[j * n + i] = s->segments[i].device == s->segments[j].device || touch(&touched[i], &touched[j]);
    for (uint32_t i = 0; i < n; i++) {
        bool behind = true; /* all so far wait for i, by others too */
        for (uint32_t j = i + 1; j < n; j++) {
            bool waits = plan->waits[j * n + i];
            for (uint32_t k = i + 1; !waits && k < j; k++)
                waits = plan->waits[j * n + k] && plan->waits[k * n + i];
            behind &= waits;
        }
        plan->flies[i] = !behind;
    }
}

pln_status sched_find_flyers(pln_schedule *s, struct sched_plan *plan, pln_error *error)
{
    const uint32_t n = s->n_segments;
    bool several = false;
    for (uint32_t i = 1; i < n; i++)
        several |= s->segments[i].device != s->segments[0].device;
    plan->spent = calloc(n + 1ul, sizeof *plan->spent);
    plan->flies = calloc(n + 1ul, sizeof *plan->flies);
    plan->flying = calloc(n + 1ul, sizeof *plan->flying);
    plan->waits = several ? calloc((size_t)n * n, sizeof *plan->waits) : NULL;
    struct ranges *touched = calloc(n + 1ul, sizeof *touched);
    bool fits = plan->spent && plan->flies && plan->flying && touched && (!several || plan->waits);
    for (uint32_t i = 0; fits && several && i < n; i++)
        fits = find_touched(s, plan, &s->segments[i], &touched[i]);
    if (fits && several)
        find_flyers(s, plan, touched);
    for (uint32_t i = 0; touched && i < n; i++)
        free(touched[i].list);
    free(touched);
    return fits ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory to look at %u segments", n);
}

/* ---- threads that wait */

struct sched_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop, busy;
    struct sched_open *open;
    struct seam_plan *plan;
    const pln_run *run;
    pln_status status;
    pln_error error;
};

static void *work(void *argument)
{
    struct sched_worker *w = argument;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (!w->busy) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        sched_enter(w->open);
        const pln_status status = seam_plan_run(w->plan, w->run, &w->error);
        sched_leave(w->open);
        pthread_mutex_lock(&w->lock);
        w->status = status;
        w->busy = false;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static struct sched_worker *start_worker(void)
{
    struct sched_worker *w = calloc(1, sizeof *w);
    pthread_condattr_t clock;
    if (!w)
        return NULL;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (pthread_create(&w->thread, NULL, work, w) == 0)
        return w;
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

static void stop_worker(struct sched_worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void sched_workers_stop(pln_schedule *schedule)
{
    for (uint32_t i = 0; schedule->workers && i < schedule->devices->n; i++)
        stop_worker(schedule->workers[i]);
}

/* ---- flights */

bool sched_flight_begin(pln_schedule *s, struct sched_plan *plan, uint32_t segment, const pln_run *run,
                        pln_status *status, pln_error *error)
{
    const uint32_t device = s->segments[segment].device;
    struct sched_open *open = plan->opens[device];
    *status = PLN_OK;
    if (seam_submits(&open->seam)) {
        sched_enter(open);
        *status = seam_plan_submit(plan->segments[segment], run, error);
        sched_leave(open);
        return *status == PLN_OK;
    }
    struct sched_worker *w = s->workers[device] ? s->workers[device] : start_worker();
    s->workers[device] = w;
    if (!w)
        return false; /* it runs here */
    pthread_mutex_lock(&w->lock);
    w->open = open;
    w->plan = plan->segments[segment];
    w->run = run;
    w->error = (pln_error){.node = -1};
    w->busy = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return true;
}

static bool is_over(struct sched_worker *w, uint64_t timeout_ns)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += (long)timeout_ns;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_mutex_lock(&w->lock);
    int late = 0;
    while (w->busy && !late)
        late = pthread_cond_timedwait(&w->changed, &w->lock, &end);
    const bool over = !w->busy;
    pthread_mutex_unlock(&w->lock);
    return over;
}

/* PLN_TIMED_OUT: not yet. */
static pln_status look(pln_schedule *s, struct sched_plan *plan, uint32_t segment, pln_error *error)
{
    const uint32_t device = s->segments[segment].device;
    struct sched_open *open = plan->opens[device];
    struct sched_worker *w = s->workers[device];
    if (!seam_submits(&open->seam)) {
        if (!is_over(w, SCHED_LOOK_NS))
            return PLN_TIMED_OUT;
        if (w->status != PLN_OK && error)
            *error = w->error;
        return w->status;
    }
    sched_enter(open);
    const pln_status status = seam_plan_wait(plan->segments[segment], SCHED_LOOK_NS, error);
    sched_leave(open);
    return status;
}

pln_status sched_flight_end(pln_schedule *s, struct sched_plan *plan, uint32_t segment, bool asks, pln_error *error)
{
    pln_runtime *runtime = s->devices->runtime;
    pln_status status, stopped = PLN_OK;
    while ((status = look(s, plan, segment, error)) == PLN_TIMED_OUT) {
        if (asks && stopped == PLN_OK)
            stopped = sched_go_on(runtime, "running", segment, s->n_segments, error);
        if (stopped != PLN_OK)
            seam_plan_cancel(plan->segments[segment]);
    }
    if (stopped != PLN_OK && (status == PLN_OK || status == PLN_CANCELLED))
        return pln_fail(error, PLN_CANCELLED, "cancelled while running, in segment %u of %u", segment + 1,
                        s->n_segments);
    return status;
}
