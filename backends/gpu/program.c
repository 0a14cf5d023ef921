/* SPDX-License-Identifier: Apache-2.0
 *
 * What the compiler of a device is given for a launch, to be looked at or written to files.
 */
#include <stdio.h>
#include <string.h>

#include "backends/gpu/gpu.h"

pln_launch_program gpu_program(const struct gpu_launch *launch, uint32_t node, pln_language language)
{
    const struct gpu_text *text = gpu_text_find(launch->kernel);
    pln_launch_program program = {.size = sizeof program,
                                  .language = language,
                                  .node = node,
                                  .kernel = text ? text->kernel : launch->kernel,
                                  .text = text ? text->bytes : NULL,
                                  .bytes = text ? text->size : 0,
                                  .tile_rows = launch->tile_rows,
                                  .tile_columns = launch->tile_columns,
                                  .workgroup = launch->workgroup,
                                  .n_constants = launch->n_specs};
    memcpy(program.constants, launch->specs, launch->n_specs * sizeof *launch->specs);
    if (language == PLN_LANGUAGE_OPENCL_C)
        gpu_opencl_options(launch, program.options, sizeof program.options);
    return program;
}

/* No relaxed or finite-only arithmetic: softmax and losses need infinities and NaN. -w: some drivers print warnings to
 * the standard error of the program. */
void gpu_opencl_options(const struct gpu_launch *launch, char *options, size_t bytes)
{
    int at = snprintf(options, bytes, "-cl-std=CL1.2 -w");
    for (uint32_t i = 0; i < launch->n_specs && at > 0 && (size_t)at < bytes; i++)
        at += snprintf(options + at, bytes - (size_t)at, " -DS%u=%uu", i, launch->specs[i]);
}
