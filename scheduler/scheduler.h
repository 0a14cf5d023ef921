/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the scheduler: who runs what (placement), where values lie (domains, instances, plans), and the run.
 *
 * A domain is a memory: all host-memory devices share domain 0, every other device has its own. A value that is used in
 * a domain has one instance there; between domains it is copied once, right before the first segment that needs it.
 */
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include <pthread.h>

#include "api/pleione_backend.h"
#include "common/in_use.h"
#include "common/seam.h"
#include "common/team.h"
#include "common/uses.h"
#include "graph/graph.h"

enum { SCHED_BACKENDS = 32, SCHED_NONE = -1, SCHED_LOOK_NS = 100000000 /* between two questions whether to go on */ };

/* A plugin (or the built-in reference), loaded or not. */
struct sched_backend {
    char name[24];
    char *path; /* of the file; NULL: built in */
    bool refused;
    bool shipped; /* lies where ours are installed */
    void *library;
    bool loaded; /* else not yet, or it could not be, see reason */
    bool probed; /* it was asked in a process of its own: entries or reason are there, or nobody can say */
    struct seam seam;
    char reason[256];
    uint32_t n_entries;
    pln_device_entry *entries;       /* once they were asked for, else NULL */
    const pln_device_entry **listed; /* [n_entries], for callers */
};

struct pln_runtime {
    pthread_mutex_t lock; /* of the cache, the backends and the entries */
    pln_log_fn *log;
    void *log_context;
    bool (*progress)(void *context, const char *what, uint64_t done, uint64_t total);
    void *progress_context;
    struct team *team;
    char *backend_path;    /* of the options, or NULL */
    struct faults *faults; /* of the options, or NULL */
    uint32_t probe_ms;
    char *cache; /* created at first use, or NULL */
    pln_host host;
    uint32_t n_backends;
    struct sched_backend backends[SCHED_BACKENDS]; /* in order of preference */
    uint32_t n_entries;
    const pln_device_entry **entries; /* of all backends; NULL: not listed yet */
};

/* Asks the plugin in a process of its own, once: entries or reason are there then, unless it cannot be asked so. The caller
 * holds the lock. */
void sched_backend_probe(pln_runtime *runtime, struct sched_backend *backend);
/* Entries of a backend that has none yet, named, zero otherwise; or one that says why there is no device. False: no memory.
 */
bool sched_entries_make(struct sched_backend *backend, uint32_t n);
bool sched_entries_none(struct sched_backend *backend, const char *reason);
void sched_entry_unusable(pln_device_entry *entry, const char *reason);
/* Loads the plugin of that name, once. PLN_NO_DEVICE with the reason. The caller holds the lock. */
pln_status sched_backend_load(pln_runtime *runtime, const char *name, struct sched_backend **backend, pln_error *error);
/* Looks for plugins, once; loads none. PLN_NO_MEMORY, PLN_FAILED for a folder that cannot be read. */
pln_status sched_backends_look(pln_runtime *runtime, pln_error *error);
/* Loads nothing; NULL if there is none. */
struct sched_backend *sched_backend_find(pln_runtime *runtime, const char *name);
/* Tells the caller's progress that so many of the steps are done: PLN_CANCELLED if he says so. */
pln_status sched_go_on(pln_runtime *runtime, const char *what, uint64_t done, uint64_t total, pln_error *error);
/* Fills runtime->host: log, memory, constants, team, cache. */
void sched_host_init(pln_runtime *runtime);

/* One opening of a device. It is closed when the list of devices and everything that was made on it let it go: after a
 * loss a device has a new one, while what lay on the old one is still being destroyed. */
struct sched_open {
    struct seam_device seam;
    atomic_uint references;
    bool alone; /* it takes one caller at a time */
    pthread_mutex_t lock;
};

/* A device of a list. */
struct sched_device {
    const struct sched_backend *backend;
    uint32_t index; /* of the backend's devices */
    pln_device_entry entry;
    uint32_t domain;
    pln_setting *settings; /* that it was opened with, texts behind them; owned */
    uint32_t n_settings;
    struct sched_open *open; /* under the lock of the list */
};

/* Around every call of an entry of an open device: most take one caller at a time. */
static inline void sched_enter(struct sched_open *open)
{
    if (open->alone)
        pthread_mutex_lock(&open->lock);
}

static inline void sched_leave(struct sched_open *open)
{
    if (open->alone)
        pthread_mutex_unlock(&open->lock);
}

static inline bool sched_is_lost(const struct sched_open *open)
{
    return atomic_load_explicit(&open->seam.lost, memory_order_relaxed);
}

static inline void sched_buffer_destroy(struct sched_open *open, pln_buffer **buffer)
{
    sched_enter(open);
    seam_buffer_destroy(&open->seam, buffer);
    sched_leave(open);
}

/* Opens a device with its settings: new, counted once. */
pln_status sched_open_create(pln_devices *devices, const struct sched_device *device, struct sched_open **open,
                             pln_error *error);
/* As it is open now; sched_open_release lets it go. Accepts NULL inside. */
struct sched_open *sched_open_acquire(pln_devices *devices, uint32_t index);
void sched_open_release(struct sched_open **open);
/* Opens the device again if `lost` is still what it is open as; then that is let go by the list. */
pln_status sched_open_again(pln_devices *devices, uint32_t index, const struct sched_open *lost, pln_error *error);

/* Fills an entry with what the backend says, texts copied; sched_entry_finish frees them. */
pln_status sched_entry_describe(pln_device_entry *entry, const pln_device_description *info, pln_error *error);
void sched_entry_finish(pln_device_entry *entry);

struct sched_constant;

struct pln_devices {
    pln_runtime *runtime;
    uint32_t n;        /* with the fallback */
    uint32_t n_listed; /* that the user named; then comes reference if it was not among them */
    size_t room;
    struct sched_device *devices; /* [room] */
    uint32_t n_domains;
    pthread_mutex_t open_lock;      /* of what devices are open as */
    pthread_mutex_t constants_lock; /* is held while one is made: who needs the same one waits for it */
    struct sched_constant *constants;
};

static inline bool sched_on_host(const struct sched_device *device)
{
    return device->entry.info.flags & PLN_DEVICE_FLAG_HOST_MEMORY;
}

/* ---- constants: one packed copy per device, parts and uses, shared by all schedules on these devices */

/* The constant of a graph value for a device, as it is open now, created when it is met first; counted. */
pln_status sched_constant_acquire(pln_devices *devices, uint32_t device, const pln_value *value,
                                  const pln_constant_use *uses, uint32_t n_uses, struct sched_constant **constant,
                                  pln_error *error);
/* Whether it lies on a device that was lost since. */
bool sched_constant_is_lost(const struct sched_constant *constant);
void sched_constant_release(pln_devices *devices, struct sched_constant **constant);
pln_constant *sched_constant_handle(const struct sched_constant *constant);
/* pln_host.constant_read */
void sched_constant_read(void *context, const pln_constant_info *info, uint32_t first, uint32_t rows, float *out);

/* ---- states */

struct sched_state {
    struct sched_state *next;
    char *name;
    uint32_t rows, width, row_stride;
    uint32_t domain;
    const struct sched_device *device; /* any of the domain */
    struct sched_open *open;           /* that has the buffer; NULL on host memory */
    pln_buffer *buffer;
    void *data;
};

struct pln_states {
    pln_devices *devices;
    struct sched_state *list;
    atomic_bool in_use; /* by a call of any schedule that has them */
};

/* The state of a graph value in a domain, zeroed when it is met first. PLN_INVALID if it has another shape or domain.
 */
pln_status sched_state_get(pln_states *states, const pln_value *value, const struct sched_device *device,
                           struct sched_state **state, pln_error *error);
/* All states are gone: those who have them as operands make plans anew before their next run. */
void sched_states_forget(pln_states *states);
/* The states of the graph get what those of their names hold in `from`, which have as many rows or fewer. */
pln_status sched_states_take_over(pln_schedule *schedule, const pln_states *from, pln_error *error);
/* A state where it lies, [rows, width] without padding. NULL if it is not so in host memory, or not there yet. */
const float *sched_state_view(const pln_schedule *schedule, const char *name);

/* ---- schedule */

struct sched_place {
    uint32_t device;
    const char *refusals; /* of the devices before it */
    char kernel[48];
    uint64_t estimated_ns;
};

struct sched_rule {
    char pattern[128];
    uint32_t device;
};

struct sched_copy {         /* before the segment runs */
    const pln_value *value; /* a base */
    uint32_t from, to;      /* domains */
};

struct sched_window {       /* of a state that lies in another domain */
    const pln_value *value; /* as sched_window gives it */
    bool written;           /* it goes back when the segment ran */
};

struct sched_segment {
    uint32_t device, first, n; /* nodes */
    uint32_t n_copies, n_windows;
    struct sched_copy *copies;
    struct sched_window *windows;
};

struct sched_use { /* a constant on a device */
    const pln_value *value;
    uint32_t device;
    struct uses uses;
    struct sched_constant *constant; /* NULL until the first plan */
};

/* What an i32 input, or a window of one, may hold for a node that reads it (graph/indices.def). */
struct sched_range {
    const pln_value *value;
    const struct graph_node *node;
    const struct graph_index *index;
    const pln_value *other,
        *source_starts; /* operands of the node; source_starts only of PAIRS, and may be NULL there */
    uint32_t param;     /* the word that the row names, 0 if it names none */
    uint32_t pairs;     /* of PAIRS: the symbol that counts them */
};

/* Host memory that a run reads and writes, dense rows of 4 bytes an element. */
struct sched_bound {
    const void *const *inputs; /* [values of the graph], by id; only those of inputs count */
    void *const *outputs;      /* [outputs of the graph]; NULL: nobody wants it */
};

struct sched_plan;

struct pln_schedule {
    struct arena arena;
    pln_graph *graph;
    pln_devices *devices;
    pln_states *states, *own_states;
    bool timed, cover, steady, no_fallback;
    pln_on_loss on_loss;
    bool *gone;    /* [devices]: lost, and done without */
    bool unplaced; /* after a loss nobody took its nodes */
    uint32_t n_rules;
    struct sched_rule *rules; /* of placement */
    uint32_t max_plans;
    struct sched_place *places; /* one a node */
    uint64_t *node_ns;          /* measured in the last run, one a node */
    uint32_t n_segments;
    struct sched_segment *segments;
    uint32_t n_uses;
    struct sched_use *uses;
    uint32_t n_ranges;
    struct sched_range *ranges;
    struct sched_plan *plans;      /* the most recently used first */
    struct sched_worker **workers; /* [devices]: threads that wait in the place of backends that block; mostly NULL */
    pln_statistics statistics;
    uint32_t dims[GRAPH_SYMBOLS]; /* of the last run */
    const void **inputs;          /* of a run by names, as in struct sched_bound */
    void **outputs;
    /* Called while weights are handed over and after the last: their sources need not stay in memory. May be NULL. */
    void (*handed_over)(void *context);
    void *handed_over_context;
};

/* Where an instance of a value begins: host memory, or buffer and bytes. */
struct sched_location {
    struct sched_open *open; /* that has the buffer */
    pln_buffer *buffer;
    uint64_t offset;
    void *data;
};

/* Memory of one domain in a plan. */
struct sched_memory {
    const struct sched_device *device;
    struct sched_open *open; /* of the plan, for buffers; NULL in a layout that is only asked about */
    uint32_t n_items, n_blocks;
    struct graph_memory_item *items;
    uint64_t *block_bytes;
    void **host;          /* a pointer per block, domain 0 */
    pln_buffer **buffers; /* a buffer per block, others */
};

/* How long a segment took when it ran last, and the product of the sizes that it had then. */
struct sched_spent {
    uint64_t ns; /* 0: it has not run */
    double elements;
};

/* A schedule for a bucket of sizes. */
struct sched_plan {
    struct sched_plan *next;
    uint32_t capacity[GRAPH_SYMBOLS];
    struct sched_memory *memory; /* [domains] */
    int32_t *instances;          /* [domains][values]: item of a base value, or of a window of a state; SCHED_NONE */
    struct sched_open **opens;   /* [devices]: as they were open when the plan was made */
    struct seam_plan **segments;
    struct sched_spent *spent; /* [segments], of runs that somebody is asked about */
    bool *flying;              /* [segments], of the run in progress */
    bool *flies;               /* [segments]: it may be on its way while a later one runs */
    bool *waits;               /* [segments][segments]: j waits for i < j; NULL where one device has all */
    char *staging;             /* host image of a value with its row padding */
    uint64_t planned_bytes;
};

/* Whether the rules of placement are there, and the number of what is done after a loss. */
pln_status sched_check_rules(const pln_schedule_options *options, pln_error *error);
/* Keeps the rules of placement. */
pln_status sched_take_rules(pln_schedule *schedule, const pln_schedule_options *options, pln_error *error);
/* Placement: fills places and segments. */
pln_status sched_place_nodes(pln_schedule *schedule, pln_error *error);
/* After a run came to PLN_DEVICE_LOST: PLN_OK when it can be made once more, as on_loss says. Plans and what else lay on
 * the lost device is gone then. */
pln_status sched_recover(pln_schedule *schedule, pln_error *error);
/* Before the first placement: devices that were lost earlier, by others, are opened again or done without, if on_loss
 * says so. */
pln_status sched_meet_earlier(pln_schedule *schedule, pln_error *error);
/* Before a run: what lies on a device that was lost in an earlier one goes, if on_loss says how to go on. */
pln_status sched_refresh(pln_schedule *schedule, pln_error *error);
/* Placement and what follows of it anew, when no plan and no constant is left. */
pln_status sched_place_again(pln_schedule *schedule, pln_error *error);
/* ---- flight.c */

/* Fills flies and waits of a plan that has its layout. */
pln_status sched_find_flyers(pln_schedule *schedule, struct sched_plan *plan, pln_error *error);
/* Starts a segment; `run` stays until its end. False: it did not start, or could not, see *status. */
bool sched_flight_begin(pln_schedule *schedule, struct sched_plan *plan, uint32_t segment, const pln_run *run,
                        pln_status *status, pln_error *error);
/* Waits. asks: the caller's progress is asked now and then, and false cancels the run. */
pln_status sched_flight_end(pln_schedule *schedule, struct sched_plan *plan, uint32_t segment, bool asks,
                            pln_error *error);
void sched_workers_stop(pln_schedule *schedule);

/* All plans are gone. */
void sched_drop_plans(pln_schedule *schedule);
/* Copies and constant uses of the segments, ranges of inputs. */
pln_status sched_connect(pln_schedule *schedule, pln_error *error);

/* ---- the door of a run */

/* The numbers of the symbols, [GRAPH_SYMBOLS]: as many as the graph has, and every value has a shape under them and
 * lies within what it is a window of. PLN_INVALID. */
pln_status sched_check_dims(const pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t *taken,
                            pln_error *error);
/* Names to places: fills schedule->inputs and schedule->outputs. PLN_INVALID if an input is not bound, or an output is none of the graph. */
pln_status sched_bind(pln_schedule *schedule, const pln_binding *inputs, uint32_t n_inputs, const pln_binding *outputs,
                      uint32_t n_outputs, pln_error *error);
/* Lists what the inputs of type i32 may hold; all nodes that say the same say it once. */
pln_status sched_find_ranges(pln_schedule *schedule, pln_error *error);
/* PLN_INVALID names the input, the element and the node whose operand it is out of range for. */
pln_status sched_check_ranges(const pln_schedule *schedule, const uint32_t *dims, const void *const *inputs,
                              pln_error *error);
/* pln_schedule_run of what is known by its place: no name is looked up. Every input of the graph is there. */
pln_status sched_run(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, const struct sched_bound *bound,
                     pln_error *error);

/* A view of nodes [first, first + n) for a device. plan NULL: without memory. Lives in the arena. */
pln_status sched_view(pln_schedule *schedule, const struct sched_plan *plan, uint32_t device, uint32_t first,
                      uint32_t n, const uint32_t *capacity, struct arena *arena, pln_segment *view, pln_error *error);

/* All nodes on a device, of whatever segments, without memory: for what it keeps once for all of them. */
pln_status sched_view_device(pln_schedule *schedule, uint32_t device, const uint32_t *capacity, struct arena *arena,
                             pln_segment *view, pln_error *error);

/* The capacities of the bucket that the numbers fall into. */
void sched_bucket(const pln_schedule *schedule, const uint32_t *dims, uint32_t *capacity);
/* From now on runs are steady and plans cover (pln_schedule_options); plans of before are gone. */
void sched_be_steady(pln_schedule *schedule);
/* The plan of the bucket, made when it is met first. */
pln_status sched_plan_get(pln_schedule *schedule, const uint32_t *dims, struct sched_plan **plan, pln_error *error);
void sched_plan_destroy(pln_schedule *schedule, struct sched_plan **plan);
/* Lays out memory only: fills memory[].items, blocks and instances. sched_plan_destroy frees it, also what there is of
 * it after PLN_NO_MEMORY. */
pln_status sched_plan_layout(pln_schedule *schedule, const uint32_t *capacity, struct sched_plan **plan,
                             pln_error *error);

/* n elements at a place in a device's own memory, from and to dense ones of 4 bytes. */
pln_status sched_write(const struct sched_location *at, pln_dtype dtype, uint64_t n, const void *data,
                       pln_error *error);
pln_status sched_read(const struct sched_location *at, pln_dtype dtype, uint64_t n, void *data, pln_error *error);

/* Around every public call that runs a schedule or changes it. PLN_INVALID if it, or one with the same states, is in
 * use. */
static inline pln_status sched_begin(pln_schedule *schedule, pln_error *error)
{
    return in_use_begin(&schedule->states->in_use, "the schedule, or another one with its states,", error);
}

static inline void sched_end(pln_schedule *schedule)
{
    in_use_end(&schedule->states->in_use);
}

/* Where a value, window or not, begins in a domain. */
pln_status sched_locate(pln_schedule *schedule, const struct sched_plan *plan, const pln_value *value, uint32_t domain,
                        struct sched_location *location, pln_error *error);
/* The domain of the device that the node is placed on. */
uint32_t sched_domain_of(const pln_schedule *schedule, uint32_t node);
/* The domain in which a base value comes to be: its producer's; for inputs the first that uses it. States lie in the
 * domain of the first device, so that all schedules find them there. */
uint32_t sched_home(const pln_schedule *schedule, const pln_value *base);
/* The first value of the graph that is the same window of the same state: its id stands for the window. */
const pln_value *sched_window(const pln_schedule *schedule, const pln_value *value);
/* Windows of states that a segment needs copied. PLN_UNSUPPORTED if they overlap and are written. */
pln_status sched_find_windows(pln_schedule *schedule, struct sched_segment *segment, pln_error *error);
/* Any device of the domain; NULL if there is none. */
const struct sched_device *sched_device_of(const pln_devices *devices, uint32_t domain);
#endif
