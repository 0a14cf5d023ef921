/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast an op is: the best of runs of one plan.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conformance/bench.h"
#include "common/clock.h"
#include "conformance/instance.h"

enum conf_verdict conf_time(struct conf_bench *bench, const struct conf_test *test, struct conf_answer *answer)
{
    const struct conf_speed *speed = &conf_speeds[test->index];
    static const double seconds = 0.3;
    struct conf_instance in = {.target = &bench->target};
    struct conf_case *c = calloc(1, sizeof *c);
    if (!c)
        return CONF_FAILED;
    conf_begin(c, 0, 0);
    speed->fill(c, 0);
    pln_failure error = {.size = sizeof error};
    enum conf_verdict verdict = conf_instance_open(&in, c, answer->why, sizeof answer->why);
    const double begin = clock_seconds();
    double best = 0;
    for (uint32_t i = 0; verdict == CONF_PASSED && (i < 3 || clock_seconds() - begin < seconds); i++) {
        const double from = clock_seconds();
        const pln_status status =
            i == 0 ? conf_instance_run(&in, c, &error) : conf_instance_again(&in, c, &error); /* the first: inputs */
        const double took = clock_seconds() - from;
        if (status != PLN_OK) {
            snprintf(answer->why, sizeof answer->why, "%.470s", error.message);
            verdict = CONF_FAILED;
        }
        if (i && took > 0 && (best == 0 || took < best))
            best = took;
    }
    if (best > 0)
        answer->per_s = speed->work() / best;
    conf_instance_close(&in);
    conf_free(c);
    free(c);
    return verdict;
}
