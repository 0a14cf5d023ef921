/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders are made with those above them; files are copied by way of a part.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include "cli/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/part.h"

/* ---- paths */

pln_status cli_path_fail(pln_error *error, const char *path, const char *what)
{
    const pln_status status = errno == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED;
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%.300s: %s", path, what);
    return status;
}

pln_status cli_path_join(const char *folder, const char *name, char path[PATH_MAX], pln_error *error)
{
    return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX
               ? PLN_OK
               : cli_path_fail(error, folder, "the path is too long");
}

/* ---- folders */

enum { MADE = 64 };
static struct {
    char *path;
    bool asked; /* for itself, not for one in it */
} made[MADE];
static uint32_t n_made;

/* One that finds no room in the list stays. */
static void note(const char *path, bool asked)
{
    char *copy = n_made < MADE ? strdup(path) : NULL;
    if (!copy)
        return;
    made[n_made].path = copy;
    made[n_made++].asked = asked;
}

static void remove_files(const char *path)
{
    char file[PATH_MAX];
    struct stat about;
    DIR *folder = opendir(path);
    for (const struct dirent *e; folder && (e = readdir(folder));)
        if (snprintf(file, sizeof file, "%s/%s", path, e->d_name) < PATH_MAX && lstat(file, &about) == 0 &&
            S_ISREG(about.st_mode))
            unlink(file);
    if (folder)
        closedir(folder);
}

static void let_go(bool undo)
{
    while (n_made) {
        char *path = made[--n_made].path;
        if (undo && made[n_made].asked)
            remove_files(path);
        if (undo)
            rmdir(path);
        free(path);
    }
}

void cli_undo_folders(void)
{
    let_go(true);
}

void cli_keep_folders(void)
{
    let_go(false);
}

static pln_status make_one(const char *path, bool asked, pln_error *error)
{
    struct stat about;
    if (mkdir(path, 0777) == 0) {
        note(path, asked);
        return PLN_OK;
    }
    if (errno != EEXIST)
        return cli_path_fail(error, path, strerror(errno));
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode) ? PLN_OK : cli_path_fail(error, path, strerror(ENOTDIR));
}

pln_status cli_make_parents(const char *path, pln_error *error)
{
    char above[PATH_MAX];
    if (strlen(path) >= sizeof above)
        return cli_path_fail(error, path, "the path is too long");
    strcpy(above, path);
    pln_status status = PLN_OK;
    for (char *at = above + strspn(above, "/"); status == PLN_OK && (at = strchr(at, '/')) != NULL;) {
        char *next = at + strspn(at, "/");
        *at = '\0';
        if (*next)
            status = make_one(above, false, error);
        *at = '/';
        at = next;
    }
    return status;
}

pln_status cli_make_folder(const char *path, pln_error *error)
{
    const pln_status status = cli_make_parents(path, error);
    return status == PLN_OK ? make_one(path, true, error) : status;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

void cli_remove_folder(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- files */

pln_status cli_try_file(const char *path, pln_error *error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool fresh = file >= 0;
    if (!fresh && errno == EEXIST)
        file = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* ENXIO: a pipe that nobody reads yet */
    const pln_status status = file >= 0 || errno == ENXIO ? PLN_OK : cli_path_fail(error, path, strerror(errno));
    if (file >= 0)
        close(file);
    if (fresh)
        unlink(path);
    return status;
}

enum { PIECE = 1 << 14 };

bool cli_same_bytes(const char *a, const char *b)
{
    char left[PIECE / 2], right[PIECE / 2];
    FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
    bool same = x && y;
    for (size_t n = 1; same && n;) {
        n = fread(left, 1, sizeof left, x);
        same = fread(right, 1, sizeof right, y) == n && memcmp(left, right, n) == 0;
    }
    same = same && !ferror(x) && !ferror(y);
    if (x)
        fclose(x);
    if (y)
        fclose(y);
    return same;
}

int cli_copy_file(const char *from, const char *to)
{
    char bytes[PIECE];
    struct cli_part part = {0};
    if (cli_same_bytes(from, to))
        return 0;
    FILE *in = fopen(from, "rb");
    int code = in ? cli_part_begin(&part, to) : cli_fail_file(from, PLN_FAILED, strerror(errno));
    if (code == 0) {
        for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0 && fwrite(bytes, 1, n, part.file) == n;)
            continue;
        code = ferror(in) ? cli_fail_file(from, PLN_FAILED, strerror(errno)) : cli_part_end(&part);
    }
    cli_part_drop(&part);
    if (in)
        fclose(in);
    return code;
}
