/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend says of a device, as callers see it: texts are copied, since the backend may be gone before them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

/* What an entry owns, in one block. */
struct told {
    pln_option_info *options;               /* ends with key NULL */
    pln_option_value_info *values;          /* one each */
    const pln_option_value_info **pointers; /* ends with NULL */
    char *texts;
};

static const pln_setting_info *setting_at(const pln_device_description *info, uint32_t i, pln_setting_info *known)
{
    const char *row = (const char *)(const void *)info->settings + (size_t)i * info->setting_stride;
    *known = (pln_setting_info){.size = sizeof *known};
    pln_give(known, row);
    return known;
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *keep_text(struct told *told, const char *text)
{
    char *copy = told->texts;
    if (!text)
        return NULL;
    told->texts += text_bytes(text);
    return strcpy(copy, text);
}

static bool reserve(const pln_device_description *info, struct told *told)
{
    const uint32_t n = info->n_settings;
    size_t bytes = (n + 1) * (sizeof *told->options + sizeof *told->values + sizeof *told->pointers);
    for (uint32_t i = 0; i < n; i++) {
        pln_setting_info known;
        setting_at(info, i, &known);
        bytes += text_bytes(known.key) + text_bytes(known.values) + text_bytes(known.help) + text_bytes(known.usual) +
                 text_bytes(known.present);
    }
    told->options = calloc(1, bytes);
    if (!told->options)
        return false;
    told->values = (pln_option_value_info *)(void *)(told->options + n + 1);
    told->pointers = (const pln_option_value_info **)(void *)(told->values + n + 1);
    told->texts = (char *)(void *)(told->pointers + n + 1);
    return true;
}

pln_status sched_entry_describe(pln_device_entry *entry, const pln_device_description *info, pln_error *error)
{
    struct told told;
    if (!reserve(info, &told))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the options of device %s", entry->name);
    for (uint32_t i = 0; i < info->n_settings; i++) {
        pln_setting_info known;
        setting_at(info, i, &known);
        told.options[i] = (pln_option_info){keep_text(&told, known.key), keep_text(&told, known.values),
                                            keep_text(&told, known.help)};
        told.values[i] = (pln_option_value_info){
            .size = sizeof *told.values,
            .several = known.flags & PLN_SETTING_SEVERAL,
            .usual = keep_text(&told, known.usual),
            .present = keep_text(&told, known.present),
            .least = known.least,
            .most = known.most,
        };
        told.pointers[i] = &told.values[i];
    }
    sched_entry_finish(entry);
    entry->info = (pln_device_info){
        .size = sizeof entry->info,
        .kind = info->kind,
        .flags = info->flags,
        .dtypes = info->dtypes,
        .alignment = info->alignment,
        .f32_bytes = info->f32_bytes,
        .row_multiple = info->row_multiple,
        .vendor_id = info->vendor_id,
        .memory_bytes = info->memory_bytes,
        .block_bytes = info->block_bytes,
        .free_bytes = info->free_bytes,
        .options = told.options,
        .option_values = told.pointers,
    };
    memcpy(entry->info.name, info->name, sizeof info->name);
    memcpy(entry->info.driver, info->driver, sizeof info->driver);
    memcpy(entry->info.version, info->version, sizeof info->version);
    memcpy(entry->info.reason, info->reason, sizeof info->reason);
    memcpy(entry->info.uuid, info->uuid, sizeof info->uuid);
    memcpy(entry->info.pci, info->pci, sizeof info->pci);
    return PLN_OK;
}

void sched_entry_finish(pln_device_entry *entry)
{
    free((void *)(uintptr_t)entry->info.options);
    entry->info.options = NULL;
    entry->info.option_values = NULL;
}
