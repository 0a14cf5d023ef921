/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of a command's options: what finds no room in it is left out and refused, and nothing else is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "cli/cli.h"

static int parse(const struct cli_options *options, char *argument, struct cli_list *positional)
{
    static const struct cli_usage usage = {.synopsis = "test", .description = "", .examples = ""};
    char name[] = "test", *argv[] = {name, argument, NULL};
    return cli_parse(2, argv, &usage, options, positional);
}

static void test_full(void **state)
{
    (void)state;
    static bool flags[CLI_OPTIONS + 2];
    static char names[CLI_OPTIONS + 2][8];
    static struct cli_list positional;
    struct {
        struct cli_options options;
        unsigned char behind[2 * sizeof(struct cli_option)];
    } guarded = {.options.n = 0};
    memset(guarded.behind, 0x5a, sizeof guarded.behind);
    for (uint32_t i = 0; i < CLI_OPTIONS + 2; i++) {
        snprintf(names[i], sizeof names[i], "--%u", i);
        const struct cli_option flag = {names[i], CLI_FLAG, &flags[i], NULL, ""};
        cli_add_options(&guarded.options, &flag, 1);
        if (i == CLI_OPTIONS - 1) /* as many as there is room for */
            assert_int_equal(parse(&guarded.options, names[i], &positional), 0);
    }
    assert_true(flags[CLI_OPTIONS - 1]);
    assert_int_equal(parse(&guarded.options, names[0], &positional), PLN_INVALID + 1);
    assert_false(flags[0]);
    for (size_t i = 0; i < sizeof guarded.behind; i++)
        assert_int_equal(guarded.behind[i], 0x5a);
}

static void test_head(void **state)
{
    (void)state;
    static struct cli_list positional;
    pln_head head = PLN_HEAD_DEFAULT;
    struct cli_options options = {0};
    const struct cli_option row = {"--head", CLI_HEAD, &head, "H", ""};
    cli_add_options(&options, &row, 1);
    char good[] = "--head=masked-lm", bad[] = "--head=tail";
    assert_int_equal(parse(&options, good, &positional), 0);
    assert_int_equal(head, PLN_HEAD_MASKED_LM);
    assert_int_equal(parse(&options, bad, &positional), PLN_INVALID + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full), cmocka_unit_test(test_head)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
