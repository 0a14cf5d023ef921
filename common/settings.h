/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of a device as our plugins read and show them. Header-only: plugins link nothing of pleione.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include "api/pleione_backend.h"

/* A row of a table of settings; the table ends with a row whose key is NULL. usual may be NULL. */
#define SETTING(key, values, help, usual)                                                                              \
    {                                                                                                                  \
        sizeof(pln_setting_info), 0, key, values, help, usual, NULL, 0, 0                                              \
    }
/* The same for a number within bounds. */
#define SETTING_NUMBER(key, help, usual, least, most)                                                                  \
    {                                                                                                                  \
        sizeof(pln_setting_info), 0, key, "NUMBER", help, usual, NULL, least, most                                     \
    }

enum { SETTINGS_MOST = 64, SETTINGS_ROWS = 16, SETTINGS_TEXT = 32 };

/* The settings of an opening as a plain array with room for SETTINGS_MOST; returns how many. */
static inline uint32_t settings_take(const pln_opening *opening, pln_option given[SETTINGS_MOST])
{
    const uint32_t n = opening->n_settings < SETTINGS_MOST ? opening->n_settings : SETTINGS_MOST;
    for (uint32_t i = 0; i < n; i++) {
        const pln_setting *setting = pln_opening_setting(opening, i);
        given[i] = (pln_option){setting->key, setting->value};
    }
    return n;
}

/* The table of an open device: with what holds there. */
struct settings {
    pln_setting_info rows[SETTINGS_ROWS];
    char given[SETTINGS_ROWS][SETTINGS_TEXT];
    uint32_t n;
};

/* What was given holds, else what is usual. */
static inline void settings_show(struct settings *settings, const pln_setting_info *table, const pln_option *given,
                                 uint32_t n)
{
    for (settings->n = 0; settings->n < SETTINGS_ROWS && table[settings->n].key; settings->n++) {
        pln_setting_info *row = &settings->rows[settings->n];
        const char *value = pln_option_value(given, n, table[settings->n].key);
        *row = table[settings->n];
        row->present = row->usual;
        if (value) {
            snprintf(settings->given[settings->n], SETTINGS_TEXT, "%s", value);
            row->present = settings->given[settings->n];
        }
    }
}

static inline void settings_describe(const pln_setting_info *table, const struct settings *open,
                                     pln_device_description *info)
{
    info->settings = open ? open->rows : table;
    info->setting_stride = sizeof *table;
    info->n_settings = open ? open->n : 0;
    while (!open && table[info->n_settings].key)
        info->n_settings++;
}
#endif
