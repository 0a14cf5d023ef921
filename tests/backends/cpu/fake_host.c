/* SPDX-License-Identifier: Apache-2.0
 *
 * A host with a team of one. Constants are dense f32 rows at their source.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/backends/cpu/fake_host.h"

int fake_host_blocks, fake_host_team_runs;

static void *allocate(void *context, size_t bytes)
{
    (void)context;
    const size_t whole = (bytes + 63) / 64 * 64 + 64;
    void *memory = aligned_alloc(64, whole);
    if (memory) {
        memset(memory, 0, whole);
        fake_host_blocks++;
    }
    return memory;
}

static void release(void *context, void *memory)
{
    (void)context;
    fake_host_blocks -= memory != NULL;
    free(memory);
}

static void constant_read(void *context, const pln_constant_info *constant, uint32_t first, uint32_t rows, float *out)
{
    (void)context;
    memcpy(out, (const float *)constant->source + (size_t)first * constant->width,
           (size_t)rows * constant->width * sizeof(float));
}

static uint32_t team_size(void *context)
{
    (void)context;
    return 1;
}

static void team_run(void *context, pln_team_fn *fn, void *argument)
{
    (void)context;
    fake_host_team_runs++;
    fn(argument, 0, 1);
}

static void team_barrier(void *context)
{
    (void)context;
}

const pln_host fake_host = {
    .size = sizeof fake_host,
    .allocate = allocate,
    .release = release,
    .constant_read = constant_read,
    .team_size = team_size,
    .team_run = team_run,
    .team_barrier = team_barrier,
};
