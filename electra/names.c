/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the tensors of a checkpoint, gives them in PyTorch's words: out of the dictionaries round them, one half of a
 * training run, without prefixes of wrappers, each name once.
 */
#include "electra/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/affix.h"
#include "common/fail.h"
#include "common/notes.h"

/* Dictionaries round the model, the first that is there is opened; then the next one. */
static const char *const containers[] = {"state_dict/", "model_state_dict/", "model/", "params/"};

/* What wrappers of PyTorch put before every name. */
static const char *const wrappers[] = {"module.", "_orig_mod.", "model."};

/* What wrappers put between the parts of names, wherever a module is wrapped; no module of ELECTRA is called so. */
static const char *const inner_wrappers[] = {"_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod."};

/* What training loops with both halves call them. */
static const char *const half_names[][3] = {
    {[PLN_PART_DISCRIMINATOR] = "discriminator.", [PLN_PART_GENERATOR] = "generator."},
    {[PLN_PART_DISCRIMINATOR] = "discriminator_model.", [PLN_PART_GENERATOR] = "generator_model."},
};

/* A set of names on its way: `from` is the file's name without what was opened. */
struct naming {
    struct electra_names *names;
    enum electra_dialect dialect;
    const char **from; /* [count of the checkpoint]; NULL: outside of what was opened */
    const struct ckpt *checkpoint;
    pln_error *error;
};

__attribute__((format(printf, 2, 3))) static pln_status note(struct naming *n, const char *format, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return notes_add(&n->names->note, "; ", text)
               ? PLN_OK
               : pln_fail(n->error, PLN_NO_MEMORY, "no memory for the names of tensors");
}

/* ---- dictionaries round the model */

/* How many names begin so, and whether one of the others is the model's. */
static uint32_t count_inside(const struct naming *n, const char *container, bool *others)
{
    uint32_t inside = 0;
    *others = false;
    for (uint32_t i = 0; i < ckpt_count(n->checkpoint); i++) {
        if (n->from[i] && begins(n->from[i], container))
            inside++;
        else if (n->from[i] && electra_is_model_name(n->from[i]))
            *others = true;
    }
    return inside;
}

static pln_status open_container(struct naming *n, const char *container)
{
    const size_t length = strlen(container);
    for (uint32_t i = 0; i < ckpt_count(n->checkpoint); i++)
        if (n->from[i])
            n->from[i] = begins(n->from[i], container) ? n->from[i] + length : NULL;
    return n->dialect == ELECTRA_OBJECTS ? PLN_OK
                                         : note(n, "the weights are those in '%.*s', what lies beside them is not read",
                                                (int)length - 1, container);
}

static pln_status open_containers(struct naming *n)
{
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof containers / sizeof *containers; i++) {
        bool others;
        if (!count_inside(n, containers[i], &others) || others)
            continue;
        status = open_container(n, containers[i]);
        i = SIZE_MAX; /* there may be one in it: from the first again; each makes the names shorter */
    }
    return status;
}

/* ---- translation */

static pln_status translate(struct naming *n)
{
    struct electra_names *names = n->names;
    const uint32_t count = ckpt_count(n->checkpoint);
    names->list = calloc(count + 1u, sizeof *names->list);
    if (!names->list)
        return pln_fail(n->error, PLN_NO_MEMORY, "no memory for the names of %u tensors", count);
    names->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct electra_name *name = &names->list[i];
        char text[ELECTRA_NAME_BYTES];
        name->tensor = ckpt_tensor(n->checkpoint, i);
        name->name = name->tensor->name;
        /* In a dictionary, or beside others, there may be names of PyTorch: they have no slash. */
        const char *from = n->from[i];
        const enum electra_dialect dialect = from && strchr(from, '/') ? n->dialect : ELECTRA_PYTORCH;
        name->dropped = !from || !electra_translate(dialect, from, text, &name->transposed);
        if (!name->dropped && strcmp(text, name->name) != 0)
            name->name = arena_copy(&names->memory, text);
        if (!name->name)
            return pln_fail(n->error, PLN_NO_MEMORY, "no memory for the names of %u tensors", count);
        name->transposed &= name->tensor->rank == 2;
    }
    return PLN_OK;
}

static bool is_float(const pln_tensor *tensor)
{
    return tensor->dtype == PLN_F32 || tensor->dtype == PLN_F16 || tensor->dtype == PLN_BF16 ||
           tensor->dtype == PLN_F64;
}

/* Whether every tensor of floats has it. */
static bool all_begin(const struct electra_names *names, const char *prefix)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        const struct electra_name *name = &names->list[i];
        if (name->dropped || !is_float(name->tensor))
            continue;
        if (!begins(name->name, prefix))
            return false;
        n++;
    }
    return n > 0;
}

static void take_away(struct electra_names *names, const char *prefix)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (!names->list[i].dropped && begins(names->list[i].name, prefix))
            names->list[i].name += strlen(prefix);
}

static pln_status strip_wrappers(struct naming *n)
{
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof wrappers / sizeof *wrappers; i++) {
        if (!all_begin(n->names, wrappers[i]))
            continue;
        take_away(n->names, wrappers[i]);
        status = note(n, "every tensor's name begins with '%s', which is left away", wrappers[i]);
        i = SIZE_MAX; /* from the first again */
    }
    return status;
}

/* Takes every such part out of a name; false: there was none. The name is as long as it was, or shorter. */
static bool unwrap(char *name, const char *wrapper)
{
    const size_t n = strlen(wrapper);
    bool found = false;
    for (char *at = name; (at = strstr(at, wrapper)) != NULL;) {
        if (at != name && at[-1] != '.') {
            at++;
            continue;
        }
        memmove(at, at + n, strlen(at + n) + 1);
        found = true;
    }
    return found;
}

static pln_status strip_inner_wrappers(struct naming *n)
{
    struct electra_names *names = n->names;
    for (size_t w = 0; w < sizeof inner_wrappers / sizeof *inner_wrappers; w++) {
        bool any = false;
        for (uint32_t i = 0; i < names->count; i++) {
            struct electra_name *name = &names->list[i];
            if (name->dropped || !strstr(name->name, inner_wrappers[w]))
                continue;
            char *copy = arena_copy(&names->memory, name->name);
            if (!copy)
                return pln_fail(n->error, PLN_NO_MEMORY, "no memory for the names of tensors");
            any |= unwrap(copy, inner_wrappers[w]);
            name->name = copy;
        }
        const pln_status status =
            any ? note(n, "names have '%s' in them, which is left away", inner_wrappers[w]) : PLN_OK;
        if (status != PLN_OK)
            return status;
    }
    return PLN_OK;
}

/* Whether the names of all tensors of floats begin with that of a half, and which halves there are. */
static bool find_named_halves(const struct electra_names *names, const char *const halves[3], bool there[3])
{
    there[PLN_PART_DISCRIMINATOR] = there[PLN_PART_GENERATOR] = false;
    for (uint32_t i = 0; i < names->count; i++) {
        const struct electra_name *name = &names->list[i];
        if (name->dropped || !is_float(name->tensor))
            continue;
        const bool discriminator = begins(name->name, halves[PLN_PART_DISCRIMINATOR]);
        if (!discriminator && !begins(name->name, halves[PLN_PART_GENERATOR]))
            return false;
        there[discriminator ? PLN_PART_DISCRIMINATOR : PLN_PART_GENERATOR] = true;
    }
    return there[PLN_PART_DISCRIMINATOR] || there[PLN_PART_GENERATOR];
}

/* Of both halves under names of their own the one that is asked for stays. */
static pln_status take_named_half(struct naming *n, pln_part part)
{
    struct electra_names *names = n->names;
    bool there[3];
    size_t h = 0;
    while (h < sizeof half_names / sizeof *half_names && !find_named_halves(names, half_names[h], there))
        h++;
    if (h == sizeof half_names / sizeof *half_names)
        return PLN_OK;
    const bool both = there[PLN_PART_DISCRIMINATOR] && there[PLN_PART_GENERATOR];
    if (part == PLN_PART_DEFAULT && both)
        return pln_fail(n->error, PLN_BAD_MODEL,
                        "%s: holds a discriminator and a generator: which one is meant? (part discriminator or "
                        "generator)",
                        ckpt_directory(n->checkpoint));
    if (part == PLN_PART_DEFAULT)
        part = there[PLN_PART_GENERATOR] ? PLN_PART_GENERATOR : PLN_PART_DISCRIMINATOR;
    if (!there[part])
        return pln_fail(n->error, PLN_BAD_MODEL, "%s: holds no %s", ckpt_directory(n->checkpoint),
                        electra_part_string(part));
    for (uint32_t i = 0; i < names->count; i++) {
        struct electra_name *name = &names->list[i];
        name->dropped |= !begins(name->name, half_names[h][part]);
        name->name = name->dropped ? name->tensor->name : name->name + strlen(half_names[h][part]);
    }
    return note(n, "the tensors are those under '%s'", half_names[h][part]);
}

/* Whoever has the model in one of his own calls it as he likes, and has a head of his own beside it: the only table of
 * words says how. */
static pln_status strip_owner(struct naming *n)
{
    static const char words[] = "embeddings.word_embeddings.weight";
    struct electra_names *names = n->names;
    const char *found = NULL;
    char prefix[ELECTRA_NAME_BYTES];
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->list[i].dropped || !ends(names->list[i].name, words))
            continue;
        if (found)
            return PLN_OK;
        found = names->list[i].name;
    }
    if (!found || strlen(found) >= sizeof prefix)
        return PLN_OK;
    snprintf(prefix, sizeof prefix, "%.*s", (int)(strlen(found) - strlen(words)), found);
    if (ends(prefix, ELECTRA_PREFIX))
        prefix[strlen(prefix) - strlen(ELECTRA_PREFIX)] = '\0';
    if (!*prefix || prefix[strlen(prefix) - 1] != '.')
        return PLN_OK;
    take_away(names, prefix);
    return note(n, "names of the model begin with '%.200s', which is left away", prefix);
}

/* Files of ElectraModel have no prefix. */
static pln_status add_prefix(struct naming *n)
{
    struct electra_names *names = n->names;
    for (uint32_t i = 0; i < names->count; i++)
        if (!names->list[i].dropped && begins(names->list[i].name, ELECTRA_PREFIX))
            return PLN_OK;
    for (uint32_t i = 0; i < names->count; i++) {
        struct electra_name *name = &names->list[i];
        char text[ELECTRA_NAME_BYTES + 16];
        if (name->dropped || (!begins(name->name, "embeddings.") && !begins(name->name, "embeddings_project.") &&
                              !begins(name->name, "encoder.")))
            continue;
        snprintf(text, sizeof text, ELECTRA_PREFIX "%s", name->name);
        name->name = arena_copy(&names->memory, text);
        if (!name->name)
            return pln_fail(n->error, PLN_NO_MEMORY, "no memory for the names of tensors");
    }
    return PLN_OK;
}

/* ---- the list */

static int by_name(const void *a, const void *b)
{
    const struct electra_name *x = a, *y = b;
    if (x->dropped != y->dropped)
        return x->dropped ? 1 : -1;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x->tensor > y->tensor) - (x->tensor < y->tensor);
}

/* Two tensors that come to one name: the first stays. */
static pln_status drop_doubles(struct naming *n)
{
    struct electra_names *names = n->names;
    pln_status status = PLN_OK;
    for (uint32_t i = 1, kept = 0; status == PLN_OK && i < names->found; i++) {
        if (strcmp(names->list[kept].name, names->list[i].name) != 0) {
            kept = i;
            continue;
        }
        status = note(n, "%.150s and %.150s are the same tensor %.150s: the first is read",
                      names->list[kept].tensor->name, names->list[i].tensor->name, names->list[kept].name);
        names->list[i].name = names->list[i].tensor->name;
        names->list[i].dropped = true;
    }
    return status;
}

static void sort(struct electra_names *names)
{
    qsort(names->list, names->count, sizeof *names->list, by_name);
    names->found = 0;
    while (names->found < names->count && !names->list[names->found].dropped)
        names->found++;
}

static void find_heads(struct electra_names *names)
{
    for (uint32_t i = 0; i < names->found; i++) {
        names->has[PLN_PART_DISCRIMINATOR] |= begins(names->list[i].name, "discriminator_predictions.");
        names->has[PLN_PART_GENERATOR] |= begins(names->list[i].name, "generator_predictions.") ||
                                          begins(names->list[i].name, "generator_lm_head.bias");
    }
}

/* Files of PyTorch, TensorFlow 2 and Flax hold one half: another one cannot be asked for. */
static pln_status check_part(const struct naming *n, pln_part part)
{
    const bool *has = n->names->has;
    const pln_part other = part == PLN_PART_GENERATOR ? PLN_PART_DISCRIMINATOR : PLN_PART_GENERATOR;
    return part == PLN_PART_DEFAULT || has[part] || !has[other]
               ? PLN_OK
               : pln_fail(n->error, PLN_BAD_MODEL, "%s: holds no %s, but a %s", ckpt_directory(n->checkpoint),
                          electra_part_string(part), electra_part_string(other));
}

static pln_status take_of_google(struct naming *n, pln_part part)
{
    const char *said = NULL;
    const pln_status status = electra_google_take(n->checkpoint, part, n->from, &n->names->memory, &said, n->error);
    return status == PLN_OK && said ? note(n, "%s", said) : status;
}

static pln_status make_names(struct naming *n, pln_part part)
{
    pln_status status = open_containers(n);
    if (status == PLN_OK && n->dialect == ELECTRA_GOOGLE)
        status = take_of_google(n, part);
    if (status == PLN_OK)
        status = translate(n);
    if (status == PLN_OK)
        status = strip_wrappers(n);
    if (status == PLN_OK)
        status = take_named_half(n, part);
    if (status == PLN_OK)
        status = strip_wrappers(n);
    if (status == PLN_OK)
        status = strip_inner_wrappers(n);
    if (status == PLN_OK)
        status = strip_owner(n);
    if (status == PLN_OK)
        status = add_prefix(n);
    if (status != PLN_OK)
        return status;
    sort(n->names);
    status = drop_doubles(n);
    sort(n->names);
    find_heads(n->names);
    return status == PLN_OK ? check_part(n, part) : status;
}

pln_status electra_names_init(struct electra_names *names, const struct ckpt *checkpoint, pln_part part,
                              pln_error *error)
{
    const uint32_t count = ckpt_count(checkpoint);
    *names = (struct electra_names){.dialect = electra_dialect_of(checkpoint)};
    struct naming n = {.names = names,
                       .dialect = names->dialect,
                       .from = calloc(count + 1u, sizeof *n.from),
                       .checkpoint = checkpoint,
                       .error = error};
    if (!n.from)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the names of %u tensors", count);
    for (uint32_t i = 0; i < count; i++)
        n.from[i] = ckpt_tensor(checkpoint, i)->name;
    const pln_status status = make_names(&n, part);
    free(n.from);
    return status;
}

void electra_names_finish(struct electra_names *names)
{
    free(names->list);
    free(names->note);
    arena_finish(&names->memory);
    *names = (struct electra_names){0};
}

static int by_key(const void *key, const void *entry)
{
    return strcmp(key, ((const struct electra_name *)entry)->name);
}

const struct electra_name *electra_names_find(const struct electra_names *names, const char *name)
{
    return names->found ? bsearch(name, names->list, names->found, sizeof *names->list, by_key) : NULL;
}

struct weight electra_name_weight(const struct electra_name *name)
{
    struct weight weight = weight_of(name->tensor, name->transposed);
    weight.name = name->name;
    return weight;
}
