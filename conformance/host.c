/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory with guards and a list of what is out, the team, rows of constants.
 */
#include "conformance/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/team.h"
#include "conformance/process.h"
#include "conformance/violation.h"

enum { GUARD = 64, GUARD_BYTE = 0xb7, RELEASED_BYTE = 0xdd };

/* In front of what a backend gets, GUARD bytes before it; as many lie behind. */
struct block {
    struct block *next;
    size_t bytes;
};
enum { FRONT = 64 + GUARD };

struct conf_host {
    pln_host table;
    struct team *team;
    uint32_t as_if;
    bool trusted;
    pthread_mutex_t lock; /* of what follows */
    struct block *blocks;
    uint32_t live, asked, refused, going, cancelled;
};

static atomic_uint runs, allocations_of_runs;

void conf_host_watch_run(bool running)
{
    atomic_fetch_add(&runs, running ? 1u : -1u);
}

uint32_t conf_host_take_allocations(void)
{
    return atomic_exchange(&allocations_of_runs, 0);
}

/* ---- memory */

static bool is_whole(const unsigned char *guard)
{
    for (size_t i = 0; i < GUARD; i++)
        if (guard[i] != GUARD_BYTE)
            return false;
    return true;
}

static unsigned char *memory_of(const struct block *b)
{
    return (unsigned char *)(uintptr_t)b + FRONT;
}

static void check_block(const struct block *b)
{
    if (!is_whole(memory_of(b) - GUARD))
        conf_violate("memory in front of a block of %zu bytes of host->allocate was written", b->bytes);
    if (!is_whole(memory_of(b) + b->bytes))
        conf_violate("memory behind a block of %zu bytes of host->allocate was written", b->bytes);
}

static void *allocate(void *context, size_t bytes)
{
    struct conf_host *h = context;
    void *memory = NULL;
    if (atomic_load(&runs))
        atomic_fetch_add(&allocations_of_runs, 1);
    pthread_mutex_lock(&h->lock);
    const bool refused = h->refused && ++h->asked == h->refused;
    pthread_mutex_unlock(&h->lock);
    if (refused || bytes > SIZE_MAX - FRONT - GUARD || posix_memalign(&memory, 64, FRONT + bytes + GUARD) != 0)
        return NULL;
    struct block *b = memory;
    b->bytes = bytes;
    memset(memory_of(b) - GUARD, GUARD_BYTE, GUARD);
    memset(memory_of(b), 0, bytes);
    memset(memory_of(b) + bytes, GUARD_BYTE, GUARD);
    pthread_mutex_lock(&h->lock);
    b->next = h->blocks;
    h->blocks = b;
    h->live++;
    pthread_mutex_unlock(&h->lock);
    return memory_of(b);
}

/* Takes it out of the list; NULL: it is not there. */
static struct block *take(struct conf_host *h, const void *memory)
{
    struct block **at = &h->blocks;
    while (*at && memory_of(*at) != memory)
        at = &(*at)->next;
    struct block *b = *at;
    if (b) {
        *at = b->next;
        h->live--;
    }
    return b;
}

static void release(void *context, void *memory)
{
    struct conf_host *h = context;
    if (!memory)
        return;
    pthread_mutex_lock(&h->lock);
    struct block *b = take(h, memory);
    pthread_mutex_unlock(&h->lock);
    if (!b) {
        conf_violate("host->release was given memory that this host did not allocate, or twice");
        return;
    }
    check_block(b);
    memset(memory_of(b), RELEASED_BYTE, b->bytes);
    free(b);
}

uint32_t conf_host_live(const struct conf_host *host)
{
    return host->live;
}

void conf_host_refuse(struct conf_host *host, uint32_t number)
{
    host->asked = 0;
    host->refused = number;
}

bool conf_host_refused(const struct conf_host *host)
{
    return host->refused && host->asked >= host->refused;
}

void conf_host_cancel(struct conf_host *host, uint32_t number)
{
    host->going = 0;
    host->cancelled = number;
}

void conf_host_check(const struct conf_host *host)
{
    for (const struct block *b = host->blocks; b; b = b->next)
        check_block(b);
}

/* ---- the other entries */

static void take_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    if (!message || level < PLN_LOG_LEVEL_ERROR || level > PLN_LOG_LEVEL_DEBUG)
        conf_violate("host->log was given no message, or a level that is none");
    else if (level <= PLN_LOG_LEVEL_WARNING)
        dprintf(conf_output_log(), "%s\n", message);
}

static void read_constant(void *context, const pln_constant_info *info, uint32_t first, uint32_t rows, float *out)
{
    (void)context;
    const struct conf_source *source = info->source;
    if (!source->open || first > info->rows || rows > info->rows - first) {
        conf_violate("host->constant_read was asked for rows that are not there, or outside of constant_create");
        return;
    }
    memcpy(out, source->rows + (size_t)first * info->width, (size_t)rows * info->width * sizeof *out);
}

static uint32_t tell_team_size(void *context)
{
    const struct conf_host *h = context;
    return h->as_if ? h->as_if : team_size(h->team);
}

static _Thread_local bool inside;

void conf_host_mark(bool is)
{
    inside = is;
}

/* Work of a member, after which its thread is as it was: the team is everybody's. */
struct work {
    pln_team_fn *fn;
    void *argument;
};

static void run_member(void *argument, uint32_t index, uint32_t members)
{
    const struct work *work = argument;
    const uint32_t floats = conf_float_state();
    work->fn(work->argument, index, members);
    if (conf_float_state() == floats)
        return;
    conf_violate("a member of the team was left other floating-point state (rounding, flushing or traps) than it had");
    conf_set_float_state(floats);
}

static void run_team(void *context, pln_team_fn *fn, void *argument)
{
    struct conf_host *h = context;
    struct work work = {fn, argument};
    if (!h->trusted && !inside)
        conf_violate("host->team_run was called by a thread that is inside no entry");
    team_run(h->team, run_member, &work);
}

void conf_host_trust(struct conf_host *host)
{
    host->trusted = true;
}

static void wait_for_team(void *context)
{
    (void)context;
    team_barrier();
}

static const char *tell_cache_directory(void *context)
{
    (void)context;
    return NULL;
}

static int go_on(void *context, const char *what, uint64_t done, uint64_t total)
{
    struct conf_host *h = context;
    (void)what, (void)done, (void)total;
    return !h->cancelled || ++h->going < h->cancelled;
}

struct conf_host *conf_host_create(uint32_t members, uint32_t as_if)
{
    struct conf_host *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->team = team_create(members);
    h->as_if = as_if;
    pthread_mutex_init(&h->lock, NULL);
    h->table = (pln_host){.size = sizeof h->table,
                          .context = h,
                          .log = take_log,
                          .allocate = allocate,
                          .release = release,
                          .constant_read = read_constant,
                          .team_size = tell_team_size,
                          .team_run = run_team,
                          .team_barrier = wait_for_team,
                          .cache_directory = tell_cache_directory,
                          .goes_on = go_on};
    if (!h->team)
        conf_host_destroy(&h);
    return h;
}

void conf_host_destroy(struct conf_host **host)
{
    struct conf_host *h = *host;
    *host = NULL;
    if (!h)
        return;
    for (struct block *b = h->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    if (h->team)
        team_destroy(&h->team);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

const pln_host *conf_host_table(const struct conf_host *host)
{
    return &host->table;
}
