/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that computes as the reference does but for what LIE names; LIE_LOG names a file that gets a line each time it is
 * loaded.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/reference/reference.h"

static const pln_backend *right;

static int lie(const char *what)
{
    const char *asked = getenv("LIE");
    return asked && strcmp(asked, what) == 0;
}

/* "count-exit", "count-crash", "count-hang" */
static void come_to(const char *entry)
{
    char what[40];
    snprintf(what, sizeof what, "%s-exit", entry);
    if (lie(what))
        exit(0);
    snprintf(what, sizeof what, "%s-crash", entry);
    if (lie(what))
        raise(SIGSEGV);
    snprintf(what, sizeof what, "%s-hang", entry);
    while (lie(what))
        sleep(1);
}

__attribute__((constructor)) static void loaded(void)
{
    const char *log = getenv("LIE_LOG");
    FILE *file = log ? fopen(log, "a") : NULL;
    if (file) {
        fputs("loaded\n", file);
        fclose(file);
    }
    come_to("load");
}

static pln_status count(uint32_t *n, pln_failure *failure)
{
    come_to("count");
    if (lie("count-silent"))
        return PLN_FAILED;
    if (lie("count-status"))
        return (pln_status)77;
    const pln_status status = right->device_count(n, failure);
    if (lie("count-many"))
        *n = 4000000000u;
    return status;
}

/* A setting that says too much or too little of itself. */
static pln_setting_info row = {.key = "k", .values = "NUMBER", .help = "A number", .usual = "1"};

static pln_status describe(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *failure)
{
    come_to("info");
    const pln_status status = right->device_info(index, device, info, failure);
    info->kind = lie("kind") ? 99 : info->kind;
    info->flags |= lie("flag") ? 1u << 20 : lie("hint") ? 1u << 12 : 0;
    info->dtypes = lie("dtypes") ? 0 : info->dtypes;
    info->f32_bytes = lie("bytes") ? 3 : info->f32_bytes;
    info->alignment = lie("alignment") ? 48 : info->alignment;
    info->row_multiple = lie("multiple") ? 1000000000 : info->row_multiple;
    if (lie("buffers"))
        info->flags &= ~(uint32_t)PLN_DEVICE_FLAG_HOST_MEMORY;
    if (lie("latin"))
        snprintf(info->name, sizeof info->name, "caf\xe9");
    if (lie("setting-half") || lie("setting-flag") || lie("setting-bounds") || lie("setting-latin")) {
        row.size = lie("setting-half") ? (uint32_t)offsetof(pln_setting_info, usual) + 4 : (uint32_t)sizeof row;
        row.flags = lie("setting-flag") ? 1u << 20 : 0;
        row.least = lie("setting-bounds") ? 9 : 0;
        row.most = 8;
        row.help = lie("setting-latin") ? "caf\xe9" : row.help;
        info->settings = &row;
        info->n_settings = 1;
        info->setting_stride = sizeof row;
    }
    if (lie("texts")) {
        memset(info->name, 'A', sizeof info->name);
        memset(info->driver, '\n', sizeof info->driver);
        memset(info->reason, 'D', sizeof info->reason);
    }
    return status;
}

static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure)
{
    come_to("open");
    if (lie("open-null"))
        return PLN_OK;
    if (lie("open-differs")) {
        failure->status = PLN_OK;
        failure->node = -77;
        memset(failure->message, 'x', sizeof failure->message);
        memcpy(failure->message, "two\nlines", 9);
        return PLN_NO_MEMORY;
    }
    return right->device_open(index, opening, device, failure);
}

static pln_status judge(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t stride,
                        pln_failure *failure)
{
    const pln_status status = right->supports(device, segment, verdicts, stride, failure);
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        pln_verdict *v = (pln_verdict *)(void *)((char *)verdicts + (size_t)i * stride);
        v->together = lie("together") ? 3 : 0;
        v->estimated_ns = lie("verdicts") ? UINT64_MAX : v->estimated_ns;
        if (lie("verdicts"))
            memset(v->kernel, 'K', sizeof v->kernel + sizeof v->reason);
    }
    return status;
}

static pln_status create_constant(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *failure)
{
    return lie("constant-null") ? PLN_OK : right->constant_create(device, info, constant, failure);
}

static pln_status create_plan(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *failure)
{
    return lie("plan-null") ? PLN_OK : right->plan_create(device, segment, plan, failure);
}

static pln_status tell(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                       pln_failure *failure)
{
    const pln_status status = right->plan_info(device, segment, plan, info, failure);
    info->scratch_bytes = lie("bytes-of-plan") ? UINT64_C(1) << 63 : info->scratch_bytes;
    info->n_kernels = lie("kernels") ? UINT32_MAX : info->n_kernels;
    return status;
}

/* "no-ENTRY", of those that must be there. */
static void leave_out(pln_backend *t)
{
#define LEAVE_OUT(entry) t->entry = lie("no-" #entry) ? NULL : t->entry
    LEAVE_OUT(version);
    LEAVE_OUT(device_count);
    LEAVE_OUT(device_info);
    LEAVE_OUT(device_open);
    LEAVE_OUT(device_close);
    LEAVE_OUT(supports);
    LEAVE_OUT(constant_create);
    LEAVE_OUT(constant_destroy);
    LEAVE_OUT(plan_create);
    LEAVE_OUT(plan_run);
    LEAVE_OUT(plan_destroy);
#undef LEAVE_OUT
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static struct {
        pln_backend table;
        void *more[4]; /* of a later header */
    } liar;
    pln_backend *t = &liar.table;
    come_to("query");
    right = pln_reference_query(abi_min, abi_max);
    if (!right || lie("query-null"))
        return NULL;
    *t = *right;
    t->size = lie("size-0") ? 0 : lie("size-most") ? UINT32_MAX : lie("size-cut") ? 60 : (uint32_t)sizeof *t;
    t->size = lie("size-grown") ? (uint32_t)sizeof liar : t->size;
    t->size = lie("size-least") ? (uint32_t)offsetof(pln_backend, buffer_create) : t->size;
    t->size = lie("size-half") ? (uint32_t)offsetof(pln_backend, plan_info) + 4 : t->size;
    t->abi = lie("abi") ? 0 : lie("abi-before") ? PLN_ABI_VERSION - 1 : lie("abi-after") ? PLN_ABI_VERSION + 1 : t->abi;
    t->name = lie("name") ? NULL : lie("name-other") ? "honest" : "liar";
    t->device_count = count;
    t->device_info = describe;
    t->device_open = open_device;
    t->supports = judge;
    t->constant_create = create_constant;
    t->plan_create = create_plan;
    t->plan_submit = lie("submit") ? t->plan_run : t->plan_submit;
    if (lie("submit"))
        t->plan_wait = NULL;
    t->plan_info = tell;
    if (lie("buffers"))
        t->buffer_read = NULL;
    leave_out(t);
    return t;
}
