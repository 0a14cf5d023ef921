/* SPDX-License-Identifier: Apache-2.0
 *
 * So that a full disk or an interrupt leaves no half of a file.
 */
#include "cli/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const struct cli_part *part, int reason)
{
    fprintf(stderr, "pleione: %s cannot be written: %s\n", part->path, strerror(reason));
    return reason == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED;
}

int cli_part_begin(struct cli_part *part, const char *path)
{
    struct stat about;
    *part = (struct cli_part){.path = path};
    const bool beside = stat(path, &about) != 0 || S_ISREG(about.st_mode);
    if (beside) {
        const size_t room = strlen(path) + 32;
        part->temporary = malloc(room);
        if (!part->temporary)
            return fail(part, ENOMEM);
        snprintf(part->temporary, room, "%s.part%ld", path, (long)getpid());
    }
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (beside ? O_EXCL : 0);
    const int fd = open(beside ? part->temporary : path, flags, 0666);
    part->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (part->file)
        return 0;
    const int code = fail(part, errno);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && beside)
        unlink(part->temporary);
    free(part->temporary);
    *part = (struct cli_part){0};
    return code;
}

int cli_part_end(struct cli_part *part)
{
    errno = 0;
    int reason = 0;
    if (ferror(part->file) || fflush(part->file) != 0)
        reason = errno ? errno : EIO;
    if (!reason && part->temporary && fsync(fileno(part->file)) != 0)
        reason = errno;
    if (fclose(part->file) != 0 && !reason)
        reason = errno;
    part->file = NULL;
    if (!reason && part->temporary && rename(part->temporary, part->path) != 0)
        reason = errno;
    const int code = reason ? fail(part, reason) : 0;
    if (reason && part->temporary)
        unlink(part->temporary);
    free(part->temporary);
    *part = (struct cli_part){0};
    return code;
}

void cli_part_drop(struct cli_part *part)
{
    if (part->file)
        fclose(part->file);
    if (part->temporary)
        unlink(part->temporary);
    free(part->temporary);
    *part = (struct cli_part){0};
}
