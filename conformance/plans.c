/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 4: plans that are run often, several at a time, on several devices and threads; what they leave.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/bench.h"
#include "common/clock.h"
#include "conformance/heap.h"
#include "conformance/instance.h"

/* A case with its plan on a device, and beside it on the oracle. */
struct pair {
    struct conf_case c;
    uint32_t group, index;
    struct conf_instance in, right;
};

static enum conf_verdict open_pair(struct pair *p, struct conf_bench *bench, const struct conf_target *target,
                                   uint32_t flags, char *why, size_t bytes)
{
    p->in = (struct conf_instance){.target = target, .flags = flags};
    p->right = (struct conf_instance){.target = &bench->oracle};
    const enum conf_verdict verdict = conf_instance_open(&p->in, &p->c, why, bytes);
    return verdict == CONF_PASSED ? conf_instance_open(&p->right, &p->c, why, bytes) : verdict;
}

static void close_pair(struct pair *p)
{
    if (!p)
        return;
    conf_instance_close(&p->in);
    conf_instance_close(&p->right);
    conf_free(&p->c);
    free(p);
}

static enum conf_verdict run_pair(struct pair *p, uint32_t round, char *why, size_t bytes)
{
    return conf_check_round(&p->in, &p->right, conf_groups[p->group].fill, p->index, &p->c, round, why, bytes);
}

/* The taken case of the test's group behind `skip` others, opened on the target. */
static struct pair *make(struct conf_bench *bench, const struct conf_test *test, const struct conf_target *target,
                         uint32_t skip, uint32_t flags, enum conf_verdict *verdict, char *why, size_t bytes)
{
    struct pair *p = calloc(1, sizeof *p);
    *verdict = CONF_REFUSED;
    if (!p || !conf_first_taken(target, test->group, skip, &p->c, &p->index, why, bytes)) {
        free(p);
        return NULL;
    }
    p->group = test->group;
    *verdict = open_pair(p, bench, target, flags, why, bytes);
    return p;
}

enum { SECOND = 1, OTHER = 3 }; /* which taken cases are used: other shapes, other operands */

/* A case that is not small, as far as there are such: those of a group grow. */
static struct pair *make_large(struct conf_bench *bench, const struct conf_test *test, const struct conf_target *target,
                               uint32_t which, uint32_t flags, enum conf_verdict *verdict, char *why, size_t bytes)
{
    static const uint32_t skips[] = {60, 20, 5, 0};
    struct pair *p = NULL;
    for (size_t i = 0; !p && i < sizeof skips / sizeof *skips; i++)
        p = make(bench, test, target, skips[i] + which, flags, verdict, why, bytes);
    return p ? p : make(bench, test, target, 0, flags, verdict, why, bytes);
}

/* One plan, many runs of changing numbers. */
static enum conf_verdict try_replay(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    static const uint32_t rounds[] = {1, 0, 0, 1, 1, 2, 0, 1, 2, 2};
    enum conf_verdict verdict;
    struct pair *p = make(bench, test, &bench->target, SECOND, 0, &verdict, why, bytes);
    for (size_t i = 0; verdict == CONF_PASSED && i < sizeof rounds / sizeof *rounds; i++)
        verdict = run_pair(p, rounds[i], why, bytes);
    close_pair(p);
    return verdict;
}

/* Two plans in turn, then one of them alone. */
static enum conf_verdict run_in_turn(struct pair *a, struct pair *b, char *why, size_t bytes)
{
    static const uint32_t rounds[] = {0, 1, 2};
    enum conf_verdict verdict = CONF_PASSED;
    for (size_t i = 0; verdict == CONF_PASSED && i < sizeof rounds / sizeof *rounds; i++) {
        verdict = run_pair(a, rounds[i], why, bytes);
        if (verdict == CONF_PASSED)
            verdict = run_pair(b, rounds[(i + 1) % 3], why, bytes);
    }
    return verdict;
}

static enum conf_verdict try_two_plans(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum conf_verdict first, second;
    struct pair *a = make(bench, test, &bench->target, 0, 0, &first, why, bytes);
    struct pair *b = first == CONF_PASSED ? make(bench, test, &bench->target, OTHER, 0, &second, why, bytes) : NULL;
    enum conf_verdict verdict = first != CONF_PASSED ? first : second;
    if (verdict == CONF_PASSED)
        verdict = run_in_turn(a, b, why, bytes);
    close_pair(a);
    if (verdict == CONF_PASSED)
        verdict = run_pair(b, 1, why, bytes);
    close_pair(b);
    return verdict;
}

/* Two plans over the same constants and memory, of which one is destroyed while the other goes on. */
static enum conf_verdict try_shared(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum conf_verdict verdict;
    pln_failure error = {.size = sizeof error};
    struct pair *p = make(bench, test, &bench->target, SECOND, 0, &verdict, why, bytes);
    pln_plan *first = verdict == CONF_PASSED ? p->in.plan : NULL;
    if (first) {
        p->in.plan = NULL;
        if (conf_instance_plan(&p->in, &p->c, &error) != PLN_OK) {
            snprintf(why, bytes, "a second plan with the same constants: %s", error.message);
            verdict = CONF_FAILED;
        }
    }
    pln_plan *other = first ? p->in.plan : NULL;
    for (uint32_t i = 0; verdict == CONF_PASSED && i < 3; i++) {
        if (i == 2) { /* the other one alone */
            bench->backend->plan_destroy(&first);
            first = NULL;
        }
        p->in.plan = i == 0 ? first : other;
        verdict = run_pair(p, i, why, bytes);
    }
    if (first)
        bench->backend->plan_destroy(&first);
    if (p)
        p->in.plan = other;
    close_pair(p);
    return verdict;
}

/* More plans at a time than a table of a few has places; the first and the last of them run. */
static enum conf_verdict try_many(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { MANY = 40 };
    struct pair *pairs[MANY] = {NULL};
    enum conf_verdict verdict = CONF_PASSED;
    for (uint32_t i = 0; verdict == CONF_PASSED && i < MANY; i++)
        pairs[i] = make(bench, test, &bench->target, 0, 0, &verdict, why, bytes);
    for (uint32_t i = 0; verdict == CONF_PASSED && i < MANY; i += MANY - 1)
        verdict = run_pair(pairs[i], i % 2, why, bytes);
    for (uint32_t i = 0; i < MANY; i++)
        close_pair(pairs[i]);
    return verdict;
}

/* ---- weights */

static conf_fill *filled; /* by fill_turned */

static void turn(struct conf_case *c)
{
    for (uint32_t i = 0; i < c->n_values; i++)
        for (size_t j = 0;
             c->values[i].kind == PLN_VALUE_CONSTANT && j < (size_t)c->values[i].rows.offset * c->values[i].width; j++)
            conf_floats(c, (int32_t)i)[j] *= -1;
}

/* The case with the sign of every weight turned. */
static bool fill_turned(struct conf_case *c, uint32_t index)
{
    const bool is = filled(c, index);
    if (is)
        turn(c);
    return is;
}

/* Other numbers in the memory, under the names, of the weights of a plan that was destroyed: nothing is kept by these. */
static enum conf_verdict try_turned(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { CASES = 5 };
    struct conf_case *c = malloc(sizeof *c);
    enum conf_verdict verdict = CONF_PASSED;
    uint32_t index, i = 0;
    filled = conf_groups[test->group].fill;
    for (; verdict == CONF_PASSED && c && i < CASES; i++) {
        if (!conf_first_taken(&bench->target, test->group, i, c, &index, why, bytes))
            break;
        verdict = conf_check(&bench->target, &bench->oracle, filled, index, c, why, bytes);
        turn(c);
        if (verdict == CONF_PASSED)
            verdict = conf_check(&bench->target, &bench->oracle, fill_turned, index, c, why, bytes);
        conf_free(c);
    }
    free(c);
    return i ? verdict : CONF_REFUSED;
}

/* A second device on a host of its own. */
struct second {
    struct conf_host *host;
    struct conf_target target;
};

static bool open_second(struct conf_bench *bench, struct second *s, uint32_t members, uint32_t as_if, char *why,
                        size_t bytes)
{
    s->host = conf_host_create(members, as_if);
    s->target.device = NULL;
    return s->host && conf_bench_target(bench, NULL, s->host, &s->target, why, bytes);
}

static enum conf_verdict close_second(struct second *s, enum conf_verdict verdict, char *why, size_t bytes)
{
    conf_bench_close_target(&s->target);
    if (s->host) {
        conf_host_check(s->host);
        if (verdict == CONF_PASSED && conf_host_live(s->host)) {
            snprintf(why, bytes, "%u blocks of host->allocate are left after device_close", conf_host_live(s->host));
            verdict = CONF_FAILED;
        }
    }
    conf_host_destroy(&s->host);
    return verdict;
}

/* Two opens with a plan each, in turn; the second is closed while the first goes on. */
static enum conf_verdict try_two_opens(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct second s = {0};
    enum conf_verdict first = CONF_FAILED, second = CONF_FAILED;
    struct pair *a = NULL, *b = NULL;
    if (open_second(bench, &s, 1, 0, why, bytes)) {
        a = make(bench, test, &bench->target, 0, 0, &first, why, bytes);
        b = first == CONF_PASSED ? make(bench, test, &s.target, SECOND, 0, &second, why, bytes) : NULL;
    }
    enum conf_verdict verdict = first != CONF_PASSED ? first : second;
    if (verdict == CONF_PASSED)
        verdict = run_in_turn(a, b, why, bytes);
    close_pair(b);
    verdict = close_second(&s, verdict, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = run_pair(a, 1, why, bytes);
    close_pair(a);
    return verdict;
}

/* Teams of which a run gets fewer members than team_size says. */
static enum conf_verdict try_members(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    static const uint32_t teams[][2] = {{1, 4}, {2, 7}};
    enum conf_verdict verdict = CONF_PASSED;
    for (size_t i = 0; verdict == CONF_PASSED && i < sizeof teams / sizeof *teams; i++) {
        struct second s = {0};
        struct pair *p = NULL;
        verdict = CONF_FAILED;
        if (open_second(bench, &s, teams[i][0], teams[i][1], why, bytes))
            p = make(bench, test, &s.target, SECOND, 0, &verdict, why, bytes);
        for (uint32_t round = 0; verdict == CONF_PASSED && round < CONF_ROUNDS; round++)
            verdict = run_pair(p, round, why, bytes);
        close_pair(p);
        verdict = close_second(&s, verdict, why, bytes);
    }
    return verdict;
}

/* ---- threads */

enum { LEAST_ROUNDS = 40, MOST_ROUNDS = 4000 };
static const double meeting_seconds = 0.2; /* long enough for runs to meet on a busy machine */

struct runner {
    struct pair *pair;
    struct conf_case now;
    pln_status status;
    bool differs;
};

/* The same run over and over; what it made must have the bits of the first time. */
static void *run_often(void *argument)
{
    struct runner *r = argument;
    pln_failure error = {.size = sizeof error};
    uint32_t *first = malloc(r->pair->in.words * sizeof *first);
    const double until = clock_seconds() + meeting_seconds;
    for (uint32_t i = 0; first && r->status == PLN_OK && !r->differs; i++) {
        if (i >= MOST_ROUNDS || (i >= LEAST_ROUNDS && clock_seconds() > until))
            break;
        r->status = conf_instance_run(&r->pair->in, &r->now, &error);
        if (i == 0)
            memcpy(first, r->pair->in.after, r->pair->in.words * sizeof *first);
        r->differs = memcmp(first, r->pair->in.after, r->pair->in.words * sizeof *first) != 0;
    }
    free(first);
    return NULL;
}

static void begin_runner(struct runner *r, struct pair *pair)
{
    *r = (struct runner){.pair = pair};
    conf_begin(&r->now, pair->index, 0);
    conf_groups[pair->group].fill(&r->now, pair->index);
}

static enum conf_verdict run_side_by_side(struct pair *a, struct pair *b, char *why, size_t bytes)
{
    struct runner *runners = calloc(2, sizeof *runners);
    pthread_t thread;
    if (!runners)
        return CONF_FAILED;
    begin_runner(&runners[0], a);
    begin_runner(&runners[1], b);
    const bool threaded = pthread_create(&thread, NULL, run_often, &runners[1]) == 0;
    run_often(&runners[0]);
    if (threaded)
        pthread_join(thread, NULL);
    const bool failed = runners[0].status != PLN_OK || runners[1].status != PLN_OK;
    const bool differs = runners[0].differs || runners[1].differs;
    if (failed || differs)
        snprintf(why, bytes, "%s",
                 failed ? "a run beside another one, on another thread, failed"
                        : "a run beside another one, on another thread, gave other bits");
    conf_free(&runners[0].now);
    conf_free(&runners[1].now);
    free(runners);
    return failed || differs ? CONF_FAILED : CONF_PASSED;
}

/* Two opens on a thread each; of a device that says CONCURRENT two plans of one open. Taken cases that are not the
 * smallest, so that the runs meet. */
static enum conf_verdict try_threads(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct second s = {0};
    enum conf_verdict verdict = CONF_FAILED, second = CONF_PASSED;
    struct pair *a = NULL, *b = NULL;
    const bool concurrent = bench->target.info.flags & PLN_DEVICE_FLAG_CONCURRENT;
    if (open_second(bench, &s, 2, 0, why, bytes)) {
        a = make_large(bench, test, &bench->target, 0, 0, &verdict, why, bytes);
        if (verdict == CONF_PASSED)
            b = make_large(bench, test, concurrent ? &bench->target : &s.target, 1, 0, &second, why, bytes);
        verdict = verdict == CONF_PASSED ? second : verdict;
    }
    if (verdict == CONF_PASSED)
        verdict = run_side_by_side(a, b, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = run_pair(a, 1, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = run_pair(b, 0, why, bytes);
    close_pair(a);
    close_pair(b);
    return close_second(&s, verdict, why, bytes);
}

/* ---- steady, timed */

/* Whether the rows of a short run have the bits of the full one before it; the word of an output in both images. */
static bool has_same_bits(const struct pair *p, const struct conf_case *now, const uint32_t *full)
{
    for (uint32_t i = 0; i < now->n_values; i++) {
        const struct conf_value *v = &now->values[i];
        const uint32_t base = v->base == PLN_ABSENT ? i : (uint32_t)v->base;
        for (uint32_t r = 0; v->kind == PLN_VALUE_TEMPORARY && r < conf_count(now, v->rows); r++) {
            const uint32_t at = p->in.places[base] + v->first + r * v->stride;
            if (memcmp(&full[at], &p->in.after[at], v->width * sizeof *full) != 0)
                return false;
        }
    }
    return true;
}

/* A plan that is steady gives a row the same bits alone and among others. */
static enum conf_verdict try_steady(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum conf_verdict verdict;
    pln_failure error = {.size = sizeof error};
    struct pair *p = make_large(bench, test, &bench->target, 0, PLN_SEGMENT_STEADY, &verdict, why, bytes);
    if (verdict == CONF_PASSED)
        verdict = run_pair(p, 0, why, bytes);
    uint32_t *full = verdict == CONF_PASSED ? malloc(p->in.words * sizeof *full) : NULL;
    if (full && p->c.n_symbols == 2) { /* rows alone: fewer of them need no other inputs */
        memcpy(full, p->in.after, p->in.words * sizeof *full);
        const uint32_t rows = p->c.numbers[1];
        for (uint32_t n = 1; verdict == CONF_PASSED && n < rows; n = 2 * n + 1) {
            p->c.numbers[1] = n;
            if (conf_instance_run(&p->in, &p->c, &error) != PLN_OK || !has_same_bits(p, &p->c, full)) {
                snprintf(why, bytes, "of %u rows the first %u have other bits in a run of their own", rows, n);
                verdict = CONF_FAILED;
            }
        }
        p->c.numbers[1] = rows;
    }
    free(full);
    if (verdict == CONF_PASSED)
        verdict = run_pair(p, 1, why, bytes);
    close_pair(p);
    return verdict;
}

static enum conf_verdict try_timing(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { BEHIND = 4 };
    enum conf_verdict verdict;
    uint64_t ns[CONF_NODES + BEHIND];
    const uint64_t mark = 0x5eedf00d5eedf00d;
    pln_failure error = {.size = sizeof error};
    struct pair *p = make(bench, test, &bench->target, SECOND, PLN_SEGMENT_TIMED, &verdict, why, bytes);
    const uint64_t begin = clock_ns();
    if (verdict == CONF_PASSED)
        verdict = run_pair(p, 0, why, bytes);
    const uint64_t wall = clock_ns() - begin; /* longer than any node of it took */
    for (uint32_t i = 0; i < CONF_NODES + BEHIND; i++)
        ns[i] = mark;
    if (verdict == CONF_PASSED && bench->backend->plan_timing) {
        const pln_status status = bench->backend->plan_timing(p->in.plan, ns, p->c.n_nodes, &error);
        for (uint32_t i = 0; verdict == CONF_PASSED && i < CONF_NODES + BEHIND; i++)
            if (status != PLN_OK || (i < p->c.n_nodes ? ns[i] > wall : ns[i] != mark)) {
                if (status != PLN_OK || i >= p->c.n_nodes)
                    snprintf(why, bytes, "plan_timing %s", status != PLN_OK ? error.message : "wrote behind the nodes");
                else
                    snprintf(why, bytes, "plan_timing gave node %u %llu ns, of a run of less than %llu", i,
                             (unsigned long long)ns[i], (unsigned long long)wall);
                verdict = CONF_FAILED;
            }
    }
    close_pair(p);
    return verdict;
}

/* ---- leaks */

/* What a process has of the system. */
struct held {
    uint32_t descriptors, threads, pages;
};

static struct held look_at_held(void)
{
    return (struct held){conf_descriptors(), conf_threads(), conf_pages()};
}

/* Of so many rounds each left one; pages may grow once for all (`grown`: rounds in which they did). */
static const char *growth_of(struct held before, uint32_t grown, uint32_t rounds)
{
    const struct held now = look_at_held();
    return now.descriptors >= before.descriptors + rounds ? "a descriptor"
           : now.threads >= before.threads + rounds       ? "a thread"
           : grown >= rounds                              ? "memory of the system (mmap)"
                                                          : NULL;
}

/* Runs of one plan, then plans of one device: what is out grows by no run and no plan. */
static enum conf_verdict try_leaks(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    enum { RUNS = 24, PLANS = 12, WARM = 3 };
    const bool own = bench->target.info.flags & PLN_DEVICE_FLAG_HOST_MEMORY; /* no driver below */
    enum conf_verdict verdict;
    uint64_t heap = 0, all = 0;
    pln_failure error = {.size = sizeof error};
    struct pair *p = make(bench, test, &bench->target, 0, 0, &verdict, why, bytes);
    struct held held = {0};
    uint32_t grown = 0, pages = 0;
    for (uint32_t i = 0; verdict == CONF_PASSED && i < RUNS + WARM; i++) {
        if (conf_instance_run(&p->in, &p->c, &error) != PLN_OK) {
            snprintf(why, bytes, "run %u: %s", i, error.message);
            verdict = CONF_FAILED;
        }
        if (i == WARM)
            heap = conf_heap_live(), all = conf_heap_all(), held = look_at_held();
        grown += i > WARM && conf_pages() > pages;
        pages = conf_pages();
    }
    const char *kept = growth_of(held, own ? grown : 0, RUNS - 1);
    if (verdict == CONF_PASSED && kept) {
        snprintf(why, bytes, "each run leaves %s", kept);
        verdict = CONF_FAILED;
    }
    if (verdict == CONF_PASSED && (conf_heap_live() >= heap + RUNS - 1 || (own && conf_heap_all() >= all + RUNS - 1))) {
        snprintf(why, bytes, "each run leaves blocks of malloc");
        verdict = CONF_FAILED;
    }
    const uint32_t live = conf_host_live(bench->host);
    grown = 0;
    for (uint32_t i = 0; verdict == CONF_PASSED && i < PLANS; i++) {
        struct pair *q = make(bench, test, &bench->target, 0, 0, &verdict, why, bytes);
        close_pair(q);
        if (i == WARM)
            heap = conf_heap_live(), held = look_at_held();
        grown += i > WARM && conf_pages() > pages;
        pages = conf_pages();
    }
    kept = growth_of(held, own ? grown : 0, PLANS - 1 - WARM);
    if (verdict == CONF_PASSED && kept) {
        snprintf(why, bytes, "each plan leaves %s", kept);
        verdict = CONF_FAILED;
    }
    if (verdict == CONF_PASSED && conf_host_live(bench->host) != live) {
        snprintf(why, bytes, "%u blocks of host->allocate more after %u plans", conf_host_live(bench->host) - live,
                 (uint32_t)PLANS);
        verdict = CONF_FAILED;
    }
    if (verdict == CONF_PASSED && conf_heap_live() >= heap + PLANS - 1 - WARM) {
        snprintf(why, bytes, "each plan leaves blocks of malloc");
        verdict = CONF_FAILED;
    }
    close_pair(p);
    return verdict;
}

const struct conf_trial conf_plans[] = {
    {"one plan, ten runs", try_replay, 0},
    {"two plans in turn", try_two_plans, 0},
    {"two plans of the same weights", try_shared, 0},
    {"many plans at a time", try_many, 0},
    {"other weights in the same memory", try_turned, 0},
    {"two opens in turn", try_two_opens, 0},
    {"fewer members than the team has", try_members, 0},
    {"two threads", try_threads, 0},
    {"a steady plan", try_steady, 0},
    {"a timed plan", try_timing, 0},
    {"what runs and plans leave", try_leaks, 0},
    {"submitted runs", conf_try_submits, 0},
    {"submitted plans in order", conf_try_order, PLN_OP_LINEAR},
    {"looks at a submitted run", conf_try_looks, PLN_OP_LINEAR},
    {"runs that are cancelled", conf_try_cancels, 0},
    {"a long run that is cancelled", conf_try_cancelled, PLN_OP_LINEAR},
};
const uint32_t conf_n_plans = sizeof conf_plans / sizeof *conf_plans;
