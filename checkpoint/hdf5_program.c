/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione-hdf5: takes an HDF5 file as descriptor 3, tells its datasets on the standard output; or, with a path, writes
 * one. It is started by the library for each file, so that a file which breaks HDF5 breaks no more than this process.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include <hdf5_hl.h>

#include "checkpoint/hdf5_program.h"

enum { MANY_DESCRIPTORS = 4096 };

static void close_others(void)
{
    const long most = sysconf(_SC_OPEN_MAX);
    const int end = most > 0 && most < MANY_DESCRIPTORS ? (int)most : MANY_DESCRIPTORS;
    if (close_range(HDF5_FILE + 1, ~0u, 0) == 0)
        return;
    for (int i = HDF5_FILE + 1; i < end; i++)
        close(i);
}

static int read_file(void)
{
    const struct hdf5_record end = {.kind = HDF5_END};
    struct stat about;
    if (fstat(HDF5_FILE, &about) != 0)
        return 1;
    const size_t bytes = (size_t)about.st_size;
    void *image = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, HDF5_FILE, 0);
    if (image == MAP_FAILED)
        return 1;
    confine(bytes);
    const hid_t file = H5LTopen_file_image(image, bytes, H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE);
    if (file < 0)
        tell_problem("the file is damaged: HDF5 cannot open it");
    read_lists(file);
    tell(&end, "", "");
    return write_copies() ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct hdf5_record ready = {.kind = HDF5_READY}, end = {.kind = HDF5_END};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_others();
    if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0)
        return 1;
    tell(&ready, "", "");
    fflush(stdout);
    int code = 0;
    if (argc > 1) {
        write_file(argv[1]);
        tell(&end, "", "");
    } else {
        code = read_file();
    }
    _exit(fflush(stdout) == 0 ? code : 1); /* nothing that HDF5 would put in order is left */
}
