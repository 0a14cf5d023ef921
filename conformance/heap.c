/* SPDX-License-Identifier: Apache-2.0
 *
 * malloc and its kin stand here before those of glibc, so that each call can be told by its return address.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "conformance/heap.h"

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* The object of the plugin. */
static struct {
    uintptr_t from, to;
} plugin;

static atomic_ullong plugin_calls, plugin_live, all_live;

struct search {
    uintptr_t symbol;
};

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct search *search = context;
    uintptr_t from = UINTPTR_MAX, to = 0;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        from = at < from ? at : from;
        to = at + info->dlpi_phdr[i].p_memsz > to ? at + info->dlpi_phdr[i].p_memsz : to;
    }
    if (search->symbol < from || search->symbol >= to)
        return 0;
    plugin.from = from;
    plugin.to = to;
    return 1;
}

void conf_heap_follow(const void *symbol)
{
    struct search search = {(uintptr_t)symbol};
    dl_iterate_phdr(look, &search);
}

bool conf_heap_is_of_plugin(const void *address)
{
    return (uintptr_t)address >= plugin.from && (uintptr_t)address < plugin.to;
}

uint64_t conf_heap_live(void)
{
    return atomic_load(&plugin_live);
}

uint64_t conf_heap_calls(void)
{
    return atomic_load(&plugin_calls);
}

uint64_t conf_heap_all(void)
{
    return atomic_load(&all_live);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

bool conf_heap_is_known(void)
{
    return true;
}

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *memory);

#define SEEN __attribute__((visibility("default")))
SEEN void *malloc(size_t bytes);
SEEN void *calloc(size_t n, size_t bytes);
SEEN void *realloc(void *memory, size_t bytes);
SEEN void *memalign(size_t alignment, size_t bytes);
SEEN void *aligned_alloc(size_t alignment, size_t bytes);
SEEN int posix_memalign(void **memory, size_t alignment, size_t bytes);
SEEN void free(void *memory);

/* Addresses of the plugin's blocks: a table with open addressing. What finds no room is not followed. */
enum { PLACES = 1 << 16, PROBES = 64 };
static _Atomic(uintptr_t) blocks[PLACES];

static size_t place_of(uintptr_t address)
{
    return (size_t)((address >> 4) * 0x9e3779b97f4a7c15u >> 48) % PLACES;
}

static void *note(void *memory, const void *caller)
{
    if (!memory || !plugin.to)
        return memory;
    atomic_fetch_add(&all_live, 1);
    if (!conf_heap_is_of_plugin(caller))
        return memory;
    atomic_fetch_add(&plugin_calls, 1);
    const size_t first = place_of((uintptr_t)memory);
    for (size_t i = 0; i < PROBES; i++) {
        uintptr_t none = 0;
        if (atomic_compare_exchange_strong(&blocks[(first + i) % PLACES], &none, (uintptr_t)memory)) {
            atomic_fetch_add(&plugin_live, 1);
            break;
        }
    }
    return memory;
}

static void forget(void *memory)
{
    if (!memory || !plugin.to)
        return;
    atomic_fetch_sub(&all_live, 1);
    const size_t first = place_of((uintptr_t)memory);
    for (size_t i = 0; i < PROBES; i++) {
        uintptr_t there = (uintptr_t)memory;
        if (atomic_compare_exchange_strong(&blocks[(first + i) % PLACES], &there, 0)) {
            atomic_fetch_sub(&plugin_live, 1);
            break;
        }
    }
}

#define CALLER __builtin_return_address(0)

/* What a plugin gets holds no zeros by chance. */
static void *fill(void *memory, size_t bytes, const void *caller)
{
    if (memory && plugin.to && conf_heap_is_of_plugin(caller))
        memset(memory, 0xff, bytes);
    return memory;
}

void *malloc(size_t bytes)
{
    return note(fill(__libc_malloc(bytes), bytes, CALLER), CALLER);
}

void *calloc(size_t n, size_t bytes)
{
    return note(__libc_calloc(n, bytes), CALLER);
}

void *realloc(void *memory, size_t bytes)
{
    void *moved = __libc_realloc(memory, bytes);
    if (moved || !bytes)
        forget(memory);
    return note(moved, CALLER);
}

void *memalign(size_t alignment, size_t bytes)
{
    return note(fill(__libc_memalign(alignment, bytes), bytes, CALLER), CALLER);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return note(fill(__libc_memalign(alignment, bytes), bytes, CALLER), CALLER);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    void *got = __libc_memalign(alignment, bytes);
    if (!got)
        return ENOMEM;
    *memory = note(fill(got, bytes, CALLER), CALLER);
    return 0;
}

void free(void *memory)
{
    forget(memory);
    __libc_free(memory);
}

#else

bool conf_heap_is_known(void)
{
    return false;
}

#endif
