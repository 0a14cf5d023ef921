/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture begins with the log's lines of earlier parts of the run, the events with those that are there.
 */
#define _POSIX_C_SOURCE 200809L /* getline */
#include "cli/tables/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/part.h"
#include "cli/step_log.h"

static void read_log(struct curves *curves, const char *path)
{
    FILE *log = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    while (log && getline(&line, &room, log) > 0) {
        json_t *object = json_loads(line, 0, NULL);
        if (object)
            curves_add(curves, object);
        json_decref(object);
    }
    free(line);
    if (log)
        fclose(log);
}

int follow_open(struct follow *follow, const struct follow_options *options)
{
    pln_error error;
    *follow = (struct follow){.plot = options->plot, .title = options->title};
    if (options->plot) {
        follow->curves = calloc(1, sizeof *follow->curves);
        if (!follow->curves)
            return cli_fail_file(options->plot, PLN_NO_MEMORY, "no memory for its curves");
        follow->curves->steps = options->steps;
        if (options->begun)
            read_log(follow->curves, options->log);
        const int code = follow_draw(follow);
        if (code)
            return code;
    }
    if (options->tensorboard && events_open(options->tensorboard, options->begun, &follow->events, &error) != PLN_OK)
        return cli_fail(&error);
    return 0;
}

pln_status follow_log(const struct follow *follow, FILE *log, const char *path, json_t *line, pln_error *error)
{
    pln_status status = PLN_OK;
    if (follow->curves && line)
        curves_add(follow->curves, line);
    if (follow->events && line)
        status = events_add(follow->events, line, error);
    if (status == PLN_OK)
        return cli_log_write(log, path, line, error);
    json_decref(line);
    return status;
}

int follow_draw(const struct follow *follow)
{
    struct cli_part part;
    if (!follow->curves)
        return 0;
    const int code = cli_part_begin(&part, follow->plot);
    if (code)
        return code;
    curves_write(part.file, follow->curves, follow->title);
    return cli_part_end(&part);
}

int follow_close(struct follow *follow)
{
    const int lost = follow->events && fclose(follow->events) != 0 ? errno : 0;
    free(follow->curves);
    *follow = (struct follow){0};
    return lost ? cli_fail_file(EVENTS_FILE, PLN_FAILED, strerror(lost)) : 0;
}
