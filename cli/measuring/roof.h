/* SPDX-License-Identifier: Apache-2.0
 *
 * The roof of a device, measured in the same run: what it cannot be faster than. On the processor that is its rate of
 * multiply-adds and the rate at which weights come from memory; on a GPU a plain product. A result above the roof means
 * that a measurement is wrong.
 */
#ifndef CLI_MEASURING_ROOF_H
#define CLI_MEASURING_ROOF_H

#include "cli/measuring/measure.h"

struct roof {
    double gflops;
    double
        gbytes; /* GB/s of reading as many bytes as the weights have, and a quarter more is possible; 0: not measured */
    double slack; /* a result counts as impossible above (1 + slack) * gflops */
    char *memory; /* that is read, in the process of the row; NULL: taken when it is needed */
    size_t memory_bytes;
};

/* What follows is to be called in the process of the row. Measures for about a quarter of a second on the processor, a
 * few seconds at most on a GPU. */
pln_status roof_measure(const struct measured_device *device, struct roof *roof, pln_error *error);

/* The rate of reading once more, for about a tenth of a second, 0 where it is not measured; the roof is the largest. */
double roof_read_again(const struct measured_device *device, struct roof *roof);

/* Gives the memory back. */
void roof_release(struct roof *roof);

/* What a run did at most, GFLOP/s and GB/s of weights. */
struct roof_rates {
    double gflops, gbytes;
};

/* Whether a result is above the roof, which is measured again, longer, before that is said. */
pln_status roof_exceeded(const struct measured_device *device, struct roof_rates rates, struct roof *roof,
                         bool *exceeded, pln_error *error);

/* Share of the roof that a run of the batch reached: the time that its arithmetic or its weights take at the roof,
 * whichever is longer, over its time. *bound says which. */
double roof_share(const struct roof *roof, const struct measured_device *device, const struct measured_batch *batch,
                  double seconds, const char **bound);

/* Rate of a plain product of ELECTRA-base's shapes on the device, by its own clock if it has one, GFLOP/s. */
pln_status roof_product(const struct measured_device *device, double *gflops, pln_error *error);
/* The instruction by which a device on the processor multiplies where that isn't f32 FMA, "vdpbf16ps" for one; "". */
const char *roof_instruction(const struct measured_device *device);
#endif
