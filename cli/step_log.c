/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of a log of steps, kept and written.
 */
#include "cli/step_log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pln_status fail_log(const char *path, pln_error *error)
{
    const int problem = errno;
    *error = (pln_error){.status = problem == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "%.300s: %s", path, strerror(problem));
    return error->status;
}

/* Lines of steps behind the checkpoint are of a run that was killed: each step stands once. Returns where they begin. */
static long find_end(FILE *log, uint32_t begun)
{
    char *line = NULL;
    size_t room = 0;
    long end = 0;
    for (ssize_t n; (n = getline(&line, &room, log)) > 0 && line[n - 1] == '\n'; end = ftell(log)) {
        json_t *object = json_loads(line, 0, NULL);
        const json_t *step = json_object_get(object, "step");
        const bool kept = json_is_integer(step) && json_integer_value(step) <= begun;
        json_decref(object);
        if (!kept)
            break;
    }
    free(line);
    return end;
}

pln_status cli_log_open(const char *path, uint32_t begun, FILE **log, pln_error *error)
{
    *log = begun ? fopen(path, "r+") : fopen(path, "w");
    if (!*log && begun)
        *log = fopen(path, "w");
    if (!*log)
        return fail_log(path, error);
    const long end = begun ? find_end(*log, begun) : 0;
    return end >= 0 && fseek(*log, end, SEEK_SET) == 0 && ftruncate(fileno(*log), end) == 0 ? PLN_OK
                                                                                            : fail_log(path, error);
}

json_t *cli_json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

pln_status cli_log_write(FILE *log, const char *path, json_t *line, pln_error *error)
{
    errno = ENOMEM;
    const bool written = line && json_dumpf(line, log, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
                         fputc('\n', log) != EOF && fflush(log) == 0;
    json_decref(line);
    return written ? PLN_OK : fail_log(path, error);
}
