/* SPDX-License-Identifier: Apache-2.0
 *
 * num_labels and id2label, which need not agree: how many labels there are, and what people call them.
 */
#include <stdlib.h>

#include "common/fail.h"
#include "common/jsontext.h"
#include "electra/config.h"

enum { MOST_LABELS = 1 << 20 };

/* The name of a label; it is for people, so a number is one too, and null is none. False: there is no memory. */
static bool set_label(struct electra_config *config, const json_t *value, const char **label)
{
    if (!value || json_is_null(value))
        return true;
    if (json_is_string(value)) {
        *label = json_string_value(value);
        return true;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const char *kept = text ? arena_copy(&config->memory, text) : NULL;
    free(text);
    *label = kept;
    return kept != NULL;
}

/* n labels, called LABEL_k where id2label gives no name. Keys that are no label's have no effect. */
static pln_status name_labels(struct electra_config *config, uint32_t n, pln_error *error)
{
    const char *key;
    json_t *value, *map = json_object_get(config->json, "id2label");
    const char **labels = arena_allocate(&config->memory, n * sizeof *labels);
    char(*unnamed)[24] = arena_allocate(&config->memory, n * sizeof *unnamed);
    bool good = labels && unnamed;
    for (uint32_t i = 0; good && i < n; i++) {
        snprintf(unnamed[i], sizeof unnamed[i], "LABEL_%u", i);
        labels[i] = unnamed[i];
        good = set_label(config, json_array_get(map, i), &labels[i]);
    }
    if (json_is_object(map))
        json_object_foreach(map, key, value)
        {
            const long long i = strtoll(key, NULL, 10);
            if (good && i >= 0 && i < (long long)n)
                good = set_label(config, value, &labels[i]);
        }
    if (!good)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u labels", n);
    config->labels = labels;
    config->num_labels = n;
    return PLN_OK;
}

/* The entries of id2label, an object with whole numbers as keys or a list; 0: it gives none. */
static pln_status count_names(const char *name, const json_t *map, uint64_t *n, pln_error *error)
{
    const char *key;
    json_t *value;
    *n = json_is_array(map) ? json_array_size(map) : json_object_size(map);
    if (map && !json_is_null(map) && !json_is_array(map) && !json_is_object(map))
        return pln_fail(error, PLN_BAD_MODEL, "%s: id2label is neither an object nor a list", name);
    if (json_is_object(map))
        json_object_foreach((json_t *)map, key, value)
        {
            char *end;
            strtoll(key, &end, 10);
            if (*end || end == key)
                return pln_fail(error, PLN_BAD_MODEL, "%s: id2label has the key \"%.40s\", which is no number", name,
                                key);
        }
    return PLN_OK;
}

/* num_labels, or its name of 2020; 0: neither is given. */
static pln_status count_labels(const char *name, const json_t *json, uint64_t *n, pln_error *error)
{
    static const char *const names[] = {"num_labels", "_num_labels"};
    *n = 0;
    for (size_t i = 0; !*n && i < 2; i++) {
        const json_t *number = json_object_get(json, names[i]);
        if (!number || json_is_null(number))
            continue;
        const double value = json_number_value(number);
        if (!jsontext_is_whole(number) || !(value >= 1 && value <= MOST_LABELS)) {
            char *text = json_dumps(number, JSON_ENCODE_ANY | JSON_COMPACT);
            const pln_status status =
                pln_fail(error, PLN_BAD_MODEL, "%s: %s is %.60s, expected a whole number from 1 to %d", name, names[i],
                         text ? text : "?", MOST_LABELS);
            free(text);
            return status;
        }
        *n = (uint64_t)value;
    }
    return PLN_OK;
}

pln_status electra_labels_read(const char *name, struct electra_config *config, pln_error *error)
{
    uint64_t names, number;
    pln_status status = count_names(name, json_object_get(config->json, "id2label"), &names, error);
    if (status == PLN_OK)
        status = count_labels(name, config->json, &number, error);
    if (status != PLN_OK)
        return status;
    if (names > MOST_LABELS)
        return pln_fail(error, PLN_BAD_MODEL, "%s: %llu labels", name, (unsigned long long)names);
    if (!number)
        number = names ? names : 2;
    if (json_is_array(json_object_get(config->json, "id2label")))
        config->notes[0] = "config.json: id2label is a list, and is read as if its places were the labels' numbers";
    return name_labels(config, (uint32_t)number, error);
}

pln_status electra_config_match_labels(struct electra_config *config, uint32_t labels, pln_error *error)
{
    uint64_t names = 0, number = 0;
    count_names("", json_object_get(config->json, "id2label"), &names, NULL);
    count_labels("", config->json, &number, NULL);
    const bool decides = (!names && !number) || labels == names;
    return decides && labels && labels <= MOST_LABELS && labels != config->num_labels
               ? name_labels(config, labels, error)
               : PLN_OK;
}
