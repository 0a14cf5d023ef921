/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend gives, looked at before the host believes it.
 */
#include <string.h>

#include "common/fail.h"
#include "common/seam.h"
#include "common/utf8.h"

enum { LARGEST_TABLE = 1 << 16, MOST_SETTINGS = 64, MOST_ROW_MULTIPLE = 1 << 16, MOST_KERNELS = 1 << 24 };
#define MOST_BYTES (UINT64_C(1) << 56) /* no machine has as much */
#define LONGEST_NS (UINT64_C(1) << 50) /* some days */

/* ---- tables */

#define ENTRY(name)                                                                                                    \
    {                                                                                                                  \
#name, offsetof(pln_backend, name)                                                                             \
    }
static const struct {
    const char *name;
    size_t offset;
} required[] = {
    ENTRY(device_count),    ENTRY(device_info),      ENTRY(device_open), ENTRY(device_close), ENTRY(supports),
    ENTRY(constant_create), ENTRY(constant_destroy), ENTRY(plan_create), ENTRY(plan_run),     ENTRY(plan_destroy),
};
#undef ENTRY

/* Of what must be there. */
static const char *missing_entry(const pln_backend *table)
{
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        void (*entry)(void);
        memcpy(&entry, (const char *)table + required[i].offset, sizeof entry);
        if (!entry)
            return required[i].name;
    }
    return NULL;
}

bool seam_accept(struct seam *seam, const pln_backend *table, char *reason, size_t reason_bytes)
{
    const uint32_t least = offsetof(pln_backend, plan_destroy) + sizeof table->plan_destroy;
    struct faults *faults = seam->faults;
    *seam = (struct seam){.faults = faults};
    if (table->size < least || table->size > LARGEST_TABLE) {
        snprintf(reason, reason_bytes, "its table says that it has %u bytes: from %u to %d can be", table->size, least,
                 LARGEST_TABLE);
        return false;
    }
    if (table->size % _Alignof(pln_backend)) { /* half a pointer would be called */
        snprintf(reason, reason_bytes, "its table says that it has %u bytes: it ends within an entry", table->size);
        return false;
    }
    memcpy(&seam->table, table, table->size < sizeof *table ? table->size : sizeof *table);
    const pln_backend *t = &seam->table;
    const char *missing = missing_entry(t);
    if (t->abi != PLN_ABI_VERSION)
        snprintf(reason, reason_bytes, "its table says version %u of the interface, %u was asked for", t->abi,
                 PLN_ABI_VERSION);
    else if (!t->name || !*t->name || !t->version)
        snprintf(reason, reason_bytes, "its table has no %s", t->name && *t->name ? "version" : "name");
    else if (missing)
        snprintf(reason, reason_bytes, "its table has no %s, which must be there", missing);
    else if (!t->plan_submit != !t->plan_wait)
        snprintf(reason, reason_bytes, "its table has one of plan_submit and plan_wait without the other");
    else
        return true;
    return false;
}

/* ---- failures */

static bool is_status(pln_status status)
{
    return (int)status >= PLN_OK && status <= PLN_TIMED_OUT;
}

/* Bytes of the next code point, at least one; 0: they are none. */
static uint32_t next_utf8(const char *text)
{
    uint32_t code;
    bool good = true;
    const uint32_t n = utf8_decode((const unsigned char *)text, strlen(text), &code, &good);
    return good ? n : 0;
}

/* One line of UTF-8 that ends. */
static void tidy(char *text, size_t bytes)
{
    text[bytes - 1] = '\0';
    for (char *at = text; *at;) {
        const uint32_t n = next_utf8(at);
        if (!n)
            *at = '?';
        else if ((unsigned char)*at < ' ')
            *at = ' ';
        at += n ? n : 1;
    }
}

static bool is_utf8(const char *text)
{
    uint32_t n = 1;
    for (; *text && n; text += n)
        n = next_utf8(text);
    return n > 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether a sentence says whose it is, in whatever case. */
static bool is_named(const char *text, const char *name, size_t n)
{
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && lower(text[i]) == lower(name[i]))
            i++;
        if (i == n)
            return true;
    }
    return false;
}

pln_status seam_settle(const char *backend, const char *entry, pln_status status, pln_failure *failure,
                       pln_error *error)
{
    if (status == PLN_OK)
        return PLN_OK;
    tidy(failure->message, sizeof failure->message);
    if (!is_status(status))
        return pln_fail(error, PLN_FAILED, "%s: %s failed with status %d, which is none%s%s", backend, entry,
                        (int)status, *failure->message ? ": " : "", failure->message);
    if (!*failure->message)
        return pln_fail(error, status, "%s: %s failed and does not say why (%s)", backend, entry,
                        status == PLN_DEVICE_LOST ? "the device is lost" : "no sentence");
    const int length = (int)strcspn(backend, ":");
    const bool named = is_named(failure->message, backend, (size_t)length);
    return pln_fail_node(error, status, failure->node < -1 ? -1 : failure->node, "%.*s%s%s", named ? 0 : length,
                         backend, named ? "" : ": ", failure->message);
}

/* ---- devices */

static const char *impossible_setting(const pln_device_description *info)
{
    const uint32_t least = offsetof(pln_setting_info, usual);
    if (info->n_settings > MOST_SETTINGS || (info->n_settings && !info->settings))
        return "its settings are too many, or not there";
    for (uint32_t i = 0; i < info->n_settings; i++) {
        const pln_setting_info *row =
            (const pln_setting_info *)(const void *)((const char *)(const void *)info->settings +
                                                     (size_t)i * info->setting_stride);
        if (info->setting_stride < least || info->setting_stride % _Alignof(pln_setting_info) || row->size < least ||
            row->size > info->setting_stride || row->size % _Alignof(pln_setting_info))
            return "a setting has a size that its stride does not allow, or ends within a member";
        if (row->flags & PLN_MUST_KNOW)
            return "a setting has a flag that this pleione must know and does not";
        if (!row->key || !row->values || !row->help || strlen(row->key) > 31 || strpbrk(row->key, "=."))
            return "a setting lacks its key, values or help, or its key has more than 31 bytes, '=' or '.'";
        pln_setting_info known = {.size = sizeof known};
        pln_give(&known, row);
        if (!is_utf8(known.key) || !is_utf8(known.values) || !is_utf8(known.help) ||
            (known.usual && !is_utf8(known.usual)) || (known.present && !is_utf8(known.present)))
            return "a text of a setting is not UTF-8";
        if (known.most && known.least > known.most)
            return "the bounds of a setting leave no number";
    }
    return NULL;
}

const char *seam_impossible(const struct seam *seam, pln_device_description *info)
{
    const uint32_t known = (1u << PLN_F32) | (1u << PLN_I32);
    const pln_backend *t = &seam->table;
    tidy(info->name, sizeof info->name);
    tidy(info->driver, sizeof info->driver);
    tidy(info->version, sizeof info->version);
    tidy(info->reason, sizeof info->reason);
    tidy(info->pci, sizeof info->pci);
    if (info->kind < PLN_DEVICE_KIND_CPU || info->kind > PLN_DEVICE_KIND_OTHER)
        return "its kind is none that this pleione knows";
    if (info->flags & PLN_MUST_KNOW)
        return "it has a flag that this pleione must know and does not";
    if (info->flags & PLN_DEVICE_FLAG_UNUSABLE)
        return NULL;
    if ((info->dtypes & known) != known)
        return "it says that it cannot store f32 and i32, of which all graphs are made";
    if (!(info->flags & PLN_DEVICE_FLAG_HOST_MEMORY) &&
        (!t->buffer_create || !t->buffer_destroy || !t->buffer_write || !t->buffer_read))
        return "it has memory of its own, but its table lacks buffer_* entries";
    if (info->f32_bytes != 4 && (info->f32_bytes != 8 || info->flags & PLN_DEVICE_FLAG_HOST_MEMORY))
        return "its f32_bytes are not 4, nor 8 in memory of its own";
    if (!info->alignment || info->alignment & (info->alignment - 1) || info->alignment > 1u << 20)
        return "its alignment is no power of two up to 1 MiB";
    if (!info->row_multiple || info->row_multiple > MOST_ROW_MULTIPLE)
        return "its row_multiple is not in 1 to 65536";
    if (info->memory_bytes > MOST_BYTES || info->free_bytes > MOST_BYTES)
        return "it says that it has more memory than can be";
    return impossible_setting(info);
}

/* ---- verdicts and plans */

void seam_check_verdicts(pln_verdict *verdicts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        pln_verdict *v = &verdicts[i];
        tidy(v->kernel, sizeof v->kernel);
        tidy(v->reason, sizeof v->reason);
        if (v->supported && v->together) {
            v->supported = 0;
            snprintf(v->reason, sizeof v->reason, "it would take the node only together with others (group %u)",
                     v->together);
        }
        v->supported = v->supported != 0;
        if (!v->supported && !*v->reason)
            snprintf(v->reason, sizeof v->reason, "it does not say why");
        if (v->estimated_ns > LONGEST_NS)
            v->estimated_ns = LONGEST_NS;
    }
}

const char *seam_impossible_info(const pln_plan_info *info, uint32_t room, uint32_t n_nodes)
{
    if (info->scratch_bytes > MOST_BYTES || info->constant_bytes > MOST_BYTES)
        return "it says more bytes than can be";
    if (info->n_kernels > MOST_KERNELS)
        return "it says more launches than can be";
    const uint32_t n = info->n_kernels < room ? info->n_kernels : room;
    for (uint32_t i = 0; info->kernels && i < n; i++) {
        pln_launch_info *kernel = &info->kernels[i];
        tidy(kernel->name, sizeof kernel->name);
    }
    for (uint32_t i = 0; info->programs && i < n; i++) {
        pln_launch_program *program = &info->programs[i];
        program->options[sizeof program->options - 1] = '\0';
        if (program->text && (program->node >= n_nodes || !program->kernel || program->n_constants > 16))
            return "a program is of no node, has no name or too many constants";
    }
    return NULL;
}
