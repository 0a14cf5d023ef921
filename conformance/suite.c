/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists the tests. Names and levels of cases are those of the cases themselves, which are filled for that.
 */
#include "conformance/suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const conf_level_names[CONF_LEVELS] = {
    "contract and memory", "f32 inference", "training", "half types", "plans, replay, several at once", "faults",
};

static bool add(struct conf_suite *s, const struct conf_test *test)
{
    if (s->n == s->room) {
        const size_t room = s->room ? 2 * s->room : 1024;
        void *more = realloc(s->outcomes, room * sizeof *s->outcomes);
        if (!more) {
            fputs("pleione-conform: no memory for the list of cases\n", stderr);
            return false;
        }
        s->outcomes = more;
        s->room = room;
    }
    s->outcomes[s->n++] = (struct conf_outcome){.test = *test};
    return true;
}

/* The forms of a group's cases come in turn, so every Nth case would be of a few forms only when N and their number
 * share a divisor: a hash (xor, shift, multiply; small numbers need two rounds) draws instead. It keeps the first. */
static bool is_kept(uint32_t index, uint32_t thin)
{
    uint32_t hash = (index ^ index >> 16) * 0x7feb352du;
    hash = (hash ^ hash >> 15) * 0x846ca68bu;
    return (hash ^ hash >> 16) % thin == 0;
}

static bool is_wanted(const struct conf_wanted *w, const struct conf_test *test)
{
    for (uint32_t i = 0; i < w->n_except; i++)
        if (strstr(test->name, w->except[i]))
            return false;
    return test->level <= w->level && (!w->text || strstr(test->name, w->text));
}

/* Whether the group is that of the name, or of the op of that name. */
static bool is_group(const struct conf_wanted *w, const struct conf_group *g)
{
    return !w->op || strcmp(w->op, g->name) == 0 || (g->op && strcmp(w->op, conf_op_name(g->op)) == 0);
}

static bool add_if(struct conf_suite *s, const struct conf_wanted *w, struct conf_test test, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool add_if(struct conf_suite *s, const struct conf_wanted *w, struct conf_test test, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(test.name, sizeof test.name, format, arguments);
    va_end(arguments);
    return !is_wanted(w, &test) || add(s, &test);
}

static bool add_cases(struct conf_suite *s, const struct conf_wanted *w, uint32_t group)
{
    static struct conf_case c;
    bool whole = true;
    for (uint32_t i = 0; whole; i++) {
        conf_begin(&c, i, 0);
        if (!conf_groups[group].fill(&c, i))
            break;
        /* Of a group that is no op's, those that are of this op alone. */
        const bool fits = conf_groups[group].op || !w->op || strcmp(w->op, conf_groups[group].name) == 0 ||
                          (c.n_nodes == 1 && strcmp(w->op, conf_op_name(c.nodes[0].op)) == 0);
        const struct conf_test test = {.kind = CONF_CASE,
                                       .level = conf_level_of(&c),
                                       .group = group,
                                       .index = i,
                                       .op = conf_groups[group].op ? conf_groups[group].op
                                             : c.n_nodes == 1      ? c.nodes[0].op
                                                                   : 0};
        if (fits && is_kept(i, w->thin))
            whole = add_if(s, w, test, "%s", c.name);
        conf_free(&c);
    }
    return whole;
}

/* Every op has a case, or a backend could pass without it. */
static bool every_op_has_cases(void)
{
    static struct conf_case c;
    for (uint32_t i = 0; i < conf_n_groups; i++) {
        conf_begin(&c, 0, 0);
        const bool has = conf_groups[i].fill(&c, 0);
        bool uses = !conf_groups[i].op;
        for (uint32_t j = 0; j < c.n_nodes; j++)
            uses |= c.nodes[j].op == conf_groups[i].op;
        conf_free(&c);
        if (!has || !uses) {
            fprintf(stderr, "pleione-conform: %s has no case\n", conf_groups[i].name);
            return false;
        }
    }
    return true;
}

/* A group that is the op's own. */
static bool is_of_op(uint32_t group)
{
    return conf_groups[group].op && strcmp(conf_groups[group].name, conf_op_name(conf_groups[group].op)) == 0;
}

static bool is_of_inference(uint32_t group)
{
    const uint32_t op = conf_groups[group].op;
    return is_of_op(group) && (op <= PLN_OP_SEGMENT_MEAN || op == PLN_OP_SCATTER);
}

static bool list_contract(struct conf_suite *s, const struct conf_wanted *w)
{
    bool whole = true;
    for (uint32_t i = 0; whole && i < CONF_STEPS; i++) {
        struct conf_test step = {.kind = CONF_STEP, .index = i};
        snprintf(step.name, sizeof step.name, "%s", conf_step_names[i]);
        whole = add(s, &step);
    }
    for (uint32_t i = 0; whole && i < conf_n_contract; i++)
        whole = add_if(s, w, (struct conf_test){.kind = CONF_CONTRACT, .index = i}, "%s", conf_contract[i].name);
    for (uint32_t g = 0; whole && g < conf_n_groups; g++)
        if (is_of_op(g) && is_group(w, &conf_groups[g]))
            whole = add_if(s, w, (struct conf_test){.kind = CONF_GROWTH, .group = g}, "newer nodes of %s",
                           conf_groups[g].name);
    return whole;
}

/* Trials on a case of each op of inference. */
static bool list_trials(struct conf_suite *s, const struct conf_wanted *w, enum conf_kind kind, uint32_t level,
                        const struct conf_trial *trials, uint32_t n)
{
    bool whole = true;
    for (uint32_t g = 0, at = 0; whole && g < conf_n_groups; g++)
        for (uint32_t i = 0; whole && i < n && is_of_inference(g) && is_group(w, &conf_groups[g]); i++, at++)
            if ((!trials[i].op || trials[i].op == conf_groups[g].op) && is_kept(at, w->thin))
                whole = add_if(s, w, (struct conf_test){.kind = kind, .level = level, .group = g, .index = i}, "%s: %s",
                               conf_groups[g].name, trials[i].name);
    return whole;
}

static bool list_speeds(struct conf_suite *s, const struct conf_wanted *w)
{
    bool whole = true;
    for (uint32_t i = 0; whole && i < conf_n_speeds && w->speed; i++) {
        const char *name = conf_op_name(conf_speeds[i].op);
        if (!w->op || strcmp(w->op, name) == 0)
            whole =
                add_if(s, w, (struct conf_test){.kind = CONF_SPEED, .level = 1, .index = i, .op = conf_speeds[i].op},
                       "speed of %s", name);
    }
    return whole;
}

bool conf_suite_list(struct conf_suite *s, const struct conf_wanted *wanted)
{
    const struct conf_test end = {.kind = CONF_END, .name = "everything is closed"};
    bool whole = every_op_has_cases() && (wanted->cases || list_contract(s, wanted));
    for (uint32_t g = 0; whole && g < conf_n_groups; g++)
        if (is_group(wanted, &conf_groups[g]) || !conf_groups[g].op)
            whole = add_cases(s, wanted, g);
    if (wanted->cases)
        return whole;
    return whole && list_trials(s, wanted, CONF_PLANS, 4, conf_plans, conf_n_plans) &&
           list_trials(s, wanted, CONF_FAULTS, 5, conf_faults, conf_n_faults) && list_speeds(s, wanted) && add(s, &end);
}

static bool add_half(struct conf_suite *s, const struct conf_wanted *w, const struct conf_half *half, uint32_t number)
{
    static struct conf_case c;
    bool whole = true;
    for (uint32_t g = 0; whole && g < conf_n_half_groups; g++)
        for (uint32_t i = 0; whole; i++) {
            conf_begin(&c, i, 0);
            if (!conf_half_groups[g](&c, i))
                break;
            if (conf_level_of(&c) == 1 && is_kept(i, w->thin))
                whole = add_if(s, w,
                               (struct conf_test){.kind = CONF_HALF,
                                                  .level = 3,
                                                  .group = g,
                                                  .index = i,
                                                  .half = number,
                                                  .op = c.n_nodes == 1 ? c.nodes[0].op : 0},
                               "%s=%s, %s", half->key, half->value, c.name);
            conf_free(&c);
        }
    return whole;
}

bool conf_suite_add_halves(struct conf_suite *s, const struct conf_wanted *wanted, const struct conf_hello *hello)
{
    if (wanted->cases || (wanted->op && strcmp(wanted->op, "linear") != 0) || !s->n)
        return true;
    const struct conf_outcome last = s->outcomes[s->n - 1];
    bool whole = true;
    s->n--;
    for (uint32_t i = 0; whole && i < hello->n_halves; i++)
        whole = add_half(s, wanted, &hello->halves[i], i);
    return whole && add(s, &last.test);
}

void conf_suite_finish(struct conf_suite *s)
{
    free(s->outcomes);
    *s = (struct conf_suite){0};
}
