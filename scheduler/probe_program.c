/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione-probe PLUGIN: loads it, lists its devices, opens and closes each, and tells on its standard output, as
 * scheduler/probe.h says. Whatever the plugin does, it does it here.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/seam.h"
#include "scheduler/probe.h"

static FILE *out; /* for answers; what others print goes nowhere */

static void say(json_t *line)
{
    json_dumpf(line, out, JSON_COMPACT);
    fputc('\n', out);
    fflush(out);
    json_decref(line);
}

static void come_to(const char *entry)
{
    say(json_pack("{s:s}", "at", entry));
}

/* ---- a host that has what device_open may ask for */

static void host_log(void *context, pln_log_level level, const char *message)
{
    (void)context, (void)level, (void)message;
}

static void *host_allocate(void *context, size_t bytes)
{
    void *memory = NULL;
    (void)context;
    return posix_memalign(&memory, 64, bytes ? bytes : 64) == 0 ? memset(memory, 0, bytes) : NULL;
}

static void host_release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static uint32_t host_team_size(void *context)
{
    (void)context;
    return 1;
}

static void host_team_run(void *context, pln_team_fn *fn, void *argument)
{
    (void)context;
    fn(argument, 0, 1);
}

static void host_team_barrier(void *context)
{
    (void)context;
}

static const char *host_cache_directory(void *context)
{
    (void)context;
    return NULL;
}

static void host_constant_read(void *context, const pln_constant_info *constant, uint32_t first, uint32_t rows,
                               float *to)
{
    (void)context, (void)first;
    memset(to, 0, (size_t)rows * constant->width * sizeof *to);
}

static const pln_host host = {.size = sizeof host,
                              .log = host_log,
                              .allocate = host_allocate,
                              .release = host_release,
                              .constant_read = host_constant_read,
                              .team_size = host_team_size,
                              .team_run = host_team_run,
                              .team_barrier = host_team_barrier,
                              .cache_directory = host_cache_directory};

/* ---- */

static int refuse(const char *sentence)
{
    say(json_pack("{s:s}", "refused", sentence));
    fflush(out);
    _exit(0);
}

/* A device that cannot be opened is listed with the reason. */
static void try_to_open(const struct seam *seam, uint32_t index, pln_device_description *info)
{
    const pln_opening opening = {.size = sizeof opening, .host = &host, .setting_stride = sizeof(pln_setting)};
    struct seam_device device;
    pln_error error = {.node = -1};
    come_to("device_open");
    pln_status status = seam_device_open(seam, index, info->name, &opening, &device, &error);
    if (status == PLN_OK) {
        pln_device_description again;
        come_to("device_info");
        status = seam_device_info(seam, index, &device, &again, &error);
        come_to("device_close");
        seam_device_close(&device);
    }
    if (status == PLN_OK)
        return;
    info->flags |= PLN_DEVICE_FLAG_UNUSABLE;
    snprintf(info->reason, sizeof info->reason, "%.255s", error.message);
}

static json_t *list_devices(const struct seam *seam)
{
    json_t *devices = json_array();
    pln_error error = {.node = -1};
    uint32_t n = 0;
    come_to("device_count");
    if (seam_device_count(seam, &n, &error) != PLN_OK)
        refuse(error.message);
    if (!n)
        refuse("it finds no device");
    for (uint32_t i = 0; i < n; i++) {
        pln_device_description info = {.size = sizeof info};
        come_to("device_info");
        const pln_status status = seam_device_info(seam, i, NULL, &info, &error);
        if (status != PLN_OK) {
            info = (pln_device_description){.size = sizeof info, .kind = PLN_DEVICE_KIND_OTHER};
            info.flags = PLN_DEVICE_FLAG_UNUSABLE;
            snprintf(info.reason, sizeof info.reason, "%.255s", error.message);
        } else if (!(info.flags & PLN_DEVICE_FLAG_UNUSABLE)) {
            try_to_open(seam, i, &info);
        }
        json_array_append_new(devices, probe_device_json(&info));
    }
    return devices;
}

static int note_file(struct dl_phdr_info *info, size_t size, void *files)
{
    (void)size;
    if (info->dlpi_name && info->dlpi_name[0] == '/')
        json_array_append_new(files, json_string(info->dlpi_name));
    return 0;
}

int main(int argc, char **argv)
{
    char reason[300];
    struct seam seam = {.faults = NULL};
    const int answers = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
    out = answers >= 0 ? fdopen(answers, "w") : NULL;
    if (argc != 2 || !out || nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
        return 2;
    come_to("loading it");
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return refuse(dlerror());
    pln_backend_query_fn *query = NULL;
    void *symbol = dlsym(library, PLN_BACKEND_SYMBOL);
    memcpy(&query, &symbol, sizeof query);
    snprintf(reason, sizeof reason, "%.150s exports no %s: not a plugin", argv[1], PLN_BACKEND_SYMBOL);
    if (!query)
        return refuse(reason);
    come_to(PLN_BACKEND_SYMBOL);
    const pln_backend *table = query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    snprintf(reason, sizeof reason, "%.150s speaks another version of the interface than %u: build it again", argv[1],
             PLN_ABI_VERSION);
    if (!table || !seam_accept(&seam, table, reason, sizeof reason))
        return refuse(reason);
    json_t *devices = list_devices(&seam), *files = json_array();
    dl_iterate_phdr(note_file, files);
    say(json_pack("{s:{s:s,s:s,s:o,s:o}}", "answer", "name", seam.table.name, "version", seam.table.version, "devices",
                  devices, "files", files));
    _exit(0); /* what drivers do at the end of a process is not asked */
}
