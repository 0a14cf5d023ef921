# SPDX-License-Identifier: Apache-2.0
"""mini.c with runs that do not block, as a backend with a queue has them, and faults of such: see mutants.py. GOOD are
variants of mini.c that are right."""
from mutants import DONE, PLAN, RUN, SYSTEM, TABLE, TEAM, at

FLIGHT = """
struct flight {
    pthread_t thread;
    uint32_t dims[64], ticket;
    int flies, once;
    atomic_int over, cancelled;
    pln_status status;
};
"""
DEVICE = "struct pln_device {\n    const pln_host *host;\n"
ENTRIES = """
static void linear_row(const struct node *node, uint32_t r);

static void *fly(void *argument)
{
    pln_plan *p = argument;
    struct flight *f = &p->flight;
    while (atomic_load(&p->device->finished) != f->ticket)
        usleep(50);
    for (uint32_t i = 0; i < p->n_nodes; i++)
        for (uint32_t r = 0; r < pln_dim_rows(p->nodes[i].y.rows, f->dims) && !f->cancelled; r++)
            linear_row(&p->nodes[i], r);
    f->status = f->cancelled ? PLN_CANCELLED : PLN_OK;
    atomic_fetch_add(&p->device->finished, 1);
    atomic_store(&f->over, 1);
    return NULL;
}

static pln_status plan_submit(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    struct flight *f = &plan->flight;
    if (f->flies)
        return pln_failed(failure, PLN_FAILED, -1, "mini: the plan is on its way");
    memcpy(f->dims, run->dims, run->n_dims * sizeof *run->dims);
    f->cancelled = 0;
    f->over = 0;
    f->ticket = plan->device->submitted++;
    f->flies = 1;
    pthread_create(&f->thread, NULL, fly, plan);
    return PLN_OK;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static pln_status plan_wait(pln_plan *plan, uint64_t timeout_ns, pln_failure *failure)
{
    struct flight *f = &plan->flight;
    const uint64_t begin = now_ns();
    while (!f->over) {
        if (now_ns() - begin >= timeout_ns)
            return PLN_TIMED_OUT;
        usleep(50);
    }
    pthread_join(f->thread, NULL);
    f->flies = 0;
    return f->status == PLN_OK ? PLN_OK : pln_failed(failure, f->status, -1, "mini: the run was cancelled");
}

static void plan_cancel(pln_plan *plan)
{
    atomic_store(&plan->flight.cancelled, 1);
}

static pln_status device_health(pln_device *device, pln_failure *failure)
{
    (void)device, (void)failure;
    return PLN_OK;
}

"""
LAST = "                                    .plan_destroy = plan_destroy}"
SUBMITS = [
    (SYSTEM[0], SYSTEM[1].replace("#include <fcntl.h>", "#include <fcntl.h>\n#include <stdatomic.h>\n#include <time.h>")),
    (DEVICE, DEVICE + "    atomic_uint submitted, finished;\n"),
    ("struct pln_plan {\n", FLIGHT + "struct pln_plan {\n    pln_device *device;\n"),
    (PLAN, "    struct flight flight;\n" + PLAN),
    at("    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};\n", "    p->device = device;\n"),
    (TABLE, ENTRIES + TABLE),
    (LAST, LAST[:-1] + ",\n                                    .plan_submit = plan_submit,\n"
     "                                    .plan_wait = plan_wait,\n"
     "                                    .plan_cancel = plan_cancel,\n"
     "                                    .device_health = device_health}"),
]
GOOD = [("runs that are submitted", SUBMITS)]


def health(body):
    return SUBMITS + [("    (void)device, (void)failure;\n    return PLN_OK;\n}\n\nstatic const", body + "}\n\nstatic const")]


MUTANTS = [(name, wanted, SUBMITS + edits) for name, wanted, edits in [
    ("submit without wait", "one is there and one is NULL", [("                                    .plan_wait = plan_wait,\n", "")]),
    ("wait without submit", "one is there and one is NULL", [("                                    .plan_submit = plan_submit,\n", "")]),
    ("runs when it is waited for", "submitted plans in order",
     [("    pthread_create(&f->thread, NULL, fly, plan);\n", ""), ("    const uint64_t begin = now_ns();\n", "    f->ticket = plan->device->finished;\n    fly(plan);\n    const uint64_t begin = now_ns();\n"), ("    pthread_join(f->thread, NULL);\n", "")]),
    ("keeps the numbers of a submitted run", "submitted runs",
     [("    memcpy(f->dims, run->dims, run->n_dims * sizeof *run->dims);\n", "    f->lent = run->dims;\n"), ("    int flies, once;\n", "    int flies, once;\n    const uint32_t *lent;\n"),
      ("    while (atomic_load(&p->device->finished) != f->ticket)\n        usleep(50);\n", "    usleep(2000);\n    memcpy(f->dims, f->lent, 8);\n    f->dims[1] %= 1000;\n    usleep(50);\n")]),
    ("writes the numbers of a submitted run", "plan_submit wrote into the numbers", [("    f->cancelled = 0;\n", "    f->cancelled = 0;\n    ((uint32_t *)(uintptr_t)run->dims)[run->n_dims - 1]++;\n")]),
    ("wait does not wait", "submitted runs", [("        if (now_ns() - begin >= timeout_ns)\n            return PLN_TIMED_OUT;\n", "        return PLN_OK;\n"), ("    while (atomic_load(&p->device->finished) != f->ticket)\n", "    usleep(20000);\n    while (atomic_load(&p->device->finished) != f->ticket)\n")]),
    ("wait never ends", "plan_wait without a limit", [("    while (!f->over) {\n", "    while (1) {\n"), ("now_ns() - begin >= timeout_ns", "now_ns() - begin >= (timeout_ns > 100000000 ? 100000000 : timeout_ns)")]),
    ("no limit overflows", "plan_wait without a limit", [("now_ns() - begin >= timeout_ns", "now_ns() >= begin + timeout_ns"), ("    while (atomic_load(&p->device->finished) != f->ticket)\n", "    usleep(20000);\n    while (atomic_load(&p->device->finished) != f->ticket)\n")]),
    ("a look waits for the run", "plan_wait of at most a millisecond", [("        if (now_ns() - begin >= timeout_ns)\n            return PLN_TIMED_OUT;\n", "")]),
    ("submitted plans beside each other", "submitted plans in order", [("    while (atomic_load(&p->device->finished) != f->ticket)\n        usleep(50);\n", "    usleep(f->ticket % 2 ? 0 : 20000);\n")]),
    ("a submitted run that hangs", "in plan_wait: no answer", [("    while (atomic_load(&p->device->finished) != f->ticket)\n", "    while (1)\n")]),
    ("a submitted run that crashes", "in plan_wait: it ended its process by signal 11", [("    while (atomic_load(&p->device->finished) != f->ticket)\n        usleep(50);\n", "    usleep(1000);\n    *(volatile int *)0 = 1;\n")]),
    ("it flies once", "submitted runs", [("    f->flies = 0;\n", "")]),
    ("its blocking runs fail", "submitted runs", [(RUN, RUN + '    if (plan->flight.once)\n        return pln_failed(failure, PLN_FAILED, -1, "mini: not now");\n'), ("    f->flies = 1;\n", "    f->flies = f->once = 1;\n")]),
    ("submit allocates", "allocations while a submitted plan ran", [("    f->cancelled = 0;\n", "    f->cancelled = 0;\n    plan->host->release(plan->host->context, plan->host->allocate(plan->host->context, 64));\n")]),
    ("submit calls malloc", "plan_submit called malloc", [("    f->cancelled = 0;\n", "    f->cancelled = 0;\n    static void *volatile keep;\n    keep = malloc(64);\n    free(keep);\n")]),
    ("submit rounds up", "plan_submit left other floating-point state", [("    f->cancelled = 0;\n", "    f->cancelled = 0;\n    _mm_setcsr((_mm_getcsr() & ~0x6000u) | 0x4000);\n")]),
    ("submit fails silently", "plan_submit failed", [("    f->cancelled = 0;\n", "    f->cancelled = 0;\n    if (plan->n_nodes)\n        return PLN_FAILED;\n")]),
    ("the team in a thread of its own", "inside no entry", [("    f->status = f->cancelled ?", "    p->dims = f->dims;\n    p->host->team_run(p->host->context, run_member, p);\n    f->status = f->cancelled ?"), ("static void linear_row(const struct node *node, uint32_t r);\n", "static void linear_row(const struct node *node, uint32_t r);\nstatic void run_member(void *argument, uint32_t index, uint32_t members);\n")]),
    ("cancelled for good", "runs that are cancelled: plan_cancel before a run is not in vain", [("    f->cancelled = 0;\n", ""), (RUN, RUN + '    if (plan->flight.cancelled)\n        return pln_failed(failure, PLN_CANCELLED, -1, "mini: cancelled");\n')]),
    ("cancelled once more", "a run after one that was cancelled", [("    f->cancelled = 0;\n", ""), (RUN, RUN + '    if (plan->flight.cancelled && plan->flight.once)\n        return pln_failed(failure, PLN_CANCELLED, -1, "mini: cancelled");\n'), ("    f->flies = 1;\n", "    f->flies = f->once = 1;\n    for (volatile int wait = 0; wait < 1000000; wait++) {\n    }\n")]),
    ("a cancelled run fails", "neither PLN_OK nor PLN_CANCELLED", [("f->cancelled ? PLN_CANCELLED", "f->cancelled ? PLN_FAILED"), ("    while (atomic_load(&p->device->finished) != f->ticket)\n", "    usleep(20000);\n    while (atomic_load(&p->device->finished) != f->ticket)\n")]),
    ("cancelled without a sentence", "plan_wait failed", [('pln_failed(failure, f->status, -1, "mini: the run was cancelled")', "f->status"), ("    while (atomic_load(&p->device->finished) != f->ticket)\n", "    usleep(20000);\n    while (atomic_load(&p->device->finished) != f->ticket)\n")]),
    ("a cancelled run stays on its way", "a run after one that was cancelled", [("    f->flies = 0;\n", "    f->flies = f->once = f->status != PLN_OK;\n"), (RUN, RUN + '    if (plan->flight.once)\n        return pln_failed(failure, PLN_FAILED, -1, "mini: the plan is on its way");\n'), ("    while (atomic_load(&p->device->finished) != f->ticket)\n", "    usleep(20000);\n    while (atomic_load(&p->device->finished) != f->ticket)\n")]),
    ("a cancelled run says it was not", "says it was not", [("f->cancelled ? PLN_CANCELLED : PLN_OK", "PLN_OK")]),
    ("cancels what was submitted last", "a run behind one that was cancelled", [("    atomic_store(&plan->flight.cancelled, 1);\n", "    (void)plan;\n    atomic_store(&last->flight.cancelled, 1);\n"), ("static pln_status plan_submit(", "static pln_plan *last;\n\nstatic pln_status plan_submit("), ("    f->flies = 1;\n", "    f->flies = 1;\n    last = plan;\n")]),
    ("each submitted run leaves a thread's stack", "each submitted run leaves memory", [("    pthread_join(f->thread, NULL);\n", "")]),
    ("cancel crashes", "signal", [("    atomic_store(&plan->flight.cancelled, 1);\n", "    pthread_kill(plan->flight.thread, SIGKILL * 0 + SIGSEGV);\n")]),
    ("a cancelled run has half its rows for good", "runs that are cancelled", [("    f->cancelled = 0;\n", "")]),
]] + [(name, wanted, health(body)) for name, wanted, body in [
    ("health says lost", "health: device_health of a device that works", '    return pln_failed(failure, PLN_DEVICE_LOST, -1, "mini: lost");\n'),
    ("health without a sentence", "device_health failed", "    return PLN_DEVICE_LOST;\n"),
    ("health leaks", "each device_health leaves", "    static void *volatile keep;\n    keep = malloc(100);\n    return PLN_OK;\n"),
    ("health prints", "printed to stdout", '    puts("I am well");\n    return PLN_OK;\n'),
    ("health crashes", "in device_health: it ended its process by signal 11", "    *(volatile int *)0 = 1;\n    return PLN_OK;\n"),
    ("health exits", "in device_health: it ended its process with exit code 0", "    exit(0);\n    return PLN_OK;\n"),
    ("health hangs", "in device_health: no answer", "    for (volatile int i = 1; i;) {\n    }\n    return PLN_OK;\n"),
    ("health of one thread", "health: device_health of a device that works", '    static pthread_t first;\n    if (!first)\n        first = pthread_self();\n    return pthread_equal(first, pthread_self()) ? PLN_OK : pln_failed(failure, PLN_DEVICE_LOST, -1, "mini: who are you?");\n'),
]]
