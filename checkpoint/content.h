/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of what a format fills: begun with the file mapped, finished with everything that belongs to it.
 */
#ifndef CHECKPOINT_CONTENT_H
#define CHECKPOINT_CONTENT_H

#include "checkpoint/format.h"

/* path is borrowed until finish. After an error it is finished all the same. */
pln_status ckpt_content_init(struct ckpt_content *content, const char *path, pln_error *error);
void ckpt_content_finish(struct ckpt_content *content);

/* PLN_BAD_MODEL: one of its files has become shorter since it was opened. */
pln_status ckpt_content_check(const struct ckpt_content *content, pln_error *error);
void ckpt_content_release_pages(const struct ckpt_content *content);
#endif
