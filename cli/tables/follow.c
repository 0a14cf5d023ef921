/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture begins with the log's lines of earlier parts of the run, the events with those that are there, or with the
 * log's too if there are none.
 */
#define _POSIX_C_SOURCE 200809L /* getline */
#include "cli/tables/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/folders.h"
#include "cli/part.h"
#include "cli/step_log.h"

/* Either may be NULL. */
static pln_status add_line(struct curves *curves, FILE *events, const json_t *line, pln_error *error)
{
    if (curves)
        curves_add(curves, line);
    return events ? events_add(events, line, error) : PLN_OK;
}

static pln_status read_log(const char *path, struct curves *curves, FILE *events, pln_error *error)
{
    FILE *log = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    pln_status status = PLN_OK;
    while (status == PLN_OK && log && getline(&line, &room, log) > 0) {
        json_t *object = json_loads(line, 0, NULL);
        if (object)
            status = add_line(curves, events, object, error);
        json_decref(object);
    }
    free(line);
    if (log)
        fclose(log);
    return status;
}

int follow_try(const struct follow_options *options)
{
    char events[PATH_MAX];
    pln_error error;
    pln_status status = cli_try_file(options->log, &error);
    if (status == PLN_OK && options->plot)
        status = cli_try_file(options->plot, &error);
    if (status == PLN_OK && options->tensorboard)
        status = cli_make_folder(options->tensorboard, &error);
    if (status == PLN_OK && options->tensorboard)
        status = cli_path_join(options->tensorboard, EVENTS_FILE, events, &error);
    if (status == PLN_OK && options->tensorboard)
        status = cli_try_file(events, &error);
    return status == PLN_OK ? 0 : cli_fail(&error);
}

int follow_open(struct follow *follow, const struct follow_options *options)
{
    pln_error error;
    bool empty = false;
    *follow = (struct follow){.plot = options->plot, .title = options->title};
    if (options->plot) {
        follow->curves = calloc(1, sizeof *follow->curves);
        if (!follow->curves)
            return cli_fail_file(options->plot, PLN_NO_MEMORY, "no memory for its curves");
        follow->curves->steps = options->steps;
    }
    if (options->tensorboard &&
        events_open(options->tensorboard, options->begun, &follow->events, &empty, &error) != PLN_OK)
        return cli_fail(&error);
    if (options->begun && read_log(options->log, follow->curves, empty ? follow->events : NULL, &error) != PLN_OK)
        return cli_fail(&error);
    return follow_draw(follow);
}

pln_status follow_log(const struct follow *follow, FILE *log, const char *path, json_t *line, pln_error *error)
{
    const pln_status status = line ? add_line(follow->curves, follow->events, line, error) : PLN_OK;
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
