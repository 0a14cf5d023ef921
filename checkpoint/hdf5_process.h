/* SPDX-License-Identifier: Apache-2.0
 *
 * The program pleione-hdf5 while it reads a file for us, or writes one: a process of its own. The one that reads has that
 * file and nothing else.
 */
#ifndef CHECKPOINT_HDF5_PROCESS_H
#define CHECKPOINT_HDF5_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct hdf5_process {
    pid_t process;
    int from;       /* what it tells */
    int to;         /* what it is told; -1: nothing, it reads */
    int silence_ms; /* for which it may say nothing before it is taken for one that hangs */
    bool hangs;
};

/* Starts the program at path with the open file; or, to write `out`, with none. Any thread, of any program: nothing of
 * ours runs in a copy of it (posix_spawn). False: errno says why. */
bool hdf5_process_begin(struct hdf5_process *p, const char *path, int file);
bool hdf5_process_begin_writing(struct hdf5_process *p, const char *path, const char *out);
/* Tells it bytes. False: it has ended. context: the process. */
bool hdf5_process_write(void *context, const void *bytes, size_t n);
/* It is told no more. */
void hdf5_process_finish(struct hdf5_process *p);
/* Exactly so many bytes; false: it ended before it told them, or hangs. context: the process. */
bool hdf5_process_read(void *context, void *to, size_t bytes);
/* Ends it, wherever it is, and waits for it. */
void hdf5_process_end(struct hdf5_process *p);
#endif
