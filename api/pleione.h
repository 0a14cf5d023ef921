/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione: describe an ELECTRA model once, as a static graph, and run it on whichever backend is there.
 *
 *     pleione_model.h      runtime -> devices -> model -> session -> answers   (a directory and a sentence)
 *     pleione_tokenizer.h  text -> tokens -> text, new vocabularies
 *     pleione_graph.h      runtime -> devices -> graph -> schedule -> numbers  (a graph of your own)
 *     pleione_generate.h   session -> generator -> tokens                      (prompts of a decoder)
 *     pleione_training.h   model -> trainer -> steps
 *     pleione_pretraining.h  generator + discriminator -> trainer -> steps
 *     pleione_tasks.h      session -> task -> answers                          (rows of named columns)
 *     pleione_scores.h     answers beside labels -> how good a task is
 *     pleione_lessons.h    rows with labels -> batches for a trainer
 *     pleione_rows.h       files of people -> rows -> files
 *
 * Each may be included alone, from C11 and from C++11; a foreign-function interface needs no macro of them.
 *
 * Errors. A function that can fail returns a status and, if that is not PLN_OK, fills *error (may be NULL) with one
 * sentence that names the thing. NULL for what is required, a number out of range, or an object of another graph or
 * list of devices is PLN_INVALID and names the argument; a function without a status then returns NULL, 0, -1 or false,
 * or does nothing.
 *
 * Owners. "returns new": the caller destroys it; it is NULL when the function fails. "borrows": must live until the
 * call returns; "keeps": must outlive the object. Every destroy or close takes the address, accepts NULL and the
 * address of NULL, and sets NULL.
 *
 * Pointers and lists. Every pointer is required unless it is said that it may be NULL; `options` and `error` always
 * may. A list is `things` and `n_things`, and may be NULL when it has no entries; one that comes back is `*things` and
 * `*n_things`. X_count is the number of what an object hands out by index.
 *
 * Names. X_find(name, &out) is true if there is one of that name; else, and if a pointer is NULL, it is false and *out
 * stays. The values of an enum begin with its name, but for those of pln_status and pln_dtype.
 *
 * Growth. A struct that begins with `size` may get more members at its end in a later version. The caller fills in its
 * sizeof, and zero, where nothing else is said, is the default of every member; options NULL are the default of all.
 * Size 0, or one smaller than in 0.2.0, is PLN_INVALID; a larger one is PLN_UNSUPPORTED if it sets a member that this
 * library does not know. Of a struct that the library fills it writes `size` bytes at most. What is handed over in
 * arrays of the caller has a stride, or never grows: pln_error, pln_tensor, pln_binding, pln_text, pln_example,
 * pln_added_token, pln_dim, pln_loss, pln_word, pln_fill, pln_class, pln_option, pln_option_info, pln_column_info,
 * pln_prompt, pln_field, pln_record, pln_cell. What the library hands out by pointer (pln_device_entry, pln_parameter,
 * pln_encodings, pln_task_info, pln_item, pln_answer, pln_score, pln_generated, pln_corpus_batch) may grow at its end:
 * copy members, not the struct. Until 1.0 the name of the library does not change with such growth; what does not fit
 * this rule is a new minor version.
 *
 * Threads. Each function says who may call it. "any thread": any, at any time; runtime, devices, models, tokenizers and
 * finished graphs are shared by all threads. "one thread": one at a time for a session, a schedule (with those that
 * share its states), a task or a generator (with its session), a trainer, an encoder, scores, lessons, a list of
 * labels, a reader, a writer, a corpus or a vocabulary trainer, of which different ones are used freely at the same
 * time; a call that finds its own in use gives PLN_INVALID. A graph that is being described is nobody else's either,
 * and nobody looks. "alone": the object is used by nobody, and by nobody afterwards.
 *
 * Callbacks (`log`, `progress`, `cancel`, `next`, `answer`, `token`) are called while a call of the library runs. They
 * must return, must not call what the running call uses, and must not throw or jump out.
 *
 * HDF5 files are read and written by a program of its own, pleione-hdf5, which is started for each file and waited for:
 * a caller who handles SIGCHLD sees one. No other call starts a process.
 *
 * The library never prints, exits or reads the environment but for PLEIONE_BACKEND_PATH (folders with more plugins and
 * that program, separated by ':') and XDG_CACHE_HOME or HOME (compiled programs are kept in pleione/ below it).
 */
#ifndef PLEIONE_H
#define PLEIONE_H

#include "pleione_base.h"
#include "pleione_generate.h"
#include "pleione_graph.h"
#include "pleione_heads.h"
#include "pleione_model.h"
#include "pleione_ops.h"
#include "pleione_pretraining.h"
#include "pleione_rows.h"
#include "pleione_scores.h"
#include "pleione_lessons.h"
#include "pleione_tasks.h"
#include "pleione_tokenizer.h"
#include "pleione_training.h"
#include "pleione_types.h"

#endif
