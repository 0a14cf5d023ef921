/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of devices as JSON, and back.
 */
#include <stdio.h>
#include <string.h>

#include "scheduler/probe.h"

static json_t *setting_json(const pln_setting_info *s)
{
    return json_pack("{s:s,s:s,s:s,s:s?,s:i,s:I,s:I}", "key", s->key, "values", s->values, "help", s->help, "usual",
                     s->usual, "flags", (int)s->flags, "least", (json_int_t)s->least, "most", (json_int_t)s->most);
}

json_t *probe_device_json(const pln_device_description *info)
{
    json_t *settings = json_array();
    char uuid[2 * sizeof info->uuid + 1] = "";
    for (size_t i = 0; i < sizeof info->uuid; i++)
        snprintf(uuid + 2 * i, 3, "%02x", info->uuid[i]);
    for (uint32_t i = 0; i < info->n_settings; i++) {
        pln_setting_info known = {.size = sizeof known};
        pln_give(&known, (const char *)(const void *)info->settings + (size_t)i * info->setting_stride);
        json_array_append_new(settings, setting_json(&known));
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "kind",
                     (json_int_t)info->kind, "flags", (json_int_t)info->flags, "dtypes", (json_int_t)info->dtypes,
                     "alignment", (json_int_t)info->alignment, "f32_bytes", (json_int_t)info->f32_bytes, "row_multiple",
                     (json_int_t)info->row_multiple, "vendor_id", (json_int_t)info->vendor_id, "memory_bytes",
                     (json_int_t)info->memory_bytes, "block_bytes", (json_int_t)info->block_bytes, "uuid", uuid, "pci",
                     info->pci, "name", info->name, "driver", info->driver, "version", info->version, "reason",
                     info->reason, "settings", settings);
}

static uint64_t number(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void take_text(const json_t *object, const char *key, char *out, size_t bytes)
{
    const char *text = json_string_value(json_object_get(object, key));
    snprintf(out, bytes, "%s", text ? text : "");
}

static bool read_settings(const json_t *list, pln_device_description *info, pln_setting_info *settings)
{
    if (!json_is_array(list) || json_array_size(list) > PROBE_SETTINGS)
        return false;
    info->n_settings = (uint32_t)json_array_size(list);
    info->setting_stride = sizeof *settings;
    info->settings = settings;
    for (uint32_t i = 0; i < info->n_settings; i++) {
        const json_t *row = json_array_get(list, i);
        settings[i] = (pln_setting_info){.size = sizeof *settings,
                                         .flags = (uint32_t)number(row, "flags"),
                                         .key = json_string_value(json_object_get(row, "key")),
                                         .values = json_string_value(json_object_get(row, "values")),
                                         .help = json_string_value(json_object_get(row, "help")),
                                         .usual = json_string_value(json_object_get(row, "usual")),
                                         .least = number(row, "least"),
                                         .most = number(row, "most")};
        if (!settings[i].key || !settings[i].values || !settings[i].help)
            return false;
    }
    return true;
}

bool probe_device_read(const json_t *object, pln_device_description *info, pln_setting_info *settings)
{
    char uuid[2 * sizeof info->uuid + 1];
    *info = (pln_device_description){.size = sizeof *info,
                                     .kind = (uint32_t)number(object, "kind"),
                                     .flags = (uint32_t)number(object, "flags"),
                                     .dtypes = (uint32_t)number(object, "dtypes"),
                                     .alignment = (uint32_t)number(object, "alignment"),
                                     .f32_bytes = (uint32_t)number(object, "f32_bytes"),
                                     .row_multiple = (uint32_t)number(object, "row_multiple"),
                                     .vendor_id = (uint32_t)number(object, "vendor_id"),
                                     .memory_bytes = number(object, "memory_bytes"),
                                     .block_bytes = number(object, "block_bytes")};
    take_text(object, "uuid", uuid, sizeof uuid);
    for (size_t i = 0; strlen(uuid) == 2 * sizeof info->uuid && i < sizeof info->uuid; i++) {
        unsigned byte = 0;
        sscanf(uuid + 2 * i, "%2x", &byte);
        info->uuid[i] = (uint8_t)byte;
    }
    take_text(object, "pci", info->pci, sizeof info->pci);
    take_text(object, "name", info->name, sizeof info->name);
    take_text(object, "driver", info->driver, sizeof info->driver);
    take_text(object, "version", info->version, sizeof info->version);
    take_text(object, "reason", info->reason, sizeof info->reason);
    return json_is_object(object) && read_settings(json_object_get(object, "settings"), info, settings);
}
