/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the programs that a device can be asked for, before any compiler has seen them: each in a file of its own,
 * with a JSON file beside it. The device is opened once for each combination of the options that choose kernels;
 * nothing is compiled or run.
 */
#include "cli/commands/dump_kernels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands/kernel_graph.h"
#include "cli/folders.h"

enum { MOST_PROGRAMS = 1024, MOST_WORDS = 16, WORD_BYTES = 48, PATH_BYTES = 1024 };

struct dump {
    pln_runtime *runtime;
    const char *folder, *device, *backend;
    const struct cli_list *given; /* device options of the command line */
    struct cli_kernel_weights weights;
    const char *options[CLI_LIST]; /* of one combination */
    pln_program programs[MOST_PROGRAMS];
};

/* ---- files */

static pln_status write_file(const char *path, const void *bytes, size_t size, pln_error *error)
{
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(bytes, 1, size, file) == size;
    if (file)
        written &= fclose(file) == 0;
    if (written)
        return PLN_OK;
    snprintf(error->message, sizeof error->message, "%.200s cannot be written: %s", path, strerror(errno));
    return error->status = PLN_FAILED;
}

static pln_status fail_for_memory(pln_error *error)
{
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the programs of a device"};
    return error->status;
}

static bool is_spirv(const pln_program *p)
{
    return p->language == PLN_LANGUAGE_SPIRV;
}

/* "linear 256,128,128": the kernel and its constants, in the file's name with other separators. */
static void name_program(const pln_program *p, char separator, char comma, char *text, size_t bytes)
{
    int at = snprintf(text, bytes, "%s", p->kernel);
    for (uint32_t i = 0; i < p->n_constants && at > 0 && (size_t)at < bytes; i++)
        at += snprintf(text + at, bytes - (size_t)at, "%c%u", i ? comma : separator, p->constants[i]);
}

static json_t *describe_program(const pln_program *p)
{
    char name[256], tile[32] = "";
    json_t *constants = json_object();
    name_program(p, ' ', ',', name, sizeof name);
    if (p->tile_rows)
        snprintf(tile, sizeof tile, "%ux%u", p->tile_rows, p->tile_columns);
    for (uint32_t i = 0; i < p->n_constants; i++) {
        char id[16];
        snprintf(id, sizeof id, "%u", i);
        cli_set_json(constants, id, json_integer(p->constants[i]));
    }
    json_t *about = json_pack("{s:s,s:s,s:o,s:I,s:I}", "name", name, "tile", tile, "specialization", constants,
                              "subgroup_size", (json_int_t)p->subgroup, "workgroup", (json_int_t)p->workgroup);
    if (!is_spirv(p))
        cli_set_json(about, "options", json_string(p->options));
    return about;
}

static pln_status write_program(const struct dump *d, const pln_program *p, pln_error *error)
{
    char name[256], stem[PATH_BYTES], path[PATH_BYTES + 8];
    name_program(p, '-', '.', name, sizeof name);
    snprintf(stem, sizeof stem, "%s/%s-%s-%s", d->folder, p->op, d->backend, name);
    snprintf(path, sizeof path, "%s%s", stem, is_spirv(p) ? ".spv" : ".cl");
    pln_status status = write_file(path, p->text, p->bytes, error);
    if (status != PLN_OK)
        return status;
    json_t *about = describe_program(p);
    char *text = cli_dump_json(about, JSON_INDENT(2));
    json_decref(about);
    snprintf(path, sizeof path, "%s.json", stem);
    if (text)
        status = write_file(path, text, strlen(text), error);
    else
        status = fail_for_memory(error);
    free(text);
    return status;
}

/* ---- one open device */

static pln_status dump_shapes(struct dump *d, pln_schedule *schedule, pln_error *error)
{
    static const uint32_t shapes[][2] = {{1, 16}, {1, 128}, {8, 128}, {32, 128}};
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof shapes / sizeof *shapes; i++) {
        const uint32_t batch = shapes[i][0], length = shapes[i][1];
        const uint32_t dims[CLI_KERNEL_SYMBOLS] = {0, batch * length, batch, batch * length / 8,
                                                   batch * length * length};
        uint32_t n = 0;
        status = pln_schedule_programs(schedule, dims, CLI_KERNEL_SYMBOLS, 0, d->programs, sizeof *d->programs,
                                       MOST_PROGRAMS, &n, error);
        if (n > MOST_PROGRAMS) {
            snprintf(error->message, sizeof error->message, "%u programs are too many", n);
            status = error->status = PLN_FAILED;
        }
        for (uint32_t j = 0; status == PLN_OK && j < n && d->programs[j].text; j++)
            status = write_program(d, &d->programs[j], error);
    }
    return status;
}

static pln_status dump_graph(struct dump *d, pln_devices *devices, pln_graph *graph, pln_error *error)
{
    pln_schedule *schedule = NULL;
    if (!graph)
        return fail_for_memory(error);
    pln_status status = pln_graph_finish(graph, error);
    if (status == PLN_OK)
        status = pln_schedule_create(graph, devices, NULL, &schedule, error);
    if (status == PLN_OK)
        status = dump_shapes(d, schedule, error);
    if (schedule)
        pln_schedule_destroy(&schedule);
    return status;
}

static pln_status dump_model(struct dump *d, pln_devices *devices, const struct cli_sizes *sizes, pln_error *error)
{
    float *zeros = calloc((size_t)sizes->vocab * sizes->embedding, sizeof *zeros);
    pln_status status = PLN_OK;
    d->weights.zeros = zeros;
    for (uint32_t i = 0; status == PLN_OK && i < CLI_KERNEL_GRAPHS; i++) {
        pln_graph *graph = zeros ? cli_kernel_graph((enum cli_kernel_graph)i, sizes, &d->weights) : NULL;
        status = dump_graph(d, devices, graph, error);
        pln_graph_destroy(&graph);
    }
    free(zeros);
    return status;
}

static pln_status dump_opened(struct dump *d, const char *const *options, uint32_t n, pln_error *error)
{
    pln_devices *devices = NULL;
    pln_status status = pln_devices_open(d->runtime, d->device, options, n, &devices, error);
    for (uint32_t i = 0; status == PLN_OK && i < cli_n_model_sizes; i++)
        status = dump_model(d, devices, &cli_model_sizes[i], error);
    pln_devices_close(&devices);
    return status;
}

/* ---- combinations of options */

/* "KEY=one" and so on for each of the values "one|two" of the device's option, behind n words; how many then. */
static uint32_t add_words(const pln_option_info *options, const char *key, char words[][WORD_BYTES], uint32_t n)
{
    while (options && options->key && strcmp(options->key, key) != 0)
        options++;
    for (const char *value = options ? options->values : NULL; value && n < MOST_WORDS;) {
        const size_t length = strcspn(value, "|");
        snprintf(words[n++], WORD_BYTES, "%s=%.*s", key, (int)length, value);
        value = value[length] ? value + length + 1 : NULL;
    }
    return n;
}

/* Each value of the keys, no tile too, with what the command line gave. Kernels for processors know no other tile or
 * storage; these and matrices are refused where they are not there. */
static pln_status dump_combinations(struct dump *d, const pln_option_info *infos, pln_error *error)
{
    enum { VARIANT, STORAGE, MATRIX, TILE, KEYS, MOST_OPTIONS = 64 };
    static const char *const keys[] = {
        [VARIANT] = "variant", [STORAGE] = "storage", [MATRIX] = "matrix", [TILE] = "tile"};
    char words[KEYS][MOST_WORDS][WORD_BYTES] = {{""}};
    uint32_t n[KEYS], combinations = 1;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < KEYS; i++) {
        n[i] = add_words(infos, keys[i], words[i], i == TILE);
        n[i] = n[i] ? n[i] : 1;
        combinations *= n[i];
    }
    for (uint32_t at = 0; status == PLN_OK && at < combinations; at++) {
        const char *chosen[KEYS];
        uint32_t used = 0;
        for (; used < d->given->n && used < CLI_LIST - KEYS; used++)
            d->options[used] = d->given->items[used];
        for (uint32_t i = 0, left = at; i < KEYS; left /= n[i++]) {
            chosen[i] = words[i][left % n[i]];
            if (chosen[i][0])
                d->options[used++] = chosen[i];
        }
        if (strcmp(chosen[VARIANT], "variant=cpu") == 0 && at >= n[VARIANT])
            continue;
        status = dump_opened(d, d->options, used, error);
        if (status == PLN_INVALID &&
            (strcmp(chosen[MATRIX], "matrix=yes") == 0 || strcmp(chosen[VARIANT], "variant=cpu") == 0))
            status = PLN_OK;
    }
    return status;
}

pln_status cli_dump_kernels(pln_runtime *runtime, const pln_device_entry *device, const struct cli_list *options,
                            const char *folder, pln_error *error)
{
    struct dump *d = calloc(1, sizeof *d);
    if (!d)
        return fail_for_memory(error);
    if (cli_make_folder(folder, error) != PLN_OK) {
        free(d);
        return error->status;
    }
    d->runtime = runtime;
    d->folder = folder;
    d->device = device->name;
    d->backend = device->backend;
    d->given = options;
    const pln_status status = dump_combinations(d, device->info.options, error);
    free(d);
    return status;
}
