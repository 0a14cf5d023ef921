/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione-conform, the program behind `pleione conform`: is this backend right? Its plugin lives in a worker process, so
 * that whatever it does, the summary comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/guard.h"
#include "conformance/report.h"
#include "conformance/worker.h"

static const char usage[] =
    "usage: pleione-conform PLUGIN.so|reference [--level N] [--op NAME] [--case TEXT] [--except TEXT]... [--json] "
    "[--perf]\n"
    "           [--device N] [--option KEY=VALUE]... [--threads N] [--limit SECONDS] [--complete] [--thin N] "
    "[--quick]\n"
    "           [--half-constants] [--runs-allocate] [--tolerance T] [--skip-refused-options] [--list] [--verbose] "
    "[--first]\n"
    "           [--compile | --claims | --dump FOLDER]\n\n"
    "`pleione help conform` says what they mean. For tests: --thin runs one of N cases, --quick small shapes;\n"
    "--half-constants has weights that f16 holds; --runs-allocate lets a library call malloc in a run;\n"
    "--except leaves out the cases whose name holds a text;\n"
    "--compile makes plans and runs nothing, a kernel that spills fails its case; --dump writes the programs of\n"
    "each case to files; --first ends with the first case that fails;\n"
    "--claims asks what is taken, and runs nothing.\n";

enum { MOST_HANGS = 3, MOST_ENDS_OF_A_GROUP = 3, MOST_ENDS = 60, SKIPPED = 77 };

struct arguments {
    struct conf_plugin plugin;
    struct conf_wanted wanted;
    struct conf_mode mode;
    double limit;
    bool list, verbose, json, complete, skip_refused_options, first;
};

/* ---- arguments */

static bool take_option(struct conf_plugin *p, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || p->n_options == CONF_OPTIONS)
        return false;
    snprintf(p->keys[p->n_options], sizeof p->keys[0], "%.*s", (int)(equals - text), text);
    p->options[p->n_options] =
        (pln_setting){.size = sizeof *p->options, .key = p->keys[p->n_options], .value = equals + 1};
    p->n_options++;
    return true;
}

static bool take_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
    char *end;
    const unsigned long n = strtoul(text, &end, 10);
    *number = (uint32_t)n;
    return *text >= '0' && *text <= '9' && !*end && n >= least && n <= most;
}

static bool take_real(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && *number > 0 && *number < 1e9;
}

static bool take_flag(struct arguments *a, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--quick", &conf_quick},
                 {"--half-constants", &conf_half_constants},
                 {"--runs-allocate", &conf_runs_allocate},
                 {"--list", &a->list},
                 {"--verbose", &a->verbose},
                 {"--json", &a->json},
                 {"--perf", &a->wanted.speed},
                 {"--complete", &a->complete},
                 {"--first", &a->first},
                 {"--claims", &a->mode.claims},
                 {"--compile", &a->mode.compile},
                 {"--skip-refused-options", &a->skip_refused_options}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(flags[i].name, name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    return false;
}

static bool take_value(struct arguments *a, const char *name, const char *value)
{
    if (strcmp(name, "--device") == 0)
        return take_number(value, 0, 4095, &a->plugin.device);
    if (strcmp(name, "--threads") == 0)
        return take_number(value, 1, 256, &a->plugin.threads);
    if (strcmp(name, "--thin") == 0)
        return take_number(value, 1, 100000, &a->wanted.thin);
    if (strcmp(name, "--level") == 0)
        return take_number(value, 0, CONF_LEVELS - 1, &a->wanted.level);
    if (strcmp(name, "--limit") == 0)
        return take_real(value, &a->limit);
    if (strcmp(name, "--tolerance") == 0)
        return take_real(value, &conf_tolerance);
    if (strcmp(name, "--op") == 0)
        a->wanted.op = value;
    else if (strcmp(name, "--case") == 0)
        a->wanted.text = value;
    else if (strcmp(name, "--except") == 0 && a->wanted.n_except < sizeof a->wanted.except / sizeof *a->wanted.except)
        a->wanted.except[a->wanted.n_except++] = value;
    else if (strcmp(name, "--dump") == 0)
        a->mode.dump = value;
    else
        return strcmp(name, "--option") == 0 && take_option(&a->plugin, value);
    return true;
}

static bool parse(struct arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (a->plugin.path)
                return false;
            a->plugin.path = argv[i];
        } else if (!take_flag(a, argv[i])) {
            if (i + 1 == argc || !take_value(a, argv[i], argv[i + 1]))
                return false;
            i++;
        }
    }
    a->wanted.cases = a->mode.compile || a->mode.dump || a->mode.claims;
    return a->plugin.path;
}

/* A name of an op or a group that nobody knows is a mistake of writing. */
static bool is_known(const char *name)
{
    bool known = !name;
    for (uint32_t i = 0; i < conf_n_groups && !known; i++)
        known = strcmp(conf_groups[i].name, name) == 0;
    return known;
}

/* ---- running */

/* How the plugin has behaved so far. */
struct conduct {
    uint32_t hangs, ends, ends_of_group;
    enum conf_kind kind;
    uint32_t group;
    bool hung_in_group, over;
    const char *why; /* the rest is not run */
};

static void note_end(struct conduct *c, bool silent)
{
    c->hangs += silent;
    c->ends++;
    c->ends_of_group++;
    c->hung_in_group |= silent;
    if (c->hangs >= MOST_HANGS)
        c->over = true, c->why = "it hung too often";
    if (c->ends >= MOST_ENDS)
        c->over = true, c->why = "it ended its process too often";
}

/* Whether the test is left out: a group in which it hung, or ended its process again and again. */
static bool is_left_out(struct conduct *c, const struct conf_test *t)
{
    if (c->kind != t->kind || c->group != t->group) {
        c->kind = t->kind;
        c->group = t->group;
        c->ends_of_group = 0;
        c->hung_in_group = false;
    }
    if (!c->over && c->hung_in_group)
        c->why = "others of its kind hung";
    else if (!c->over && c->ends_of_group >= MOST_ENDS_OF_A_GROUP)
        c->why = "others of its kind ended the process";
    else
        return c->over;
    return true;
}

/* The line on a terminal that says what is tried; NULL takes it away, before anything else is written. */
static void show(const struct conf_suite *s, const struct conf_outcome *o)
{
    if (!isatty(STDERR_FILENO))
        return;
    fputs("\r\033[K", stderr);
    if (o)
        fprintf(stderr, "%u of %u  L%u %.60s", (uint32_t)(o - s->outcomes) + 1, s->n, o->test.level, o->test.name);
}

static void finish_outcome(const struct arguments *a, struct conf_outcome *o)
{
    o->done = true;
    show(NULL, NULL);
    if (a->json)
        return;
    if (o->answer.verdict == CONF_FAILED ||
        (a->complete && o->answer.verdict == CONF_REFUSED && o->test.kind == CONF_CASE))
        printf("FAILED: L%u %s: %s\n", o->test.level, o->test.name, o->answer.why);
    else if (a->verbose && o->answer.verdict == CONF_PASSED)
        printf("passed: L%u %s\n", o->test.level, o->test.name);
    fflush(stdout);
}

static void run_one(const struct arguments *a, struct conf_worker *w, struct conf_outcome *o, struct conduct *c)
{
    struct conf_hello hello;
    bool silent = false;
    if (!w->pid && (!conf_worker_start(w, &hello) || hello.step < CONF_STEPS)) {
        o->answer = (struct conf_answer){.verdict = CONF_FAILED};
        snprintf(o->answer.why, sizeof o->answer.why, "the plugin could not be opened once more: %.400s", hello.why);
        c->over = true;
        c->why = "the plugin could not be opened once more";
    } else if (!conf_worker_ask(w, &o->test, &o->answer, &silent)) {
        note_end(c, silent);
    }
    finish_outcome(a, o);
    if (a->first && o->answer.verdict == CONF_FAILED) {
        c->over = true;
        c->why = "--first";
    }
}

/* The steps of opening, which the first hello tells of. */
static void take_hello(const struct arguments *a, struct conf_suite *s, const struct conf_hello *hello)
{
    for (uint32_t i = 0; i < s->n && s->outcomes[i].test.kind == CONF_STEP; i++) {
        struct conf_outcome *o = &s->outcomes[i];
        if (i > hello->step)
            break;
        o->answer.verdict = i == hello->step ? CONF_FAILED : CONF_PASSED;
        if (i == hello->step)
            snprintf(o->answer.why, sizeof o->answer.why, "%s", hello->why);
        finish_outcome(a, o);
    }
}

static void run_all(const struct arguments *a, struct conf_suite *s, struct conf_worker *w)
{
    struct conduct c = {0};
    for (uint32_t i = 0; i < s->n; i++) {
        struct conf_outcome *o = &s->outcomes[i];
        if (o->test.kind == CONF_STEP)
            continue;
        if (is_left_out(&c, &o->test)) {
            snprintf(o->answer.why, sizeof o->answer.why, "%s", c.why);
        } else {
            show(s, o);
            run_one(a, w, o, &c);
        }
        if (o->test.kind == CONF_END && o->done && o->answer.verdict == CONF_PASSED &&
            !conf_worker_end(w, o->answer.why, sizeof o->answer.why)) {
            o->answer.verdict = CONF_FAILED;
            finish_outcome(a, o);
        }
    }
    char why[CONF_WHY];
    conf_worker_end(w, why, sizeof why);
}

static int report(const struct arguments *a, const struct conf_suite *s, const struct conf_hello *hello)
{
    static struct conf_report r;
    r = (struct conf_report){
        .plugin = &a->plugin, .hello = hello, .suite = s, .complete = a->complete, .level = a->wanted.level};
    uint32_t kernels = 0;
    conf_report_count(&r);
    for (uint32_t i = 0; i < s->n; i++)
        kernels = s->outcomes[i].answer.kernels > kernels ? s->outcomes[i].answer.kernels : kernels;
    if (a->mode.compile || a->mode.dump)
        printf("%u kernels\n", kernels);
    if (a->json && !conf_report_print_json(&r)) {
        fputs("pleione-conform: no memory for the report\n", stderr);
        return PLN_NO_MEMORY;
    }
    if (!a->json)
        conf_report_print(&r, a->verbose);
    if (fflush(stdout) != 0) {
        fputs("pleione-conform: stdout cannot be written\n", stderr);
        return PLN_FAILED;
    }
    return conf_report_code(&r);
}

int main(int argc, char **argv)
{
    static struct arguments a = {.plugin.threads = 3, .wanted = {.thin = 1, .level = CONF_LEVELS}, .limit = 60};
    static struct conf_hello hello;
    struct conf_suite s = {0};
    if (!parse(&a, argc, argv)) {
        fputs(usage, stderr);
        return PLN_INVALID;
    }
    if (!is_known(a.wanted.op)) {
        fprintf(stderr, "pleione-conform: no op or group of cases is called %s\n", a.wanted.op);
        return PLN_INVALID;
    }
    if (!conf_suite_list(&s, &a.wanted))
        return PLN_FAILED;
    for (uint32_t i = 0; a.list && i < s.n; i++)
        printf("L%u %s\n", s.outcomes[i].test.level, s.outcomes[i].test.name);
    struct conf_worker w = {.plugin = &a.plugin, .mode = &a.mode, .limit = a.limit};
    int code = PLN_OK;
    if (!a.list && !conf_worker_start(&w, &hello)) {
        fputs("pleione-conform: no process for the plugin\n", stderr);
        code = PLN_FAILED;
    } else if (!a.list) {
        if (a.skip_refused_options && hello.step == CONF_OPEN && hello.status == PLN_INVALID)
            code = SKIPPED;
        if (hello.step < CONF_STEPS && (a.wanted.cases || code == SKIPPED))
            fprintf(stderr, "%s: %s\n", a.plugin.path, hello.why);
        if (code != SKIPPED)
            take_hello(&a, &s, &hello);
        if (hello.step == CONF_STEPS && conf_suite_add_halves(&s, &a.wanted, &hello))
            run_all(&a, &s, &w);
        if (code != SKIPPED)
            code = report(&a, &s, &hello);
    }
    conf_suite_finish(&s);
    return code;
}
