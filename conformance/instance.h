/* SPDX-License-Identifier: Apache-2.0
 *
 * A case on a device: one image of memory with guards round every value, constants, a plan.
 */
#ifndef CONFORMANCE_INSTANCE_H
#define CONFORMANCE_INSTANCE_H

#include "conformance/harness.h"
#include "conformance/host.h"

/* What memory holds before a run, beside what inputs really have: two quiet NaNs. Processors hand on the payload of an
 * operand, so that rows which are computed from what inputs hold past their real rows (the poison) would not show if
 * outputs had held the same (the pattern). */
#define CONF_PATTERN 0x7fc0beefu
#define CONF_POISON 0x7fc00001u

struct conf_instance {
    const struct conf_target *target;
    uint32_t words; /* of the image */
    uint32_t *image, *after;
    uint32_t places[CONF_VALUES]; /* first word of each base value */
    pln_buffer *buffer;
    pln_constant *constants[CONF_VALUES];
    struct conf_source sources[CONF_VALUES];
    pln_plan *plan;
    uint32_t flags; /* of the segment: PLN_SEGMENT_* */
    void *lent;     /* pages with the segment and all that it points to; nobody reads them after plan_create */
    size_t lent_bytes;
    pln_segment *segment; /* in these */
    uint32_t *dims[2];    /* of this run and of the last one */
};

/* Structs of a host that has grown: what a backend does not know lies behind what it knows, and is no zero. */
enum { CONF_GROWN = 24, CONF_GROWN_BYTE = 0xa6 };

/* in->segment of the case, with all that it points to, in pages of its own. placed: with memory; without it as supports
 * sees it. False: no memory. */
bool conf_lend(struct conf_instance *in, const struct conf_case *c, bool placed);
/* The segment of the case on in->target, without memory, and whether the device takes it: CONF_REFUSED if not. */
enum conf_verdict conf_instance_view(struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes);
/* The segment of the case on in->target, its memory, constants and plan. CONF_REFUSED when the device takes a node not;
 * CONF_FAILED too when the plan takes other memory than was foretold. */
enum conf_verdict conf_instance_open(struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes);
/* The two halves of it behind the view: memory and constants; the plan. */
pln_status conf_instance_allocate(struct conf_instance *in, const struct conf_case *c, pln_failure *error);
pln_status conf_instance_plan(struct conf_instance *in, const struct conf_case *c, pln_failure *error);
/* What the backend tells of the plan. */
pln_status conf_instance_info(struct conf_instance *in, pln_plan_info *info, pln_failure *error);
void conf_instance_close(struct conf_instance *in);

/* Whether a value has memory of its own in the image. */
bool conf_in_memory(const struct conf_value *v);
/* What the image of the case holds before a run. */
void conf_fill_image(const struct conf_instance *in, const struct conf_case *c, uint32_t *image);
/* Image in, run, image back (in->after). */
pln_status conf_instance_run(struct conf_instance *in, const struct conf_case *c, pln_failure *error);
/* The same on what lies there. */
pln_status conf_instance_again(struct conf_instance *in, const struct conf_case *c, pln_failure *error);
/* One round of case `index` on both, whose plans were made of `kept` (round 0 of it), and the results side by side. */
enum conf_verdict conf_check_round(struct conf_instance *in, struct conf_instance *oracle, conf_fill *fill,
                                   uint32_t index, const struct conf_case *kept, uint32_t round, char *why,
                                   size_t bytes);
#endif
