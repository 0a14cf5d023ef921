/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting is spinning for some microseconds, then sleeping: a barrier between two kernels costs no system call, an idle
 * team no processor time.
 */
#include "common/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* About 20 microseconds on a 3 GHz core: longer than the imbalance between members of one kernel, shorter than a sleep.
 */
enum { SPINS = 4000 };

struct gate { /* a number that only grows; waiting is for it to move on */
    atomic_uint value;
    atomic_uint sleepers;
    pthread_mutex_t lock;
    pthread_cond_t moved;
};

struct team {
    uint32_t members;
    pthread_t *threads; /* members - 1 */
    struct gate start, done, barrier;
    atomic_uint arrived, finished;
    atomic_bool stop;
    void (*fn)(void *, uint32_t, uint32_t);
    void *argument;
};

struct member {
    struct team *team;
    uint32_t index;
};

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

static void gate_wait(struct gate *gate, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&gate->value, memory_order_acquire) != seen)
            return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&gate->lock);
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->value) == seen)
        pthread_cond_wait(&gate->moved, &gate->lock);
    atomic_fetch_sub(&gate->sleepers, 1);
    pthread_mutex_unlock(&gate->lock);
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

static void *work(void *argument)
{
    struct member me = *(struct member *)argument;
    free(argument);
    struct team *team = me.team;
    for (unsigned seen = 0;; seen++) {
        gate_wait(&team->start, seen);
        if (atomic_load(&team->stop))
            return NULL;
        team->fn(team->argument, me.index, team->members);
        if (atomic_fetch_add(&team->finished, 1) + 1 == team->members - 1)
            gate_open(&team->done);
    }
}

static bool start_member(struct team *team, uint32_t index)
{
    struct member *me = malloc(sizeof *me);
    if (!me)
        return false;
    *me = (struct member){team, index};
    if (pthread_create(&team->threads[index - 1], NULL, work, me) != 0) {
        free(me);
        return false;
    }
    return true;
}

struct team *team_create(uint32_t members)
{
    struct team *team = calloc(1, sizeof *team);
    if (!team)
        return NULL;
    gate_init(&team->start);
    gate_init(&team->done);
    gate_init(&team->barrier);
    team->members = 1;
    team->threads = calloc(members > 1 ? members - 1 : 1, sizeof *team->threads);
    if (!team->threads)
        goto fail;
    for (uint32_t i = 1; i < members; i++) {
        if (!start_member(team, i))
            goto fail;
        team->members++;
    }
    return team;
fail:
    team_destroy(&team);
    return NULL;
}

void team_destroy(struct team **team)
{
    struct team *t = *team;
    if (!t)
        return;
    atomic_store(&t->stop, true);
    gate_open(&t->start);
    for (uint32_t i = 1; i < t->members; i++)
        pthread_join(t->threads[i - 1], NULL);
    gate_finish(&t->start);
    gate_finish(&t->done);
    gate_finish(&t->barrier);
    free(t->threads);
    free(t);
    *team = NULL;
}

uint32_t team_size(const struct team *team)
{
    return team->members;
}

void team_run(struct team *team, void (*fn)(void *, uint32_t, uint32_t), void *argument)
{
    if (team->members == 1) {
        fn(argument, 0, 1);
        return;
    }
    team->fn = fn;
    team->argument = argument;
    atomic_store(&team->finished, 0);
    const unsigned seen = atomic_load(&team->done.value);
    gate_open(&team->start);
    fn(argument, 0, team->members);
    gate_wait(&team->done, seen);
}

void team_barrier(struct team *team)
{
    if (team->members == 1)
        return;
    const unsigned seen = atomic_load(&team->barrier.value);
    if (atomic_fetch_add(&team->arrived, 1) + 1 == team->members) {
        atomic_store(&team->arrived, 0);
        gate_open(&team->barrier);
    } else {
        gate_wait(&team->barrier, seen);
    }
}
