/* SPDX-License-Identifier: Apache-2.0
 *
 * Callers on threads share a team: each run has every index once, and its barriers are its own.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/team.h"

enum { MEMBERS = 3, CALLERS = 4, RUNS = 300, BARRIERS = 4 };

struct job {
    atomic_uint seen[MEMBERS]; /* of each index */
    atomic_uint arrived;
    atomic_uint members;
    atomic_bool wrong;
};

/* After barrier b all members have arrived b times. */
static void take_part(void *argument, uint32_t index, uint32_t members)
{
    struct job *job = argument;
    atomic_fetch_add(&job->seen[index], 1);
    atomic_store(&job->members, members);
    for (uint32_t b = 1; b <= BARRIERS; b++) {
        atomic_fetch_add(&job->arrived, 1);
        team_barrier();
        if (atomic_load(&job->arrived) != b * members)
            atomic_store(&job->wrong, true);
        team_barrier();
    }
}

static bool run_right(struct team *team)
{
    struct job job = {.wrong = false};
    team_run(team, take_part, &job);
    const uint32_t members = atomic_load(&job.members);
    bool right = !atomic_load(&job.wrong) && members >= 1 && members <= team_size(team);
    for (uint32_t i = 0; i < MEMBERS; i++)
        right = right && atomic_load(&job.seen[i]) == (i < members);
    return right;
}

static void *call_often(void *argument)
{
    struct team *team = argument;
    for (int i = 0; i < RUNS; i++)
        if (!run_right(team))
            return argument;
    return NULL;
}

static void callers_share(void **state)
{
    (void)state;
    for (uint32_t members = 1; members <= MEMBERS; members++) {
        pthread_t callers[CALLERS];
        void *wrong = NULL;
        struct team *team = team_create(members);
        assert_non_null(team);
        for (int i = 0; i < CALLERS; i++)
            assert_int_equal(pthread_create(&callers[i], NULL, call_often, team), 0);
        for (int i = 0; i < CALLERS; i++) {
            void *result;
            pthread_join(callers[i], &result);
            wrong = result ? result : wrong;
        }
        assert_null(wrong);
        team_destroy(&team);
        assert_null(team);
    }
}

/* Who comes while all helpers are at work is not kept waiting for them: the second caller's run ends inside the first.
 */
static atomic_uint inside;

static void *call_inside(void *argument)
{
    return run_right(argument) ? NULL : argument;
}

static void hold(void *argument, uint32_t index, uint32_t members)
{
    (void)members;
    if (index)
        return;
    pthread_t other;
    void *wrong = argument;
    if (pthread_create(&other, NULL, call_inside, argument) == 0)
        pthread_join(other, &wrong);
    atomic_store(&inside, wrong ? 1 : 2);
}

static void nobody_waits_for_the_team(void **state)
{
    (void)state;
    struct team *team = team_create(2);
    team_run(team, hold, team);
    assert_int_equal(atomic_load(&inside), 2);
    team_destroy(&team);
    team_barrier(); /* outside of a run it returns */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(callers_share), cmocka_unit_test(nobody_waits_for_the_team)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
