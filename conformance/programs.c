/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device compiles for a case, without running it: whether its kernels spill, and the programs as files.
 */
#include <stdio.h>
#include <string.h>

#include "conformance/instance.h"

enum { MOST_KERNELS = 64, MOST_PROGRAMS = 4096 };

enum conf_verdict conf_compile(const struct conf_target *target, const struct conf_case *c, uint32_t *kernels,
                               char *why, size_t why_bytes)
{
    struct conf_instance in = {.target = target};
    static pln_launch_info told[MOST_KERNELS];
    pln_plan_info info = {
        .size = sizeof info, .n_kernels = MOST_KERNELS, .kernels = told, .kernel_stride = sizeof *told};
    pln_failure error = {.size = sizeof error};
    memset(told, 0, sizeof told);
    for (uint32_t i = 0; i < MOST_KERNELS; i++)
        told[i].size = sizeof told[i];
    enum conf_verdict verdict = conf_instance_open(&in, c, why, why_bytes);
    if (verdict == CONF_PASSED && target->backend->plan_info && conf_instance_info(&in, &info, &error) != PLN_OK) {
        snprintf(why, why_bytes, "%s", error.message);
        verdict = CONF_FAILED;
    }
    const uint32_t n = info.n_kernels < MOST_KERNELS ? info.n_kernels : MOST_KERNELS;
    for (uint32_t i = 0; verdict == CONF_PASSED && i < n; i++) {
        *kernels += told[i].registers > 0;
        if (!told[i].spills)
            continue;
        snprintf(why, why_bytes, "%s spills %u registers", told[i].name, told[i].spills);
        verdict = CONF_FAILED;
    }
    conf_instance_close(&in);
    return verdict;
}

/* Whether a program was written already: of its text, constants and options one file is enough. */
static bool is_new(const pln_launch_program *program)
{
    static struct {
        const void *text;
        char options[sizeof program->options];
        uint32_t constants[sizeof program->constants / sizeof *program->constants];
    } seen[MOST_PROGRAMS];
    static uint32_t n;
    for (uint32_t i = 0; i < n; i++)
        if (seen[i].text == program->text && strcmp(seen[i].options, program->options) == 0 &&
            memcmp(seen[i].constants, program->constants, sizeof program->constants) == 0)
            return false;
    if (n < MOST_PROGRAMS) {
        seen[n].text = program->text;
        memcpy(seen[n].options, program->options, sizeof program->options);
        memcpy(seen[n].constants, program->constants, sizeof program->constants);
        n++;
    }
    return true;
}

static bool write_file(const char *folder, const pln_launch_program *program, uint32_t number, const char *ending,
                       const void *bytes, size_t n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s-%u.%s", folder, program->kernel, number, ending);
    FILE *file = fopen(path, "wb");
    const bool whole = file && fwrite(bytes, 1, n, file) == n;
    return file && fclose(file) == 0 && whole;
}

enum conf_verdict conf_dump(const struct conf_target *target, const struct conf_case *c, const char *folder,
                            uint32_t *kernels, char *why, size_t why_bytes)
{
    struct conf_instance in = {.target = target};
    static pln_launch_program programs[MOST_KERNELS];
    pln_plan_info info = {
        .size = sizeof info, .n_kernels = MOST_KERNELS, .programs = programs, .program_stride = sizeof *programs};
    pln_failure error = {.size = sizeof error};
    memset(programs, 0, sizeof programs);
    for (uint32_t i = 0; i < MOST_KERNELS; i++)
        programs[i].size = sizeof programs[i];
    enum conf_verdict verdict = conf_instance_view(&in, c, why, why_bytes);
    if (verdict == CONF_PASSED &&
        target->backend->plan_info(target->device, in.segment, NULL, &info, &error) != PLN_OK) {
        snprintf(why, why_bytes, "%s", error.message);
        verdict = CONF_FAILED;
    }
    const uint32_t n = info.n_kernels < MOST_KERNELS ? info.n_kernels : MOST_KERNELS;
    for (uint32_t i = 0; verdict == CONF_PASSED && i < n && programs[i].text; i++) {
        const bool source = programs[i].language == PLN_LANGUAGE_OPENCL_C;
        if (!is_new(&programs[i]))
            continue;
        const bool written =
            write_file(folder, &programs[i], *kernels, source ? "cl" : "spv", programs[i].text, programs[i].bytes) &&
            write_file(folder, &programs[i], *kernels, "options", programs[i].options, strlen(programs[i].options));
        ++*kernels;
        if (written)
            continue;
        snprintf(why, why_bytes, "%s: cannot be written", folder);
        verdict = CONF_FAILED;
    }
    conf_instance_close(&in);
    return verdict;
}
