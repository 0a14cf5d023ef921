/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts that complete words in a shell, made of the tables behind --help.
 */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

/* ---- what may stand behind an option */

static const char devices[] = "auto reference cpu vulkan opencl";

/* "a|b|c" with blanks between. */
static void part_words(const char *words, char *text, size_t bytes)
{
    snprintf(text, bytes, "%s", words);
    for (char *bar = text; (bar = strchr(bar, '|'));)
        *bar = ' ';
}

/* What may stand behind the command itself: words, where its synopsis lists them; else empty, any file. */
static const char *words_of(const struct cli_usage *usage, char *text, size_t bytes)
{
    const char *first = strchr(usage->synopsis, ' ');
    text[0] = '\0';
    if (first && islower((unsigned char)first[1]) && strchr(first, '|'))
        part_words(first + 1, text, bytes);
    return text;
}

/* The values, with blanks between; empty: any. */
static const char *values_of(const struct cli_option *option, char *text, size_t bytes)
{
    text[0] = '\0';
    if (option->kind == CLI_HEAD) {
        cli_head_names(text, bytes);
    } else if (strcmp(option->name, "--device") == 0 || strcmp(option->name, "--devices") == 0) {
        snprintf(text, bytes, "%s", devices);
    } else if (option->argument && strchr(option->argument, '|') && islower((unsigned char)*option->argument)) {
        part_words(option->argument, text, bytes);
    }
    return text;
}

/* The help in one line, without the characters that a shell reads inside single quotes or brackets. */
static void print_help(const char *help)
{
    for (; *help; help++)
        if (!strchr("'[]\\:`\"$", *help))
            putchar(*help);
}

static void print_names(const struct cli_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s ", commands[i].name);
    fputs("help", stdout);
}

/* ---- bash */

static void visit_bash(void *context, const struct cli_usage *usage, const struct cli_options *options)
{
    const struct cli_command *command = context;
    char values[400];
    printf("    %s)\n", command->name);
    if (*words_of(usage, values, sizeof values))
        printf("        [ \"$COMP_CWORD\" -ne 2 ] || values='%s'\n", values);
    fputs("        options='", stdout);
    for (uint32_t i = 0; i < options->n; i++)
        printf("%s ", options->rows[i].name);
    fputs("--help'\n        case $before in\n", stdout);
    for (uint32_t i = 0; i < options->n; i++)
        if (options->rows[i].kind != CLI_FLAG && options->rows[i].kind != CLI_OPTIONAL)
            printf("        %s) values='%s' takes=1 ;;\n", options->rows[i].name,
                   values_of(&options->rows[i], values, sizeof values));
    fputs("        esac ;;\n", stdout);
}

static void print_bash(const struct cli_command *commands, size_t n)
{
    fputs("# bash completion for pleione, made by `pleione completions bash`\n"
          "_pleione()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options= values= takes=\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$COMP_CWORD\" -eq 2 ] && [ \"$before\" = help ]; }; then\n"
          "        COMPREPLY=($(compgen -W '",
          stdout);
    print_names(commands, n);
    fputs("' -- \"$word\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n", stdout);
    for (size_t i = 0; i < n; i++)
        cli_visit_command(&commands[i], visit_bash, (void *)(uintptr_t)&commands[i]);
    fputs("    esac\n"
          "    if [ -n \"$values\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"$values\" -- \"$word\"))\n"
          "    elif [ -z \"$takes\" ] && [[ $word == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
          "    fi\n}\n"
          "complete -o default -F _pleione pleione\n",
          stdout);
}

/* ---- zsh */

static void visit_zsh(void *context, const struct cli_usage *usage, const struct cli_options *options)
{
    const struct cli_command *command = context;
    char values[400];
    printf("    %s)\n        _arguments '--help[what it does]'", command->name);
    for (uint32_t i = 0; i < options->n; i++) {
        const struct cli_option *o = &options->rows[i];
        printf(" \\\n            '%s%s[", o->kind == CLI_REPEATED ? "*" : "", o->name);
        print_help(o->help);
        putchar(']');
        if (o->kind != CLI_FLAG) {
            values_of(o, values, sizeof values);
            fputs(":", stdout);
            print_help(o->argument);
            printf(*values ? ":(%s)" : ":_files", values);
        }
        putchar('\'');
    }
    words_of(usage, values, sizeof values);
    printf(*values ? " \\\n            ':word:(%s)' ;;\n" : " \\\n            '*:file:_files' ;;\n", values);
}

static void print_zsh(const struct cli_command *commands, size_t n)
{
    fputs("#compdef pleione\n# zsh completion for pleione, made by `pleione completions zsh`\n"
          "_pleione()\n{\n    local -a commands\n    commands=(\n",
          stdout);
    for (size_t i = 0; i < n; i++) {
        printf("        '%s:", commands[i].name);
        print_help(commands[i].summary);
        fputs("'\n", stdout);
    }
    fputs("        'help:what a command does'\n    )\n"
          "    if (( CURRENT == 2 )) || [[ CURRENT -eq 3 && $words[2] == help ]]; then\n"
          "        _describe command commands\n        return\n    fi\n"
          "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $command in\n",
          stdout);
    for (size_t i = 0; i < n; i++)
        cli_visit_command(&commands[i], visit_zsh, (void *)(uintptr_t)&commands[i]);
    fputs("    esac\n}\n"
          "if [[ $funcstack[1] == _pleione ]]; then\n    _pleione \"$@\"\nelse\n    compdef _pleione pleione\nfi\n",
          stdout);
}

/* ---- fish */

static void visit_fish(void *context, const struct cli_usage *usage, const struct cli_options *options)
{
    const struct cli_command *command = context;
    char values[400];
    if (*words_of(usage, values, sizeof values))
        printf("complete -c pleione -n '__fish_seen_subcommand_from %s' -f -a '%s'\n", command->name, values);
    for (uint32_t i = 0; i < options->n; i++) {
        const struct cli_option *o = &options->rows[i];
        const bool is_long = strncmp(o->name, "--", 2) == 0;
        printf("complete -c pleione -n '__fish_seen_subcommand_from %s' -%c %s -d '", command->name,
               is_long ? 'l' : 's', o->name + (is_long ? 2 : 1));
        print_help(o->help);
        putchar('\'');
        values_of(o, values, sizeof values);
        if (*values)
            printf(" -x -a '%s'", values);
        else if (o->kind != CLI_FLAG)
            fputs(" -r", stdout);
        putchar('\n');
    }
}

static void print_fish(const struct cli_command *commands, size_t n)
{
    fputs("# fish completion for pleione, made by `pleione completions fish`\n", stdout);
    for (size_t i = 0; i < n; i++) {
        printf("complete -c pleione -n __fish_use_subcommand -f -a %s -d '", commands[i].name);
        print_help(commands[i].summary);
        puts("'");
    }
    fputs("complete -c pleione -n __fish_use_subcommand -f -a help -d 'what a command does'\n"
          "complete -c pleione -n '__fish_seen_subcommand_from help' -f -a '",
          stdout);
    print_names(commands, n);
    puts("'\ncomplete -c pleione -l help -d 'what it does'");
    for (size_t i = 0; i < n; i++)
        cli_visit_command(&commands[i], visit_fish, (void *)(uintptr_t)&commands[i]);
}

bool cli_print_completions(const char *shell, const struct cli_command *commands, size_t n)
{
    static const struct {
        const char *name;
        void (*print)(const struct cli_command *, size_t);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].print(commands, n);
            return true;
        }
    return false;
}
