/* SPDX-License-Identifier: Apache-2.0
 *
 * The program pleione-hdf5 from inside: it reads one file with HDF5 and tells what is in it (hdf5_wire.h).
 * int64_t is HDF5's hid_t.
 */
#ifndef CHECKPOINT_HDF5_PROGRAM_H
#define CHECKPOINT_HDF5_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkpoint/hdf5_wire.h"

/* ---- hdf5_tell.c: one record on the standard output. */
void tell(const struct hdf5_record *record, const char *name, const char *type);
/* Tells PROBLEM and ends the process. */
__attribute__((format(printf, 1, 2), noreturn)) void tell_problem(const char *format, ...);

/* ---- hdf5_confine.c: from here on the process can compute, read what it has, write what it has, and end. file_bytes:
 * of the file, which is mapped. */
void confine(size_t file_bytes);

/* ---- hdf5_lists.c: calls take_dataset for each weight of the file, in its order. */
void read_lists(int64_t file);

/* ---- hdf5_dataset.c: tells one dataset; closes it. */
void take_dataset(int64_t dataset, const char *name);
/* Writes the numbers of those that cannot be used where they lie. False: one cannot be read. */
bool write_copies(void);

/* ---- hdf5_write_program.c: writes a file as the standard input says. */
void write_file(const char *path);
#endif
