/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts outcomes and prints them for a person.
 */
#include "conformance/report.h"

#include <stdio.h>
#include <string.h>

static void count(struct conf_count *c, const struct conf_outcome *o)
{
    c->passed += o->answer.verdict == CONF_PASSED;
    c->failed += o->answer.verdict == CONF_FAILED;
    c->refused += o->answer.verdict == CONF_REFUSED;
    if (o->answer.verdict == CONF_REFUSED && !c->reason)
        c->reason = strncmp(o->answer.why, "refused: ", 9) == 0 ? o->answer.why + 9 : o->answer.why;
}

static struct conf_row *row_of(struct conf_report *r, uint32_t op)
{
    for (uint32_t i = 0; i < r->n_rows; i++)
        if (r->rows[i].op == op)
            return &r->rows[i];
    if (!op || r->n_rows == CONF_ROWS)
        return NULL;
    r->rows[r->n_rows] = (struct conf_row){.op = op};
    return &r->rows[r->n_rows++];
}

static enum conf_type type_of(const struct conf_report *r, const struct conf_test *test)
{
    if (test->kind != CONF_HALF)
        return CONF_F32;
    return r->hello->halves[test->half].dtype == PLN_F16 ? CONF_F16 : CONF_BF16;
}

static void count_row(struct conf_report *r, const struct conf_outcome *o)
{
    struct conf_row *row = row_of(r, o->test.op);
    if (!row)
        return;
    if (o->test.kind == CONF_SPEED) {
        row->per_s = o->answer.per_s;
        row->flops = conf_speeds[o->test.index].flops;
        return;
    }
    count(&row->types[type_of(r, &o->test)], o);
    if (o->test.kind == CONF_CASE && o->answer.ulp > row->ulp)
        row->ulp = o->answer.ulp;
}

void conf_report_count(struct conf_report *r)
{
    for (uint32_t i = 0; i < r->suite->n; i++) {
        struct conf_outcome *o = &r->suite->outcomes[i];
        if (!o->done) {
            r->not_run++;
            continue;
        }
        if (r->complete && o->test.kind == CONF_CASE && o->answer.verdict == CONF_REFUSED)
            o->answer.verdict = CONF_FAILED;
        if (o->test.kind != CONF_SPEED) {
            count(&r->levels[o->test.level], o);
            count(&r->all, o);
        }
        count_row(r, o);
    }
}

/* Weights that are states, say, are taken by who trains nothing: level 2 asks for an op that only training has. */
static bool trains(const struct conf_report *r)
{
    for (uint32_t i = 0; i < r->n_rows; i++)
        if (r->rows[i].op > PLN_OP_SEGMENT_MEAN && r->rows[i].op != PLN_OP_SCATTER && r->rows[i].types[CONF_F32].passed)
            return true;
    return false;
}

bool conf_report_reached(const struct conf_report *r, uint32_t level)
{
    bool right = r->levels[level].passed > 0 && !r->not_run && (level != 2 || trains(r));
    for (uint32_t i = 0; i <= level; i++)
        right &= !r->levels[i].failed;
    return right;
}

static void print_cell(const struct conf_count *c)
{
    char text[48] = "-";
    const uint32_t n = c->passed + c->failed + c->refused;
    if (c->failed)
        snprintf(text, sizeof text, "FAILED %u of %u", c->failed, n);
    else if (c->passed)
        snprintf(text, sizeof text, c->refused ? "native %u of %u" : "native %u", c->passed, n);
    else if (c->refused)
        snprintf(text, sizeof text, "refused %u", c->refused);
    printf(" %-16s", text);
}

static void print_matrix(const struct conf_report *r)
{
    if (r->n_rows)
        printf("\n%-28s %-16s %-16s %-16s %7s %14s  %s\n", "op", "f32", "f16", "bf16", "ulp", "speed", "refused since");
    for (uint32_t i = 0; i < r->n_rows; i++) {
        const struct conf_row *row = &r->rows[i];
        printf("%-28s", conf_op_name(row->op));
        for (uint32_t t = 0; t < CONF_TYPES; t++)
            print_cell(&row->types[t]);
        if (row->types[CONF_F32].passed)
            printf(" %7.1f", row->ulp);
        else
            printf(" %7s", "-");
        if (row->per_s > 0)
            printf(" %8.1f %s", row->per_s * 1e-9, row->flops ? "GFLOP/s" : "GB/s   ");
        else
            printf(" %14s", "-");
        const char *reason = row->types[CONF_F32].reason;
        printf(reason ? "  %s\n" : "\n", reason);
    }
}

static void print_levels(const struct conf_report *r)
{
    const uint32_t last = r->level < CONF_LEVELS ? r->level : CONF_LEVELS - 1;
    putchar('\n');
    for (uint32_t i = 0; i <= last; i++) {
        const struct conf_count *c = &r->levels[i];
        const char *how = conf_report_reached(r, i) ? "reached"
                          : c->passed + c->failed   ? "not reached"
                                                    : "nothing of it is taken";
        printf("L%u %-32s %4u passed, %3u failed, %4u refused  %s\n", i, conf_level_names[i], c->passed, c->failed,
               c->refused, how);
    }
}

void conf_report_print(const struct conf_report *r, bool verbose)
{
    const char *reason = NULL;
    for (uint32_t i = 0; verbose && i < r->suite->n; i++) {
        const struct conf_outcome *o = &r->suite->outcomes[i];
        if (o->done && o->answer.verdict == CONF_REFUSED)
            printf("%s: L%u %s: %s\n", "refused", o->test.level, o->test.name, o->answer.why);
    }
    print_matrix(r);
    print_levels(r);
    printf("%u passed, %u failed, %u refused", r->all.passed, r->all.failed, r->all.refused);
    for (uint32_t i = 0; i < r->suite->n && !reason; i++)
        if (!r->suite->outcomes[i].done && r->suite->outcomes[i].answer.why[0])
            reason = r->suite->outcomes[i].answer.why;
    if (r->not_run)
        printf(", %u not run%s%s", r->not_run, reason ? ": " : "", reason ? reason : "");
    putchar('\n');
}

int conf_report_code(const struct conf_report *r)
{
    const struct conf_hello *h = r->hello;
    if (h->step == CONF_OPEN && h->status == PLN_INVALID && r->plugin->n_options)
        return PLN_INVALID;
    if (h->step < CONF_STEPS && h->status == PLN_NO_DEVICE)
        return PLN_NO_DEVICE;
    if (r->level < CONF_LEVELS)
        return conf_report_reached(r, r->level) ? PLN_OK : PLN_FAILED;
    if (r->all.failed || r->not_run)
        return PLN_DISAGREE;
    /* A device that takes nothing has shown nothing. */
    for (uint32_t i = 0; i < r->n_rows; i++)
        if (r->rows[i].types[CONF_F32].passed)
            return PLN_OK;
    return PLN_FAILED;
}
