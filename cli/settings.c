/* SPDX-License-Identifier: Apache-2.0
 *
 * Device options, "[BACKEND.]KEY=VALUE": which of them --math is, and which math they come to.
 */
#include <string.h>

#include "cli/cli.h"

/* An empty setting: what devices do that are not asked. */
static const struct {
    const char *name, *setting;
} maths[] = {{"f32", ""}, {"bf16", "math=bf16"}, {"int8", "math=int8"}};

const char *cli_setting_of(const char *option)
{
    const char *dot = strchr(option, '.'), *equals = strchr(option, '=');
    return dot && equals && dot < equals ? dot + 1 : option;
}

const char *cli_math_setting(const char *name)
{
    for (size_t i = 0; i < sizeof maths / sizeof *maths; i++)
        if (strcmp(name, maths[i].name) == 0)
            return maths[i].setting;
    return NULL;
}

const char *cli_math_of(const char *const *options, uint32_t n)
{
    const char *found = maths[0].name;
    for (uint32_t i = 0; i < n; i++)
        for (size_t j = 0; j < sizeof maths / sizeof *maths; j++)
            if (strcmp(cli_setting_of(options[i]), maths[j].setting) == 0)
                found = maths[j].name;
    return found;
}
