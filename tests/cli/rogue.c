/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that computes as the reference does until it comes to what ROGUE names: load, list, open or run ends the
 * process, fail fails a run, swift computes nothing for 20 microseconds, hang sleeps in a run; ROGUE_PID names a file
 * for the number of the process that does.
 */
#define _DEFAULT_SOURCE /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/reference/reference.h"

static const pln_backend *right;

static int is_asked(const char *what)
{
    const char *asked = getenv("ROGUE");
    return asked && strcmp(asked, what) == 0;
}

static void come_to(const char *what)
{
    if (is_asked(what))
        abort();
}

static pln_status count(uint32_t *n, pln_failure *error)
{
    come_to("list");
    return right->device_count(n, error);
}

static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    come_to("open");
    return right->device_open(index, opening, device, error);
}

static void hang(void)
{
    FILE *file = getenv("ROGUE_PID") ? fopen(getenv("ROGUE_PID"), "w") : NULL;
    if (file) {
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
    }
    for (;;)
        sleep(1);
}

static pln_status idle(void)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (1000000000 * (now.tv_sec - begin.tv_sec) + now.tv_nsec - begin.tv_nsec < 20000);
    return PLN_OK;
}

static pln_status run_plan(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    come_to("run");
    if (is_asked("hang"))
        hang();
    if (is_asked("swift"))
        return idle();
    if (!is_asked("fail"))
        return right->plan_run(plan, run, error);
    return pln_failed(error, PLN_DEVICE_LOST, -1, "the rogue is lost");
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static pln_backend rogue;
    come_to("load");
    right = pln_reference_query(abi_min, abi_max);
    if (!right)
        return NULL;
    rogue = *right;
    rogue.name = "rogue";
    rogue.device_count = count;
    rogue.device_open = open_device;
    rogue.plan_run = run_plan;
    return &rogue;
}
