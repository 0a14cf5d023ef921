/* SPDX-License-Identifier: Apache-2.0
 *
 * The program pleione-hdf5 while it reads a file for us: a process of its own, which has that file and nothing else.
 */
#ifndef CHECKPOINT_HDF5_PROCESS_H
#define CHECKPOINT_HDF5_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct hdf5_process {
    pid_t process;
    int from;       /* what it tells */
    int silence_ms; /* for which it may say nothing before it is taken for one that hangs */
    bool hangs;
};

/* Starts the program at path with the open file. Any thread, of any program: nothing of ours runs in a copy of it
 * (posix_spawn). False: errno says why. */
bool hdf5_process_begin(struct hdf5_process *p, const char *path, int file);
/* Exactly so many bytes; false: it ended before it told them, or hangs. context: the process. */
bool hdf5_process_read(void *context, void *to, size_t bytes);
/* Ends it, wherever it is, and waits for it. */
void hdf5_process_end(struct hdf5_process *p);
#endif
