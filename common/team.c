/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting is spinning for some microseconds, then sleeping: a barrier between two kernels costs no system call, an idle
 * team no processor time, and where the processors are shared the one that is waited for soon gets them.
 */
#include "common/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/clock.h"

/* Longer than the imbalance between members of one kernel, about what a sleep and its end cost. */
enum { SPIN_NS = 20000, SPINS_A_LOOK = 32 };
/* How long a team that was mostly asleep stays smaller: doubled each time, and short again after a run that went well.
 */
enum { FIRST_REST_NS = 10000000, LONGEST_REST_NS = 1000000000, RESTS = 16 };

struct gate { /* a number that only grows; waiting is for it to move on */
    atomic_uint value;
    atomic_uint sleepers;
    pthread_mutex_t lock;
    pthread_cond_t moved;
};

/* A call of team_run with more than one member. */
struct run {
    void (*fn)(void *, uint32_t, uint32_t);
    void *argument;
    uint32_t members;
    struct gate done, barrier;
    atomic_uint arrived, finished;
    atomic_ullong slept_ns; /* by all members together, waiting for each other */
};

struct helper {
    pthread_t thread;
    struct team *team;
    struct helper *next; /* that is free too, or that works for the same run */
    struct gate start;
    struct run *run;
    uint32_t index;
    struct run own; /* those that this helper is the first of: who is late at a gate finds it still there */
};

/* For work that is known by its argument: small work that wastes members leaves them to large work. */
struct rest {
    const void *argument;
    uint32_t most; /* members of a run, until `end` */
    uint64_t end, next_ns;
};

struct team {
    uint32_t members;
    struct helper *helpers; /* [members - 1] */
    atomic_bool stop;
    pthread_mutex_t lock; /* of what follows */
    struct helper *free;
    uint32_t callers;
    struct rest rests[RESTS]; /* each where its argument says */
};

static _Thread_local struct run *current; /* what this thread is a member of; NULL: nothing, or it is alone */

/* ---- gates */

static void gate_init(struct gate *gate)
{
    atomic_init(&gate->value, 0);
    atomic_init(&gate->sleepers, 0);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->moved, NULL);
}

static void gate_finish(struct gate *gate)
{
    pthread_cond_destroy(&gate->moved);
    pthread_mutex_destroy(&gate->lock);
}

static bool spin(const struct gate *gate, unsigned seen, uint64_t *now)
{
    uint64_t begin = 0;
    do {
        for (int i = 0; i < SPINS_A_LOOK; i++) {
            if (atomic_load_explicit(&gate->value, memory_order_acquire) != seen)
                return true;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
        *now = clock_ns();
        begin = begin ? begin : *now;
    } while (*now - begin < SPIN_NS);
    return false;
}

/* Returns how long it slept. */
static uint64_t gate_wait(struct gate *gate, unsigned seen)
{
    uint64_t begin = 0;
    if (spin(gate, seen, &begin))
        return 0;
    pthread_mutex_lock(&gate->lock);
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->value) == seen)
        pthread_cond_wait(&gate->moved, &gate->lock);
    atomic_fetch_sub(&gate->sleepers, 1);
    pthread_mutex_unlock(&gate->lock);
    return clock_ns() - begin;
}

/* The value moves before the look at sleepers, and a sleeper counts itself before its look at the value: one of them
 * sees the other (both sequentially consistent). */
static void gate_open(struct gate *gate)
{
    atomic_fetch_add(&gate->value, 1);
    if (atomic_load(&gate->sleepers)) {
        pthread_mutex_lock(&gate->lock);
        pthread_cond_broadcast(&gate->moved);
        pthread_mutex_unlock(&gate->lock);
    }
}

/* ---- helpers */

static void run_member(struct run *run, uint32_t index)
{
    current = run;
    run->fn(run->argument, index, run->members);
    current = NULL;
}

static void *work(void *argument)
{
    struct helper *me = argument;
    for (unsigned seen = 0;; seen++) {
        gate_wait(&me->start, seen);
        if (atomic_load(&me->team->stop))
            return NULL;
        struct run *run = me->run;
        const uint32_t helpers = run->members - 1;
        run_member(run, me->index);
        if (atomic_fetch_add(&run->finished, 1) + 1 == helpers)
            gate_open(&run->done);
    }
}

static void finish_helper(struct helper *helper)
{
    gate_finish(&helper->start);
    gate_finish(&helper->own.done);
    gate_finish(&helper->own.barrier);
}

static bool start_helper(struct team *team, struct helper *helper)
{
    helper->team = team;
    gate_init(&helper->start);
    gate_init(&helper->own.done);
    gate_init(&helper->own.barrier);
    if (pthread_create(&helper->thread, NULL, work, helper) != 0) {
        finish_helper(helper);
        return false;
    }
    helper->next = team->free;
    team->free = helper;
    return true;
}

/* ---- the team */

struct team *team_create(uint32_t members)
{
    struct team *team = calloc(1, sizeof *team);
    if (!team)
        return NULL;
    pthread_mutex_init(&team->lock, NULL);
    team->members = 1;
    team->helpers = calloc(members > 1 ? members - 1 : 1, sizeof *team->helpers);
    bool started = team->helpers;
    for (uint32_t i = 1; started && i < members; i++) {
        started = start_helper(team, &team->helpers[i - 1]);
        team->members += started;
    }
    if (!started)
        team_destroy(&team);
    return team;
}

void team_destroy(struct team **team)
{
    struct team *t = *team;
    if (!t)
        return;
    atomic_store(&t->stop, true);
    for (uint32_t i = 0; i + 1 < t->members; i++)
        gate_open(&t->helpers[i].start);
    for (uint32_t i = 0; i + 1 < t->members; i++)
        pthread_join(t->helpers[i].thread, NULL);
    for (uint32_t i = 0; i + 1 < t->members; i++)
        finish_helper(&t->helpers[i]);
    pthread_mutex_destroy(&t->lock);
    free(t->helpers);
    free(t);
    *team = NULL;
}

uint32_t team_size(const struct team *team)
{
    return team->members;
}

/* With the lock held. What was there for another argument in the same place is forgotten. */
static struct rest *rest_of(struct team *team, const void *argument)
{
    struct rest *rest = &team->rests[(uintptr_t)argument / 64 % RESTS];
    if (rest->argument != argument)
        *rest = (struct rest){.argument = argument, .next_ns = FIRST_REST_NS};
    return rest;
}

/* As many of the free helpers as fall to one more caller; they all get the first one's run. */
static struct run *borrow_helpers(struct team *team, const void *argument, uint64_t now)
{
    pthread_mutex_lock(&team->lock);
    uint32_t share = team->members / ++team->callers;
    const struct rest *rest = rest_of(team, argument);
    if (now < rest->end && share > rest->most)
        share = rest->most;
    struct run *run = team->free && share > 1 ? &team->free->own : NULL;
    uint32_t n = 1;
    struct helper *last = NULL;
    for (; run && team->free && n < share; n++) {
        last = team->free;
        last->run = run;
        last->index = n;
        team->free = last->next;
    }
    if (run) {
        last->next = NULL;
        run->members = n;
    }
    pthread_mutex_unlock(&team->lock);
    return run;
}

static void give_helpers_back(struct team *team, struct helper *first)
{
    pthread_mutex_lock(&team->lock);
    team->callers--;
    struct helper *last = first;
    while (last && last->next)
        last = last->next;
    if (last) {
        last->next = team->free;
        team->free = first;
    }
    pthread_mutex_unlock(&team->lock);
}

/* Members that slept for half of a run and more were not worth having: others use the processors, or the work is too
 * small. Half as many do as well, and leave room. */
static void judge(struct team *team, const struct run *run, uint64_t begin)
{
    const uint64_t now = clock_ns(), slept = atomic_load(&run->slept_ns);
    const bool wasted = slept > (now - begin) / 2 * (run->members - 1);
    pthread_mutex_lock(&team->lock);
    struct rest *rest = rest_of(team, run->argument);
    if (wasted) {
        rest->most = run->members / 2;
        rest->end = now + rest->next_ns;
        rest->next_ns = rest->next_ns < LONGEST_REST_NS / 2 ? 2 * rest->next_ns : LONGEST_REST_NS;
    } else if (now >= rest->end) {
        rest->next_ns = FIRST_REST_NS;
    }
    pthread_mutex_unlock(&team->lock);
}

static struct helper *first_of(struct run *run)
{
    return (struct helper *)(void *)((char *)run - offsetof(struct helper, own));
}

/* fn and argument must be there before the first helper wakes. */
static void run_together(struct team *team, struct run *run, void (*fn)(void *, uint32_t, uint32_t), void *argument,
                         uint64_t begin)
{
    run->fn = fn;
    run->argument = argument;
    atomic_store(&run->finished, 0);
    atomic_store(&run->slept_ns, 0);
    const unsigned seen = atomic_load(&run->done.value);
    for (struct helper *helper = first_of(run); helper; helper = helper->next)
        gate_open(&helper->start);
    run_member(run, 0);
    atomic_fetch_add(&run->slept_ns, gate_wait(&run->done, seen));
    judge(team, run, begin);
}

void team_run(struct team *team, void (*fn)(void *, uint32_t, uint32_t), void *argument)
{
    if (team->members == 1) {
        fn(argument, 0, 1);
        return;
    }
    const uint64_t begin = clock_ns();
    struct run *run = borrow_helpers(team, argument, begin);
    if (run)
        run_together(team, run, fn, argument, begin);
    else
        fn(argument, 0, 1);
    give_helpers_back(team, run ? first_of(run) : NULL);
}

void team_barrier(void)
{
    struct run *run = current;
    if (!run)
        return;
    const unsigned seen = atomic_load(&run->barrier.value);
    if (atomic_fetch_add(&run->arrived, 1) + 1 == run->members) {
        atomic_store(&run->arrived, 0);
        gate_open(&run->barrier);
        return;
    }
    const uint64_t slept = gate_wait(&run->barrier, seen);
    if (slept)
        atomic_fetch_add(&run->slept_ns, slept);
}
