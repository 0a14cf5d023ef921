/* SPDX-License-Identifier: Apache-2.0
 *
 * What went wrong: a sentence on stderr, and the exit code.
 */
#include <stdarg.h>

#include "cli/cli.h"
#include "cli/terminal.h"

static void print_name(void)
{
    cli_line_hide();
    fprintf(stderr, "%spleione:%s ", terminal_style(stderr, TERMINAL_BAD), terminal_style(stderr, TERMINAL_PLAIN));
}

void cli_print_sentence(FILE *out, const char *sentence)
{
    for (; *sentence; sentence++)
        fputc((unsigned char)*sentence < 0x20 || *sentence == 0x7f ? ' ' : *sentence, out);
    fputc('\n', out);
}

int cli_usage_error(const char *format, ...)
{
    char sentence[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    print_name();
    cli_print_sentence(stderr, sentence);
    return PLN_INVALID;
}

int cli_exit_code(pln_status status)
{
    switch (status) {
    case PLN_UNSUPPORTED:
        return PLN_NO_DEVICE; /* no chosen device takes the node */
    case PLN_DEVICE_LOST:
        return PLN_FAILED;
    default:
        return (int)status;
    }
}

pln_status cli_misfit(pln_error *error)
{
    if (error->status == PLN_UNSUPPORTED)
        error->status = PLN_BAD_MODEL;
    return error->status;
}

int cli_fail(const pln_error *error)
{
    print_name();
    cli_print_sentence(stderr, error->message);
    return cli_exit_code(error->status);
}

int cli_fail_file(const char *path, pln_status status, const char *what)
{
    pln_error error = {.status = status};
    snprintf(error.message, sizeof error.message, "%.300s: %s", path, what);
    return cli_fail(&error);
}
