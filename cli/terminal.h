/* SPDX-License-Identifier: Apache-2.0
 *
 * What a person sees: how wide the terminal is, how wide a text, and text filled to a width. A column is what a Latin
 * letter takes; Hangul, Chinese and emoji take two.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TERMINAL_ELLIPSIS "\u2026"

enum { TERMINAL_USUAL = 80, TERMINAL_LEAST = 20 };

/* Columns of the terminal that the stream goes to; COLUMNS in the environment overrules what it says of itself. 0: it is
 * no terminal. */
uint32_t terminal_width(FILE *stream);
/* The same for text that is filled wherever it goes: without a terminal COLUMNS or 80. */
uint32_t terminal_fill_width(FILE *stream);

/* Whether colour is wanted: a terminal that is not "dumb", and no NO_COLOR in the environment. */
bool terminal_has_colour(FILE *stream);
enum terminal_style { TERMINAL_PLAIN, TERMINAL_BOLD, TERMINAL_GOOD, TERMINAL_BAD };
/* What turns the style on (for plain: all off); nothing where the stream has no colour. */
const char *terminal_style(FILE *stream, enum terminal_style style);

/* Columns that the text takes; what is not UTF-8 takes one for each maximal subpart. */
size_t terminal_columns(const char *text, size_t bytes);
/* Bytes of the longest beginning of the text that takes at most so many columns. */
size_t terminal_cut(const char *text, size_t bytes, size_t columns);
/* The text in at most so many columns, cut with an ellipsis. Returns the columns that were written. */
size_t terminal_put(FILE *out, const char *text, size_t columns);

/* The text's words, line by line; at `used` columns of the first line, later lines after `indent` blanks. Newlines are
 * blanks. Ends in a newline. A word that is longer than a line has one of its own. */
void terminal_fill(FILE *out, const char *text, size_t used, size_t indent, size_t width);
/* A line of a shell in lines of the width: cut between words outside of quotes, where a backslash goes on. */
void terminal_fill_shell(FILE *out, const char *line, size_t bytes, size_t width);
#endif
