/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands share: options by table, the runtime and session that they ask for, output.
 * Data goes to stdout, all else to stderr. Only the public API is used.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "api/pleione.h"

enum { CLI_LIST = 4096, CLI_SIGNALLED = 128, CLI_INTERRUPTED = 130 };

/* What explain and compare run when no text is given. */
#define CLI_SENTENCE "This program reads a text prophet and prints the number of lines."

/* Of --wide, wherever a table is printed. */
#define CLI_WIDE_HELP "all columns, whatever the width of the terminal"

/* ---- options */

/* 32 KiB: one on a stack is one too many for a small stack. A command runs once, so its lists are static. */
struct cli_list {
    uint32_t n;
    const char *items[CLI_LIST];
};

enum cli_kind {
    CLI_FLAG,
    CLI_TEXT,
    CLI_WORD, /* a text that is one of the argument's: "a|b|c" */
    /* Whole numbers, below UINT32_MAX, which can say that none is given. */
    CLI_UNSIGNED, /* 1 and more */
    CLI_COUNT,    /* 0 and more */
    CLI_SEED,     /* any of 64 bits */
    /* Real numbers, which have a range each; NaN, which nobody can type, can say that none is given. Those without an
     * upper end are in that of f32, in which devices are told of them. */
    CLI_SECONDS,
    CLI_AMOUNT,   /* 0 and more */
    CLI_POSITIVE, /* above 0 */
    CLI_SHARE,    /* 0 to 1 */
    CLI_PORTION,  /* above 0, at most 1 */
    CLI_RATE,     /* 0 to below 1 */
    CLI_TIMES,    /* above 0, at most a million */
    CLI_REPEATED,
    CLI_OPTIONAL, /* a flag whose value may follow it if it ends as the argument says: "[FILE.svg]"; "" without one */
    CLI_HEAD,
    CLI_SEMANTICS,
    CLI_PART,
    CLI_ON_LOSS,
    CLI_MATH /* f32, bf16 or int8, appended to the device options of the target */
};

struct cli_option {
    const char *name; /* "--device" or "-b" */
    enum cli_kind kind;
    /* bool, const char *, uint32_t, uint64_t, double, struct cli_list, pln_head, pln_semantics, pln_part, pln_on_loss; of CLI_MATH the device options */
    void *target;
    const char *argument; /* "LIST" */
    const char *help;
};

/* Whether its target is a double. */
bool cli_is_real(enum cli_kind kind);

/* Names of all heads, with blanks between. */
void cli_head_names(char *text, size_t bytes);

struct cli_command {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
};

/* What the exit codes of all commands mean. */
struct cli_exit {
    const char *code, *meaning;
};

/* What a command says of itself under --help and in its man page. */
struct cli_usage {
    const char *synopsis; /* "run MODEL [TEXT...]" */
    const char *description;
    const char *examples;
};

/* The options that every command has which runs or plans a model. */
struct cli_common {
    const char *device; /* --device or --devices */
    struct cli_list device_options, place;
    bool no_fallback;
    pln_on_loss on_loss;
    uint32_t threads;
    uint64_t seed;
    pln_semantics semantics;
    const char *weights;
    pln_part part;
    uint32_t heads;
};

/* All options of a command, in the order of --help. Zero at first; those who bring some add theirs. */
enum { CLI_OPTIONS = 96 };
struct cli_options {
    uint32_t n; /* more than CLI_OPTIONS: those that found no room are left out, and cli_parse refuses */
    struct cli_option rows[CLI_OPTIONS];
};
void cli_add_options(struct cli_options *options, const struct cli_option *rows, size_t n);
/* Where nodes run, and the seed; a part of the common ones. device_name is "--device" or "--devices". */
pln_schedule_options cli_placement(const struct cli_common *common); /* as the options say */
void cli_device_rows(struct cli_common *common, const char *device_name, struct cli_options *options);
/* Those of a command that runs a model that is there. */
void cli_common_options(struct cli_common *common, const char *device_name, struct cli_options *options);

/* Those that say which weights of a model are meant; a part of the common ones. */
void cli_model_rows(struct cli_common *common, struct cli_options *options);

/* Reads the arguments: options by the table, the rest into positional. Returns 0, or the exit code + 1 when the command
 * is over (help was printed, or a usage error was). */
int cli_parse(int argc, char **argv, const struct cli_usage *usage, const struct cli_options *options,
              struct cli_list *positional);

/* Hands over what the command gives to cli_parse, and does nothing else of it. */
typedef void cli_visit(void *context, const struct cli_usage *usage, const struct cli_options *options);
void cli_visit_command(const struct cli_command *command, cli_visit *visit, void *context);
/* --help. */
void cli_print_usage(FILE *out, const struct cli_usage *usage, const struct cli_options *options);

/* The name nearest to what was typed, of those that were looked at; zero at first. name NULL: none is near. */
struct cli_suggestion {
    const char *name; /* borrows */
    size_t far;
};
void cli_suggest(struct cli_suggestion *s, const char *typed, const char *name);

/* Man pages in parts, on stdout. What --help prints is what they are made of: a page begins with name and summary, a
 * command tells its options, `pleione` its commands and exit codes, and it ends in the other pages. The name of
 * `pleione` itself is NULL. */
void cli_man_begin(const char *name, const char *summary);
void cli_man_options(const struct cli_usage *usage, const struct cli_options *options);
void cli_man_body(const char *description, const struct cli_command *commands, size_t n, const struct cli_exit *exits,
                  size_t n_exits);
void cli_man_end(const char *name, const struct cli_command *commands, size_t n);

/* Prints a script that completes commands, options and their values in the shell: "bash", "zsh" or "fish". False: it is
 * none of these. */
bool cli_print_completions(const char *shell, const struct cli_command *commands, size_t n);

/* Whether the value is one of the words "a|b|c". */
bool cli_is_word(const char *words, const char *value);
/* Returns the first of the list, which is not empty; the others move up. */
const char *cli_take_first(struct cli_list *list);

/* "KEY=VALUE" of a device option "[BACKEND.]KEY=VALUE". */
const char *cli_setting_of(const char *option);
/* The setting that a word of --math is, empty for "f32"; NULL: it is none of its words. */
const char *cli_math_setting(const char *name);
/* "f32", "bf16" or "int8", which the device options come to; the last one counts. */
const char *cli_math_of(const char *const *device_options, uint32_t n);

/* "8x128", or "32x16-128" with lengths drawn evenly between the two. */
struct cli_shape {
    uint32_t batch, length;
    uint32_t shortest; /* 0: all rows are full */
};
/* "1x16,8x128,32x16-128" behind the n shapes that are there; false (after a sentence) if it is no such list. */
bool cli_parse_shapes(const char *text, struct cli_shape *shapes, uint32_t room, uint32_t *n);
/* "16,32,512": shapes of one row each, shortest first. */
bool cli_parse_lengths(const char *text, struct cli_shape *shapes, uint32_t room, uint32_t *n);

/* ---- what is opened */

/* A model on devices. Zero at first; cli_close closes what was opened. */
struct cli_model {
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
};

/* Prints what the library logs, from information upward, and once what several processes of the command log. */
void cli_log(void *context, pln_log_level level, const char *message);
pln_status cli_create_runtime(uint32_t threads, pln_runtime **runtime, pln_error *error);
pln_status cli_open_runtime(const struct cli_common *common, pln_runtime **runtime, pln_error *error);
/* The list of devices that is asked for; for "auto", or none, the name of what it is, which is found out once. Static
 * memory. */
const char *cli_choose_device(const struct cli_common *common);
/* The next three open what is not open yet: a runtime and the devices of the list; a runtime and the model, for plans
 * alone without its weights; all of these and a session, whose options get their placement from common (of
 * their schedule `timed` counts). */
pln_status cli_open_devices(const struct cli_common *common, struct cli_model *m, pln_error *error);
/* What the options say of a model. */
pln_model_options cli_model_options(const struct cli_common *common);
pln_status cli_open_model(const struct cli_common *common, const char *directory, bool without_weights,
                          struct cli_model *m, pln_error *error);
pln_status cli_open(const struct cli_common *common, const char *directory, const pln_session_options *options,
                    struct cli_model *m, pln_error *error);
void cli_close(struct cli_model *m);

/* A file of a model that asks for what nobody offers (a tokenizer of another type) does not fit; there is no device to
 * choose for it. Returns the status that the error then has. */
pln_status cli_misfit(pln_error *error);
int cli_exit_code(pln_status status);
/* A sentence and the end of its line. It may quote what a file holds: what a terminal would obey is a blank. */
void cli_print_sentence(FILE *out, const char *sentence);
/* Prints "pleione: sentence" and returns the exit code of the status. */
int cli_fail(const pln_error *error);
/* The same of a file: "PATH: what". */
int cli_fail_file(const char *path, pln_status status, const char *what);
int cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- input, output, time */

/* Room for `need` items of `bytes` each: returns the array, at its place or moved, with *room as it is then. NULL: there
 * is no memory, the array is as it was. */
void *cli_reserve(void *items, size_t *room, size_t need, size_t bytes);

#define CLI_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
/* Bytes of the character, or (not valid) of the maximal subpart of one, that a text of at least one byte begins with.
 */
size_t cli_utf8_cut(const char *text, size_t bytes, bool *valid);
/* Returns a new JSON string; each maximal subpart that is not UTF-8 becomes U+FFFD. NULL if there is no memory. */
json_t *cli_json_text(const char *text, size_t bytes);
/* As json_array_append_new and json_object_set_new; what cannot be made is noted. */
void cli_append_json(json_t *list, json_t *item);
void cli_set_json(json_t *object, const char *key, json_t *value);
/* Prints a JSON object as one line and frees it; nothing once a part of one could not be made (NULL), which
 * cli_finish_output says. */
void cli_print_json(json_t *object);
/* As json_dumps: returns new (free), or NULL if there is no memory; jansson's own leaves out a key that it has no memory
 * for and goes on. */
char *cli_dump_json(const json_t *json, size_t flags);
/* Flushes stdout. PLN_FAILED when it cannot be written (full disk, closed pipe), PLN_NO_MEMORY when there was none for an
 * object. */
pln_status cli_flush_output(pln_error *error);
/* The same at the end of a command: 0, or an exit code after the sentence. */
int cli_finish_output(void);

/* The line on stderr that is drawn over and over, on a terminal only; hidden before anything else is written there. From
 * any thread. */
void cli_line_draw(const char *line);
void cli_line_hide(void);
void cli_line_pause(bool paused); /* hidden, and not drawn until it is called with false: stdout is the same terminal */

/* A bar on stderr where that is a terminal, else nothing. */
struct cli_progress {
    const char *what;
    bool shown;
    uint64_t before;     /* done when it began: this part says nothing of the pace */
    double began, drawn; /* seconds */
};
struct cli_progress cli_progress_begin(const char *what);
/* total 0: it is not known. */
void cli_progress_update(struct cli_progress *progress, uint64_t done, uint64_t total);
/* "WHAT 3 of 20, 12 s left  TEXT" in place of the bar. */
void cli_progress_line(struct cli_progress *progress, uint64_t done, uint64_t total, const char *text);
/* Rows, their rate, and the time that is left by `done` of `total`, of which `before` counts for nothing; total 0: it is
 * not known. */
void cli_progress_rows(struct cli_progress *progress, uint64_t rows, uint64_t done, uint64_t total);
void cli_progress_end(struct cli_progress *progress); /* takes it away */

/* What a person waits for: a line on stderr where that is a terminal, from the second second on. It takes the place of
 * what was waited for before. blocked: nothing of ours runs meanwhile, and a thread draws; else, and whenever a process
 * is going to be forked, cli_wait_tick does. */
void cli_wait_begin(bool blocked, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_wait_end(void); /* from any thread */
void cli_wait_tick(void);
/* A step of what is waited for, which the line says from then on. From any thread. */
void cli_wait_tell(const char *what, uint64_t done, uint64_t total);

double cli_seconds(void);   /* monotonic */
long cli_page_faults(void); /* of the process so far */

/* SIGINT and SIGTERM end the process at once, with the code below: for commands that leave nothing half done. */
void cli_exit_on_interrupt(void);
/* From here on they are only noted, once: the command ends in its own time and returns CLI_INTERRUPTED. */
void cli_catch_interrupt(void);
/* As before, and calls of the library that take long end then: of commands that lose nothing by it. */
void cli_cancel_on_interrupt(void);
bool cli_cancelled(void); /* from any thread */
bool cli_interrupted(void);
int cli_interrupt_code(void); /* 130, 143 after SIGTERM; 0: neither came */
/* A descriptor of 0 to 2 that is closed would be given to the next file that is opened: it gets /dev/null, on which its
 * use fails. A closed pipe is an error of writing, no signal. */
void cli_guard_streams(void);
#endif
