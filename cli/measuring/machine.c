/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel tells of the machine.
 */
#define _DEFAULT_SOURCE /* getloadavg */
#include "cli/measuring/machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "commit.h" /* made by the build */

static json_t *text_or_null(const char *text, size_t bytes)
{
    return bytes ? cli_json_text(text, bytes) : json_null();
}

/* The first line of a file. */
static json_t *read_line(const char *path)
{
    char line[256] = "";
    FILE *file = fopen(path, "r");
    if (file && !fgets(line, sizeof line, file))
        *line = '\0';
    if (file)
        fclose(file);
    return text_or_null(line, strcspn(line, "\n"));
}

/* What stands behind the first of the words that begins a line of /proc/cpuinfo. */
static json_t *read_processor(const char *const *words, size_t n)
{
    char line[8192];
    json_t *found = NULL;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        for (size_t i = 0; colon && i < n; i++)
            if (strncmp(line, words[i], strlen(words[i])) == 0) {
                const char *value = colon + 1 + strspn(colon + 1, " ");
                found = text_or_null(value, strcspn(value, "\n"));
                break;
            }
    }
    if (file)
        fclose(file);
    return found ? found : json_null();
}

json_t *machine_describe(void)
{
    static const char *const names[] = {"model name", "cpu model", "Processor", "CPU part"};
    static const char *const flags[] = {"flags", "Features", "isa"};
    struct utsname system = {0};
    double load = 0;
    char text[sizeof system.sysname + sizeof system.release + sizeof system.machine + 3];
    uname(&system);
    snprintf(text, sizeof text, "%s %s %s", system.sysname, system.release, system.machine);
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:I, s:o}", "system", cli_json_text(text, strlen(text)),
                     "processor", read_processor(names, sizeof names / sizeof *names), "processors",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "flags",
                     read_processor(flags, sizeof flags / sizeof *flags), "governor",
                     read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"), "product",
                     read_line("/sys/class/dmi/id/product_name"), "memory_bytes", (json_int_t)pages * page, "load",
                     getloadavg(&load, 1) == 1 ? json_real(load) : json_null());
}

json_t *machine_versions(void)
{
    return json_pack("{s:s, s:o, s:s}", "pleione", pln_version(), "commit",
                     text_or_null(PLEIONE_COMMIT, strlen(PLEIONE_COMMIT)), "compiler", __VERSION__);
}
