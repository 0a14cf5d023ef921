/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the table of a command, gives it to stdout and to files by their endings.
 */
#include "cli/tables/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/part.h"
#include "cli/terminal.h"

struct format {
    const char *ending;
    bool (*write)(FILE *out, const struct table *t);
};

static const struct format formats[] = {
    {".json", table_write_json},
    {".csv", table_write_csv},
    {".md", table_write_markdown},
    {".svg", table_write_svg},
};
static const struct format *const plot_format = &formats[3];

void output_options(struct output *o, struct cli_options *options)
{
    const struct cli_option rows[] = {
        {"--json", CLI_FLAG, &o->json, NULL, "one JSON object a row on standard output"},
        {"-o", CLI_REPEATED, &o->files, "FILE.json|.csv|.md|.svg",
         "the table as a file too, by its ending; repeatable"},
        {"--plot", CLI_REPEATED, &o->plots, "FILE.svg", "the table as a picture; repeatable"},
        {"--wide", CLI_FLAG, &o->wide, NULL, CLI_WIDE_HELP},
    };
    cli_add_options(options, rows, sizeof rows / sizeof *rows);
}

static const struct format *find_format(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(dot, formats[i].ending) == 0)
            return &formats[i];
    return NULL;
}

static int fail_to_write(const char *path, int reason)
{
    fprintf(stderr, "pleione: %s cannot be written: %s\n", path, strerror(reason));
    return reason == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED;
}

static int check_folder(const char *path)
{
    char *folder = strdup(path);
    struct stat found;
    if (!folder)
        return fail_to_write(path, ENOMEM);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int code = 0;
    if (access(slash ? folder : ".", W_OK | X_OK) != 0)
        code = fail_to_write(path, errno);
    else if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        code = fail_to_write(path, EISDIR);
    free(folder);
    return code;
}

static const char *file_at(const struct output *o, uint32_t i)
{
    return i < o->files.n ? o->files.items[i] : o->plots.items[i - o->files.n];
}

static int check(const struct output *o)
{
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < o->files.n + o->plots.n; i++) {
        const char *path = file_at(o, i);
        const struct format *format = find_format(path);
        if (i < o->files.n && !format)
            return cli_usage_error("-o \"%s\" does not end in .json, .csv, .md or .svg", path);
        if (i >= o->files.n && format != plot_format)
            return cli_usage_error("--plot \"%s\" does not end in .svg", path);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(path, file_at(o, j)) == 0)
                return cli_usage_error("\"%s\" is named twice", path);
        code = check_folder(path);
    }
    return code;
}

void output_print(struct output *o, const struct table *t)
{
    cli_line_hide();
    if (!o->begun && !o->json) {
        table_lay_out(t, o->wide ? 0 : terminal_width(stdout), &o->layout);
        table_write_head(stdout, t, &o->layout);
    }
    o->begun = true;
    if (o->json)
        o->lost |= !table_write_json_rows(stdout, t, o->printed);
    else
        table_write_rows(stdout, t, &o->layout, o->printed);
    o->printed = t->n_rows;
    fflush(stdout);
}

static int write_file(const char *path, const struct table *t)
{
    struct cli_part part;
    int code = cli_part_begin(&part, path);
    if (code)
        return code;
    code = find_format(path)->write(part.file, t) ? cli_part_end(&part) : fail_to_write(path, ENOMEM);
    cli_part_drop(&part);
    return code;
}

static int finish(struct output *o, const struct table *t)
{
    if (t->failed || o->lost) {
        fputs("pleione: no memory for the table\n", stderr);
        return PLN_NO_MEMORY;
    }
    cli_line_hide();
    if (o->begun && !o->json)
        table_write_left_out(stdout, t, &o->layout);
    for (uint32_t i = 0; !o->json && i < t->n_notes; i++)
        terminal_fill(stdout, t->notes[i], 0, 2, terminal_width(stdout) ? terminal_width(stdout) : SIZE_MAX);
    int code = cli_finish_output();
    for (uint32_t i = 0; code == 0 && i < o->files.n + o->plots.n; i++)
        code = write_file(file_at(o, i), t);
    return code;
}

int output_run(struct output *o, output_fill *fill, void *context)
{
    struct table t = {0};
    pln_error error;
    int code = check(o);
    if (code)
        return code;
    cli_catch_interrupt();
    const pln_status status = fill(context, &t, &error);
    if (cli_interrupted())
        code = CLI_INTERRUPTED;
    else if (status != PLN_OK)
        code = cli_fail(&error);
    else
        code = finish(o, &t);
    table_finish(&t);
    return code;
}
