/* SPDX-License-Identifier: Apache-2.0
 *
 * A case: values with data and one or a few nodes, built by a generator; an instance: that case on a device, driven
 * through pleione_backend.h alone. Rows past the real count, padding columns and guards hold a pattern of NaN, before
 * and after.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <stdbool.h>

#include "api/pleione_backend.h"
#include "api/pleione_ops.h"

enum {
    CONF_VALUES = 140,
    CONF_NODES = 64,
    CONF_SYMBOLS = 12,
    CONF_OPERANDS = 20,
    CONF_ROUNDS = 3,
    CONF_SEQUENCES = 12
};

struct conf_value {
    uint32_t kind, dtype, layout, flags; /* pln_value_kind, pln_dtype, pln_layout, PLN_VALUE_* */
    pln_dim rows;
    uint32_t width, stride;
    int32_t base;      /* the value whose memory it is, PLN_ABSENT: its own */
    uint32_t first;    /* elements after the start of the base */
    bool part;         /* of a flat state: its rows are not those of the base */
    void *data;        /* dense f32 or i32 [real rows, width] of inputs, states, constants; NULL: an output */
    bool plain;        /* a constant is handed over where it lies, */
    void *block;       /* in this memory, one float behind its begin */
    double bound;      /* by which an output may differ from the oracle; 0: conf_tolerance says; -1: conf_half_unit */
    double tolerances; /* so many times conf_tolerance where that says; 0: once */
};

struct conf_node {
    uint32_t op;
    uint32_t params[26];
    uint32_t version; /* 0: as the host knows it */
    uint32_t flags;
    uint32_t params_size, n_inputs, n_outputs;
    int32_t inputs[CONF_OPERANDS], outputs[CONF_OPERANDS];
};

/* Structure, capacities and constants are the same in every round; the real numbers and the inputs are not: full,
 * fewer, full. */
struct conf_case {
    char name[128];
    uint32_t round, seed;
    uint32_t n_symbols, numbers[CONF_SYMBOLS], capacity[CONF_SYMBOLS];
    uint32_t n_values, n_nodes;
    struct conf_value values[CONF_VALUES];
    struct conf_node nodes[CONF_NODES];
};

/* ---- building */

void conf_begin(struct conf_case *c, uint32_t index, uint32_t round);
float conf_noise(struct conf_case *c); /* even in [-1, 1) */
uint32_t conf_below(struct conf_case *c, uint32_t n);
/* A symbol with that number now; the same capacity in every round. */
uint32_t conf_symbol(struct conf_case *c, uint32_t number, uint32_t capacity);
/* A row count that is `full` in the rounds that are, and fewer in the other. */
pln_dim conf_rows(struct conf_case *c, uint32_t full);
/* The same, with none in that other round. */
pln_dim conf_rows_or_none(struct conf_case *c, uint32_t full);
pln_dim conf_fixed(uint32_t rows);
uint32_t conf_count(const struct conf_case *c, pln_dim rows);

/* Indices of values. Inputs are noise times scale, rows `stride` apart (0: padded to four). */
int32_t conf_input(struct conf_case *c, pln_dim rows, uint32_t width, uint32_t stride, float scale);
int32_t conf_integers(struct conf_case *c, pln_dim rows, const int32_t *numbers);
int32_t conf_random_integers(struct conf_case *c, pln_dim rows, uint32_t below);
int32_t conf_constant(struct conf_case *c, uint32_t rows, uint32_t width, float scale, bool plain);
int32_t conf_state(struct conf_case *c, uint32_t rows, uint32_t width, float scale);
int32_t conf_output(struct conf_case *c, pln_dim rows, uint32_t width);
int32_t conf_integer_output(struct conf_case *c, pln_dim rows); /* i32 [rows, 1], compared exactly */
int32_t conf_window(struct conf_case *c, int32_t of, uint32_t column, uint32_t width);
/* A parameter in a flat state, from one of its rows on. */
int32_t conf_part(struct conf_case *c, int32_t of, uint32_t row, uint32_t rows, uint32_t width);
/* An output in the memory of an input: in place. */
int32_t conf_same(struct conf_case *c, int32_t of);
/* What an activation sees: in some rows numbers up to three times as large; from column `first` of the first row on those
 * where exponentials end, and where pieces meet. */
void conf_put_ends(struct conf_case *c, int32_t x, uint32_t first);
float *conf_floats(struct conf_case *c, int32_t value);
int32_t *conf_ints(struct conf_case *c, int32_t value);
/* The node; its operands are absent at first. params of that size. */
struct conf_node *conf_node(struct conf_case *c, uint32_t op, const void *params, uint32_t params_size,
                            uint32_t n_inputs, uint32_t n_outputs);
/* The case of another op has a node behind it, and that one's name: its first word becomes `op`. */
void conf_name_after(struct conf_case *c, const char *op);
void conf_free(struct conf_case *c);

/* Packed sequences: lengths of this round, their starts, symbols for rows and starts. */
struct conf_packed {
    uint32_t n;
    int32_t starts[CONF_SEQUENCES + 1];
    pln_dim rows, starts_rows;
};

/* In the short round every second sequence is shortened (`one`: but keeps a row) and the last left out; a lone one is
 * shortened. */
struct conf_packed conf_pack(struct conf_case *c, const uint32_t *lengths, uint32_t n, bool one);

/* Inputs and params of dropout: what it is counted from (rows of some sequences; of `packed` if it is given), seed and
 * step, others in each round. The scale is not that of the probability: params say what it is. */
int32_t conf_origin(struct conf_case *c, pln_dim rows, const struct conf_packed *packed);
int32_t conf_random(struct conf_case *c);
enum { CONF_SITE = 40005, CONF_DROP_BELOW = 0x30000000 };
#define CONF_KEEP_SCALE 1.375f

/* Fills case `index` of an op for c->round; false if there are no more. */
typedef bool conf_fill(struct conf_case *c, uint32_t index);

/* ---- running */

struct conf_host;
struct conf_target { /* an open device */
    const pln_backend *backend;
    pln_device *device;
    pln_device_description info;
    struct conf_host *host;
};

enum conf_verdict { CONF_PASSED, CONF_FAILED, CONF_REFUSED };

/* Runs every round of a case (filled for round 0) on the target and beside it on the oracle. `why` says what is wrong.
 */
enum conf_verdict conf_check(const struct conf_target *target, const struct conf_target *oracle, conf_fill *fill,
                             uint32_t index, const struct conf_case *c, char *why, size_t why_bytes);

/* Makes the plan of a case and runs nothing: CONF_FAILED for a kernel that spills. *kernels grows by those of which the
 * driver told. */
enum conf_verdict conf_compile(const struct conf_target *target, const struct conf_case *c, uint32_t *kernels,
                               char *why, size_t why_bytes);
/* Writes the programs of a case that were not written yet: KERNEL-N.cl or .spv, and KERNEL-N.options, into the folder.
 */
enum conf_verdict conf_dump(const struct conf_target *target, const struct conf_case *c, const char *folder,
                            uint32_t *kernels, char *why, size_t why_bytes);

/* ---- the cases */

struct conf_group {
    uint32_t op;
    const char *name;
    conf_fill *fill;
};
extern const struct conf_group conf_groups[];
extern const uint32_t conf_n_groups;
extern conf_fill *const conf_half_groups[];
extern const uint32_t conf_n_half_groups;
/* Cases that are timed, an op each: with what a run computes or moves. */
struct conf_speed {
    uint32_t op;
    conf_fill *fill;
    double (*work)(void); /* of a run: floating-point operations, or bytes */
    bool flops;
};
extern const struct conf_speed conf_speeds[];
extern const uint32_t conf_n_speeds;

/* The level that a case belongs to: 1 inference, 2 what only training needs. */
uint32_t conf_level_of(const struct conf_case *c);
const char *conf_op_name(uint32_t op);

extern double conf_ulp;          /* the largest difference so far; see check.c */
extern double conf_half_unit;    /* what a weight may be rounded by, of itself, where values have bound -1 */
extern double conf_tolerance;    /* an output without a bound may differ by this * (1 + |oracle|) */
extern bool conf_quick;          /* small shapes only, for slow devices */
extern bool conf_half_constants; /* constants are numbers that f16 holds, for devices that store them so */

#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient) conf_fill conf_##name;
#include "graph/ops.def"
#undef PLN_OP
conf_fill conf_tied, conf_chain, conf_masked, conf_means, conf_equal_numbers, conf_kept, conf_linear_forms,
    conf_linear_sizes, conf_linear_pairs, conf_sizes, conf_trained, conf_specials, conf_empty, conf_halves;
#endif
