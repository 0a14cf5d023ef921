/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds for every entry: a failure has a sentence, floating-point state is left as it was, what is only lent is not
 * written, and what is said to be there is there.
 */
#include "conformance/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/harness.h"
#include "conformance/heap.h"
#include "conformance/host.h"
#include "conformance/process.h"
#include "conformance/violation.h"

bool conf_runs_allocate;

static const pln_backend *real;
static char *running; /* of conf_guard_tell */

void conf_guard_tell(char entry[CONF_ENTRY])
{
    running = entry;
}

void conf_guard_enter(const char *name)
{
    if (running)
        strncpy(running, name, CONF_ENTRY - 1);
}

void conf_guard_leave(void)
{
    if (running)
        running[0] = '\0';
}

enum { BEHIND_FAILURE = 48 };

/* A call of an entry. */
struct call {
    const char *name;
    uint32_t floats;
    pln_failure error; /* what the entry is given: no text in it ends */
    char behind[BEHIND_FAILURE];
};

static struct call begin(const char *name)
{
    struct call c = {.name = name, .floats = conf_float_state()};
    memset(&c.error, 'Z', sizeof c.error);
    memset(c.behind, 'Z', sizeof c.behind);
    c.error.size = sizeof c.error;
    conf_guard_enter(name);
    conf_host_mark(true);
    return c;
}

static void end(const struct call *c)
{
    const uint32_t now = conf_float_state();
    bool beyond = c->error.size != sizeof c->error;
    for (size_t i = 0; i < sizeof c->behind; i++)
        beyond |= c->behind[i] != 'Z';
    conf_host_mark(false);
    conf_guard_leave();
    if (beyond)
        conf_violate("%s wrote behind the failure of the host, or changed its size", c->name);
    if (now != c->floats) {
        conf_violate("%s left other floating-point state (rounding, flushing or traps) than it found", c->name);
        conf_set_float_state(c->floats);
    }
}

/* The sentence of a failure, for whoever called. */
static pln_status judge(struct call *c, pln_status status, uint32_t n_nodes, pln_failure *error)
{
    end(c);
    if (status == PLN_OK)
        return status;
    const char *stop = memchr(c->error.message, '\0', sizeof c->error.message);
    if ((uint32_t)status > PLN_TIMED_OUT)
        conf_violate("%s returned %d, which is no status", c->name, (int)status);
    else if (!stop)
        conf_violate("%s failed (status %d) without a sentence that ends", c->name, (int)status);
    else if (stop == c->error.message || strchr(c->error.message, '\n'))
        conf_violate("%s failed (status %d) without a sentence, or with more than a line", c->name, (int)status);
    else if (c->error.status != (uint32_t)status)
        conf_violate("%s returned status %d and wrote %d into the error record", c->name, (int)status,
                     (int)c->error.status);
    else if (c->error.node < -1 || c->error.node >= (int32_t)n_nodes)
        conf_violate("%s names node %d, of %u", c->name, (int)c->error.node, n_nodes);
    c->error.message[sizeof c->error.message - 1] = '\0';
    if (error)
        *error = c->error;
    return status;
}

static pln_status count_devices(uint32_t *count, pln_failure *error)
{
    struct call c = begin("device_count");
    return judge(&c, real->device_count(count, &c.error), 0, error);
}

static void check_text(const char *what, const char *text, size_t bytes)
{
    if (!memchr(text, '\0', bytes))
        conf_violate("%s has no end", what);
}

static pln_status tell_info(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *error)
{
    enum { BEHIND = 64, BYTE = 0x3b };
    struct {
        pln_device_description info;
        unsigned char behind[BEHIND];
    } room;
    memset(&room, BYTE, sizeof room);
    room.info = (pln_device_description){.size = sizeof room.info};
    struct call c = begin("device_info");
    const pln_status status = judge(&c, real->device_info(index, device, &room.info, &c.error), 0, error);
    bool beyond = room.info.size != sizeof room.info;
    for (size_t i = 0; i < BEHIND; i++)
        beyond |= room.behind[i] != BYTE;
    if (beyond)
        conf_violate("device_info wrote behind the description of the host, or changed its size");
    *info = room.info;
    if (status == PLN_OK) {
        check_text("the name in device_info", info->name, sizeof info->name);
        check_text("the driver in device_info", info->driver, sizeof info->driver);
        check_text("the version in device_info", info->version, sizeof info->version);
        check_text("the reason in device_info", info->reason, sizeof info->reason);
        check_text("the pci in device_info", info->pci, sizeof info->pci);
    }
    return status;
}

/* What it is given: gone when the entry has returned. */
static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    enum { MOST = 32, TEXT = 256, GROWN = 24 };
    static struct {
        pln_setting setting;
        char key[TEXT], value[TEXT];
    } lent[MOST];
    static struct {
        pln_opening opening;
        unsigned char grown[GROWN];
    } whole;
    memset(&whole, 'Z', sizeof whole);
    whole.opening = *opening;
    whole.opening.size = sizeof whole;
    whole.opening.settings = &lent->setting;
    whole.opening.setting_stride = sizeof *lent;
    for (uint32_t i = 0; i < opening->n_settings && i < MOST; i++) {
        const pln_setting *s = pln_opening_setting(opening, i);
        snprintf(lent[i].key, TEXT, "%s", s->key);
        snprintf(lent[i].value, TEXT, "%s", s->value);
        lent[i].setting = (pln_setting){.size = sizeof *lent, .key = lent[i].key, .value = lent[i].value};
    }
    struct call c = begin("device_open");
    *device = NULL;
    const pln_status status = judge(&c, real->device_open(index, &whole.opening, device, &c.error), 0, error);
    memset(lent, 'Z', sizeof lent);
    memset(&whole, 'Z', sizeof whole);
    if (status == PLN_OK && !*device) {
        conf_violate("device_open returned PLN_OK and no device");
        return PLN_FAILED;
    }
    return status;
}

static void close_device(pln_device **device)
{
    struct call c = begin("device_close");
    real->device_close(device);
    end(&c);
    *device = NULL;
}

static pln_status create_buffer(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *error)
{
    struct call c = begin("buffer_create");
    *buffer = NULL;
    const pln_status status = judge(&c, real->buffer_create(device, bytes, buffer, &c.error), 0, error);
    if (status == PLN_OK && !*buffer) {
        conf_violate("buffer_create returned PLN_OK and no buffer");
        return PLN_FAILED;
    }
    return status;
}

static void destroy_buffer(pln_device *device, pln_buffer **buffer)
{
    struct call c = begin("buffer_destroy");
    real->buffer_destroy(device, buffer);
    end(&c);
    *buffer = NULL;
}

enum { AWAY = 0x7fc0aced, AROUND = 4 };

/* What is written is lent, and what is read ends where it ends: both lie in memory of their own, one word off. */
static uint32_t *borrow(uint64_t count)
{
    uint32_t *memory = malloc((size_t)(count + AROUND) * sizeof *memory);
    for (uint64_t i = 0; memory && i < count + AROUND; i++)
        memory[i] = AWAY;
    return memory;
}

static pln_status write_buffer(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                               const void *data, pln_failure *error)
{
    uint32_t *lent = borrow(count);
    if (!lent)
        return PLN_NO_MEMORY;
    memcpy(lent + 1, data, (size_t)count * sizeof *lent);
    struct call c = begin("buffer_write");
    const pln_status status =
        judge(&c, real->buffer_write(device, buffer, offset, dtype, count, lent + 1, &c.error), 0, error);
    if (memcmp(lent + 1, data, (size_t)count * sizeof *lent) != 0)
        conf_violate("buffer_write wrote into the data, which are only lent");
    memset(lent, 0xff, (size_t)count * sizeof *lent);
    free(lent);
    return status;
}

static pln_status read_buffer(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                              void *data, pln_failure *error)
{
    uint32_t *lent = borrow(count);
    if (!lent)
        return PLN_NO_MEMORY;
    struct call c = begin("buffer_read");
    const pln_status status =
        judge(&c, real->buffer_read(device, buffer, offset, dtype, count, lent + 1, &c.error), 0, error);
    if (lent[0] != AWAY || lent[count + 1] != AWAY)
        conf_violate("buffer_read wrote beside the %llu elements that were asked for", (unsigned long long)count);
    memcpy(data, lent + 1, (size_t)count * sizeof *lent);
    free(lent);
    return status;
}

/* ---- what is asked of a segment */

/* What no node takes, and no plan: a day, a tebibyte. */
static const uint64_t longest_ns = 86400000000000, most_bytes = (uint64_t)1 << 40;
enum { MOST_KERNELS = 1 << 20 };

/* Verdicts lie further apart than they are long; what is between them stays. */
enum { BETWEEN = 40, BETWEEN_BYTE = 0x5c, MOST_VERDICTS = 64 };

static pln_status ask_once(pln_device *device, const pln_segment *segment, unsigned char *room, pln_failure *error)
{
    const size_t stride = sizeof(pln_verdict) + BETWEEN;
    memset(room, BETWEEN_BYTE, segment->n_nodes * stride);
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        memcpy(room + i * stride, &(pln_verdict){.size = sizeof(pln_verdict)}, sizeof(pln_verdict));
    struct call c = begin("supports");
    const pln_status status =
        judge(&c, real->supports(device, segment, (pln_verdict *)(void *)room, (uint32_t)stride, &c.error),
              segment->n_nodes, error);
    for (uint32_t i = 0; status == PLN_OK && i < segment->n_nodes; i++) {
        const pln_verdict *v = (const pln_verdict *)(void *)(room + i * stride);
        check_text("the kernel of a verdict", v->kernel, sizeof v->kernel);
        check_text("the reason of a verdict", v->reason, sizeof v->reason);
        if (v->size != sizeof *v)
            conf_violate("supports changed the size of a verdict, which is the host's");
        if (v->supported > 1)
            conf_violate("supports answered %u, neither 1 nor 0", v->supported);
        if (v->estimated_ns > longest_ns)
            conf_violate("supports estimates %llu ns", (unsigned long long)v->estimated_ns);
        if (!v->supported && !v->reason[0])
            conf_violate("supports refused a node without a reason");
        for (size_t j = sizeof *v; j < stride; j++)
            if (room[i * stride + j] != BETWEEN_BYTE) {
                conf_violate("supports wrote behind a verdict");
                break;
            }
    }
    return status;
}

/* Three times, and the answers are the same. */
static pln_status ask_support(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t stride,
                              pln_failure *error)
{
    enum { TIMES = 3 };
    const size_t apart = sizeof(pln_verdict) + BETWEEN;
    unsigned char *room = malloc(segment->n_nodes * apart);
    if (!room || segment->n_nodes > MOST_VERDICTS) {
        free(room);
        return PLN_NO_MEMORY;
    }
    pln_status status = PLN_OK;
    for (uint32_t t = 0; status == PLN_OK && t < TIMES; t++) {
        status = ask_once(device, segment, room, error);
        for (uint32_t i = 0; status == PLN_OK && i < segment->n_nodes; i++) {
            pln_verdict *to = (pln_verdict *)(void *)((char *)verdicts + (size_t)i * stride);
            const pln_verdict *from = (const pln_verdict *)(void *)(room + i * apart);
            if (t && to->supported != from->supported)
                conf_violate("supports is not pure: the same node was %s, then %s", to->supported ? "taken" : "refused",
                             from->supported ? "taken" : "refused");
            *to = *from;
        }
    }
    free(room);
    return status;
}

static pln_status create_constant(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *error)
{
    struct call c = begin("constant_create");
    *constant = NULL;
    const pln_status status = judge(&c, real->constant_create(device, info, constant, &c.error), 0, error);
    if (status == PLN_OK && !*constant) {
        conf_violate("constant_create returned PLN_OK and no constant");
        return PLN_FAILED;
    }
    return status;
}

static void destroy_constant(pln_device *device, pln_constant **constant)
{
    struct call c = begin("constant_destroy");
    real->constant_destroy(device, constant);
    end(&c);
    *constant = NULL;
}

static pln_status create_plan(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error)
{
    struct call c = begin("plan_create");
    *plan = NULL;
    const pln_status status = judge(&c, real->plan_create(device, segment, plan, &c.error), segment->n_nodes, error);
    if (status == PLN_OK && !*plan) {
        conf_violate("plan_create returned PLN_OK and no plan");
        return PLN_FAILED;
    }
    return status;
}

static pln_status run_plan(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    const uint64_t calls = conf_heap_calls();
    struct call c = begin("plan_run");
    conf_host_watch_run(true);
    const pln_status status = real->plan_run(plan, run, &c.error);
    conf_host_watch_run(false);
    if (conf_heap_calls() != calls && !conf_runs_allocate)
        conf_violate("plan_run called malloc %llu times", (unsigned long long)(conf_heap_calls() - calls));
    const uint32_t allocations = conf_host_take_allocations();
    if (allocations)
        conf_violate("%u allocations while the plan ran", allocations);
    return judge(&c, status, MOST_VERDICTS, error);
}

/* Numbers of a submitted run are lent until plan_submit returns. */
static pln_status submit_plan(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    uint32_t dims[CONF_SYMBOLS];
    pln_run lent = *run;
    memcpy(dims, run->dims, run->n_dims * sizeof *dims);
    lent.dims = dims;
    const uint64_t calls = conf_heap_calls();
    struct call c = begin("plan_submit");
    conf_host_watch_run(true);
    const pln_status status = real->plan_submit(plan, &lent, &c.error);
    if (status != PLN_OK)
        conf_host_watch_run(false);
    if (memcmp(dims, run->dims, run->n_dims * sizeof *dims) != 0)
        conf_violate("plan_submit wrote into the numbers of the run, which are only lent");
    memset(dims, 0xff, sizeof dims);
    memset(&lent, 0xff, sizeof lent);
    if (conf_heap_calls() != calls && !conf_runs_allocate)
        conf_violate("plan_submit called malloc %llu times", (unsigned long long)(conf_heap_calls() - calls));
    return judge(&c, status, MOST_VERDICTS, error);
}

static pln_status wait_for_plan(pln_plan *plan, uint64_t timeout_ns, pln_failure *error)
{
    struct call c = begin("plan_wait");
    const pln_status status = real->plan_wait(plan, timeout_ns, &c.error);
    if (status == PLN_TIMED_OUT) {
        end(&c);
        return status;
    }
    conf_host_watch_run(false);
    const uint32_t allocations = conf_host_take_allocations();
    if (allocations)
        conf_violate("%u allocations while a submitted plan ran", allocations);
    return judge(&c, status, MOST_VERDICTS, error);
}

static void cancel_plan(pln_plan *plan)
{
    const uint32_t floats = conf_float_state(); /* beside an entry on another thread, whose name stays */
    real->plan_cancel(plan);
    if (conf_float_state() != floats)
        conf_violate("plan_cancel left other floating-point state than it found");
}

static pln_status ask_health(pln_device *device, pln_failure *error)
{
    struct call c = begin("device_health");
    return judge(&c, real->device_health(device, &c.error), 0, error);
}

static void destroy_plan(pln_plan **plan)
{
    struct call c = begin("plan_destroy");
    real->plan_destroy(plan);
    end(&c);
    *plan = NULL;
}

static pln_status tell_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error)
{
    struct call c = begin("plan_timing");
    return judge(&c, real->plan_timing(plan, node_ns, n_nodes, &c.error), n_nodes, error);
}

static pln_status tell_plan(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                            pln_failure *error)
{
    struct call c = begin("plan_info");
    const pln_status status =
        judge(&c, real->plan_info(device, segment, plan, info, &c.error), segment ? segment->n_nodes : 0, error);
    if (status == PLN_OK && (info->scratch_bytes > most_bytes || info->constant_bytes > most_bytes))
        conf_violate("plan_info tells of %llu bytes of scratch and %llu of constants",
                     (unsigned long long)info->scratch_bytes, (unsigned long long)info->constant_bytes);
    if (info->size != sizeof *info)
        conf_violate("plan_info changed the size of the info, which is the host's");
    if (status == PLN_OK && info->n_kernels > MOST_KERNELS)
        conf_violate("plan_info tells of %u kernels", info->n_kernels);
    return status;
}

const pln_backend *conf_guard(const pln_backend *backend)
{
    static pln_backend guarded;
    const size_t known = backend->size < sizeof guarded ? backend->size : sizeof guarded;
    memset(&guarded, 0, sizeof guarded);
    memcpy(&guarded, backend, known);
    static pln_backend copy;
    copy = guarded;
    real = &copy;
    guarded.device_count = count_devices;
    guarded.device_info = tell_info;
    guarded.device_open = open_device;
    guarded.device_close = close_device;
    guarded.buffer_create = guarded.buffer_create ? create_buffer : NULL;
    guarded.buffer_destroy = guarded.buffer_destroy ? destroy_buffer : NULL;
    guarded.buffer_write = guarded.buffer_write ? write_buffer : NULL;
    guarded.buffer_read = guarded.buffer_read ? read_buffer : NULL;
    guarded.supports = ask_support;
    guarded.constant_create = create_constant;
    guarded.constant_destroy = destroy_constant;
    guarded.plan_create = create_plan;
    guarded.plan_run = run_plan;
    guarded.plan_destroy = destroy_plan;
    guarded.plan_timing = guarded.plan_timing ? tell_timing : NULL;
    guarded.plan_info = guarded.plan_info ? tell_plan : NULL;
    guarded.plan_submit = guarded.plan_submit ? submit_plan : NULL;
    guarded.plan_wait = guarded.plan_wait ? wait_for_plan : NULL;
    guarded.plan_cancel = guarded.plan_cancel ? cancel_plan : NULL;
    guarded.device_health = guarded.device_health ? ask_health : NULL;
    return &guarded;
}
