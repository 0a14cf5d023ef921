/* SPDX-License-Identifier: Apache-2.0
 *
 * Man pages, made of the tables behind --help: `pleione --man`, `pleione COMMAND --man`. The build writes and installs
 * them.
 */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

/* Text as roff prints it: a hyphen that can be copied, no escapes, nothing at the start of a line that is a request. A
 * newline is a blank; where `lines` is set it stays one. */
static void print_text(const char *text, bool lines)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (const char *c = text; *c; c++) {
        if (*c == '\n')
            putchar(lines ? '\n' : ' ');
        else if (*c == '\\')
            fputs("\\e", stdout);
        else if (*c == '-')
            fputs("\\-", stdout);
        else if (*c == '\'')
            fputs("\\(aq", stdout);
        else
            putchar(*c);
    }
}

/* Roff fills lines itself. Each sentence begins a line, as it wants it. */
static void print_paragraph(const char *text)
{
    print_text(text, false);
    putchar('\n');
}

/* PLEIONE-RUN(1), or PLEIONE(1). */
void cli_man_begin(const char *name, const char *summary)
{
    fputs(".TH PLEIONE", stdout);
    for (const char *c = name ? name : ""; *c; c++)
        printf("%s%c", c == name ? "\\-" : "", toupper((unsigned char)*c));
    printf(" 1 \"\" \"pleione %s\" \"User Commands\"\n.SH NAME\npleione%s%s \\- ", pln_version(), name ? "\\-" : "",
           name ? name : "");
    print_paragraph(summary);
}

static void print_term(const char *bold, const char *argument, const char *meaning)
{
    fputs(".TP\n\\fB", stdout);
    print_text(bold, false);
    fputs("\\fR", stdout);
    if (argument) {
        fputs(" \\fI", stdout);
        print_text(argument, false);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    print_paragraph(meaning);
}

void cli_man_options(const struct cli_usage *usage, const struct cli_options *options)
{
    fputs(".SH SYNOPSIS\n\\fBpleione\\fR ", stdout);
    print_text(usage->synopsis, false);
    fputs(" [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n", stdout);
    print_paragraph(usage->description);
    puts(".SH OPTIONS");
    for (uint32_t i = 0; i < options->n; i++)
        print_term(options->rows[i].name, options->rows[i].argument, options->rows[i].help);
    fputs(".SH EXIT STATUS\nThe codes stand in\n.BR pleione (1).\n.SH EXAMPLES\n.nf\n", stdout);
    print_text(usage->examples, true);
    puts(".fi");
}

void cli_man_body(const char *description, const struct cli_command *commands, size_t n, const struct cli_exit *exits,
                  size_t n_exits)
{
    puts(".SH SYNOPSIS\n\\fBpleione\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n.br\n\\fBpleione\\fR "
         "\\fB\\-\\-version\\fR\n.br\n\\fBpleione\\fR \\fBhelp\\fR [\\fICOMMAND\\fR]\n.br\n\\fBpleione\\fR "
         "\\fBcompletions\\fR bash|zsh|fish\n"
         ".SH DESCRIPTION");
    print_paragraph(description);
    puts("Data goes to standard output, everything else to standard error.\n"
         "\\fBpleione\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR prints the options of a command, \\fB\\-\\-man\\fR in its "
         "place prints its page.\n.SH COMMANDS");
    for (size_t i = 0; i < n; i++)
        print_term(commands[i].name, NULL, commands[i].summary);
    puts(".SH EXIT STATUS\nA failure is one sentence on standard error that names what is wrong.");
    for (size_t i = 0; i < n_exits; i++)
        print_term(exits[i].code, NULL, exits[i].meaning);
    puts(".SH ENVIRONMENT");
    print_term("PLEIONE_BACKEND_PATH", NULL,
               "absolute folders, separated by ':', in which plugins are looked for after the folder of the library; a "
               "folder that others than its owner may write is left out");
    print_term("COLUMNS", NULL,
               "the width that help and tables on a terminal are fitted to, in place of the terminal's own");
    print_term("NO_COLOR", NULL, "if it is set, nothing is coloured on a terminal; elsewhere nothing is");
    print_term("XDG_CACHE_HOME", NULL,
               "the folder below which pleione/ holds compiled programs of devices; .cache of the home folder if it is "
               "not set");
}

/* All pages but this one. */
void cli_man_end(const char *name, const struct cli_command *commands, size_t n)
{
    fputs(".SH SEE ALSO\n", stdout);
    if (name)
        puts(".BR pleione (1),");
    for (size_t i = 0; i < n; i++)
        if (!name || strcmp(commands[i].name, name) != 0)
            printf(".BR pleione\\-%s (1),\n", commands[i].name);
    puts(".BR pleione\\-device\\-options (7),\n.BR pleione\\-nodes (7)");
}
