/* SPDX-License-Identifier: Apache-2.0
 *
 * What came out of a suite: levels, and a matrix of ops and types.
 */
#ifndef CONFORMANCE_REPORT_H
#define CONFORMANCE_REPORT_H

#include "conformance/suite.h"

struct conf_count {
    uint32_t passed, failed, refused;
    const char *reason; /* of a refusal */
};

enum conf_type { CONF_F32, CONF_F16, CONF_BF16, CONF_TYPES };

struct conf_row {
    uint32_t op;
    struct conf_count types[CONF_TYPES];
    double ulp, per_s;
    bool flops;
};

enum { CONF_ROWS = 64 };
struct conf_report {
    const struct conf_plugin *plugin;
    const struct conf_hello *hello;
    const struct conf_suite *suite;
    bool complete;  /* a case that is refused is a failed one */
    uint32_t level; /* that was asked for, CONF_LEVELS: none */
    uint32_t n_rows, not_run;
    struct conf_row rows[CONF_ROWS];
    struct conf_count levels[CONF_LEVELS], all;
};

void conf_report_count(struct conf_report *r);
/* A level is reached when something of it is right, and nothing up to it is wrong. */
bool conf_report_reached(const struct conf_report *r, uint32_t level);
void conf_report_print(const struct conf_report *r, bool verbose);
/* One JSON object. False: no memory. */
bool conf_report_print_json(const struct conf_report *r);
int conf_report_code(const struct conf_report *r);
#endif
