/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin on the bench, in the process of a worker: loaded, opened, with the oracle beside it. And the list of what is
 * tried on it.
 */
#ifndef CONFORMANCE_BENCH_H
#define CONFORMANCE_BENCH_H

#include "conformance/guard.h"
#include "conformance/harness.h"
#include "conformance/host.h"
#include "conformance/process.h"

enum { CONF_OPTIONS = 16, CONF_HALVES = 4, CONF_WHY = 480, CONF_TEXT = 160, CONF_ASKED = 256 };

/* What to load, and how to open it. */
struct conf_plugin {
    const char *path; /* "reference" is the built-in one */
    uint32_t device, threads;
    pln_setting options[CONF_OPTIONS];
    char keys[CONF_OPTIONS][64];
    uint32_t n_options;
};

/* The steps of opening: each is a case of its own. */
enum conf_step { CONF_LOAD, CONF_QUERY, CONF_TABLE, CONF_COUNT, CONF_INFO, CONF_OPEN, CONF_STEPS };
extern const char *const conf_step_names[CONF_STEPS];

/* An option of the device that rounds to a half type. */
struct conf_half {
    char key[48], value[32];
    uint32_t dtype; /* PLN_F16 or PLN_BF16 */
};

/* What the first answer of a worker says. */
struct conf_hello {
    enum conf_step step; /* the one that failed, CONF_STEPS: none */
    pln_status status;
    char why[CONF_WHY];
    char name[128], driver[128], version[64], backend[64];
    uint32_t n_halves;
    struct conf_half halves[CONF_HALVES];
};

struct conf_bench {
    const struct conf_plugin *plugin;
    pln_backend_query_fn *query;
    const pln_backend *backend; /* under the guard */
    struct conf_host *host, *oracle_host;
    struct conf_target target, oracle;
    pln_device_description closed;          /* as it was told before it was opened */
    struct conf_target halves[CONF_HALVES]; /* opened when first used */
    struct conf_host *half_hosts[CONF_HALVES];
    struct conf_hello hello;
    struct conf_process process;
    unsigned char taken[CONF_ASKED]; /* what supports said of some cases at first */
};

/* Fills bench->hello. */
void conf_bench_open(struct conf_bench *bench, const struct conf_plugin *plugin);
/* Asks about some cases of every op: a byte each, of CONF_ASKED. */
void conf_bench_ask(const struct conf_bench *bench, unsigned char *taken);
/* One device more, with a host of its own and one more option (NULL: none). False: why. */
bool conf_bench_target(struct conf_bench *bench, const pln_setting *more, struct conf_host *host,
                       struct conf_target *target, char *why, size_t bytes);
/* An open device on host memory: what is printed or leaked is its own. */
bool conf_bench_has_no_driver(const struct conf_bench *bench);
void conf_bench_close_target(struct conf_target *target);
const pln_setting_info *conf_setting(const pln_device_description *info, uint32_t i);

/* ---- what is tried */

enum conf_kind {
    CONF_STEP,     /* of opening: index is the step */
    CONF_CONTRACT, /* a row of conf_contract */
    CONF_GROWTH,   /* what is newer, of the op of the group */
    CONF_CASE,     /* `index` of the group */
    CONF_HALF,     /* the same in a half type, under conf_half `half` */
    CONF_PLANS,    /* row `index` of conf_plans, on a case of the group */
    CONF_FAULTS,   /* row `index` of conf_faults, on a case of the group */
    CONF_SPEED,    /* row `index` of conf_speeds */
    CONF_END,      /* everything is closed */
};
enum { CONF_LEVELS = 6 };
extern const char *const conf_level_names[CONF_LEVELS];

struct conf_test {
    enum conf_kind kind;
    uint32_t level, group, index, half;
    uint32_t op; /* whose row of the matrix it counts in, 0: none */
    char name[CONF_TEXT];
};

struct conf_answer {
    enum conf_verdict verdict;
    char why[CONF_WHY];
    double ulp;       /* of a case */
    double per_s;     /* of CONF_SPEED */
    uint32_t kernels; /* of --compile and --dump so far */
};

/* One test on an open bench. */
typedef enum conf_verdict conf_try(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes);

struct conf_trial {
    const char *name;
    conf_try *run;
    uint32_t op; /* the only op with which it is tried; 0: each */
};
extern const struct conf_trial conf_contract[], conf_plans[], conf_faults[];
extern const uint32_t conf_n_contract, conf_n_plans, conf_n_faults;
conf_try conf_try_growth, conf_try_end;
/* made.c: faults of the host's layer; submits.c: runs that do not block. */
conf_try conf_try_entries, conf_try_lost, conf_try_late, conf_try_bits;
conf_try conf_try_submits, conf_try_order, conf_try_looks, conf_try_cancels, conf_try_cancelled;
enum conf_verdict conf_time(struct conf_bench *bench, const struct conf_test *test, struct conf_answer *answer);

/* The first case of a test's group that the target takes, filled for round 0; false: there is none (why: the last
 * refusal). Its index is in *index. */
bool conf_first_taken(const struct conf_target *target, uint32_t group, uint32_t skip, struct conf_case *c,
                      uint32_t *index, char *why, size_t bytes);
#endif
