/* SPDX-License-Identifier: Apache-2.0
 *
 * Widths come from the terminal, those of characters from utf8proc.
 */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "cli/cli.h"

enum { MOST_COLUMNS = 10000 };

/* 0: the environment says nothing. */
static uint32_t wanted_width(void)
{
    const char *text = getenv("COLUMNS");
    const unsigned long columns = text && *text >= '0' && *text <= '9' ? strtoul(text, NULL, 10) : 0;
    return columns >= TERMINAL_LEAST && columns <= MOST_COLUMNS ? (uint32_t)columns : 0;
}

uint32_t terminal_width(FILE *stream)
{
    struct winsize size;
    if (!isatty(fileno(stream)))
        return 0;
    const uint32_t wanted = wanted_width();
    if (wanted)
        return wanted;
    const bool told = ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= TERMINAL_LEAST;
    return told ? size.ws_col : TERMINAL_USUAL;
}

uint32_t terminal_fill_width(FILE *stream)
{
    const uint32_t width = terminal_width(stream), wanted = wanted_width();
    if (width)
        return width;
    return wanted ? wanted : TERMINAL_USUAL;
}

bool terminal_has_colour(FILE *stream)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(stream)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

const char *terminal_style(FILE *stream, enum terminal_style style)
{
    static const char *const codes[] = {[TERMINAL_PLAIN] = "\033[0m",
                                        [TERMINAL_BOLD] = "\033[1m",
                                        [TERMINAL_GOOD] = "\033[32m",
                                        [TERMINAL_BAD] = "\033[31m"};
    return terminal_has_colour(stream) ? codes[style] : "";
}

/* ---- widths of text */

/* Bytes of the first character, and the columns that it takes. */
static size_t measure(const char *text, size_t bytes, size_t *columns)
{
    utf8proc_int32_t code;
    bool valid;
    const size_t n = cli_utf8_cut(text, bytes, &valid);
    *columns = 1;
    if (valid && utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &code) > 0) {
        const int width = utf8proc_charwidth(code);
        *columns = width > 0 ? (size_t)width : 0;
    }
    return n;
}

size_t terminal_columns(const char *text, size_t bytes)
{
    size_t all = 0;
    for (size_t at = 0, columns; at < bytes; all += columns)
        at += measure(text + at, bytes - at, &columns);
    return all;
}

size_t terminal_cut(const char *text, size_t bytes, size_t columns)
{
    size_t at = 0;
    for (size_t used = 0, wide; at < bytes;) {
        const size_t n = measure(text + at, bytes - at, &wide);
        used += wide;
        if (used > columns)
            break;
        at += n;
    }
    return at;
}

size_t terminal_put(FILE *out, const char *text, size_t columns)
{
    const size_t bytes = strlen(text), wide = terminal_columns(text, bytes);
    if (wide <= columns) {
        fputs(text, out);
        return wide;
    }
    const size_t kept = columns ? terminal_cut(text, bytes, columns - 1) : 0;
    fprintf(out, "%.*s%s", (int)kept, text, columns ? TERMINAL_ELLIPSIS : "");
    return terminal_columns(text, kept) + (columns > 0);
}

/* ---- filled text */

void terminal_fill(FILE *out, const char *text, size_t used, size_t indent, size_t width)
{
    bool begun = false; /* a word stands on the line */
    for (const char *s = text; *s;) {
        const size_t bytes = strcspn(s, " \n"), columns = terminal_columns(s, bytes);
        if (bytes && begun && used + 1 + columns > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            used = indent;
            begun = false;
        }
        if (bytes) {
            fprintf(out, "%s%.*s", begun ? " " : "", (int)bytes, s);
            used += columns + begun;
            begun = true;
        }
        s += bytes;
        s += *s != '\0';
    }
    fputc('\n', out);
}

/* Bytes up to the next blank that no quotes enclose; an option and its value are one. */
static size_t shell_word(const char *line, size_t bytes)
{
    const bool option = bytes && line[0] == '-';
    char quote = '\0';
    size_t n = 0;
    for (bool valued = false; n < bytes && (quote || line[n] != ' ' || !valued); n++) {
        if (!quote && line[n] == ' ') {
            valued = true;
            if (!option || n + 1 == bytes || strchr("-<>|\\", line[n + 1]))
                break;
        }
        if (quote ? line[n] == quote : line[n] == '\'' || line[n] == '"')
            quote = quote ? '\0' : line[n];
    }
    return n;
}

void terminal_fill_shell(FILE *out, const char *line, size_t bytes, size_t width)
{
    enum { MORE = 6 }; /* blanks before what goes on */
    size_t at = 0, used = 0;
    while (at < bytes && line[at] == ' ')
        at++;
    fprintf(out, "%*s", (int)at, "");
    used = at;
    for (bool begun = false; at < bytes; begun = true) {
        const size_t n = shell_word(line + at, bytes - at), columns = terminal_columns(line + at, n);
        const size_t behind = at + n < bytes ? 2 : 0; /* " \" if the next word finds no room */
        if (begun && used + 1 + columns + behind > width) {
            fprintf(out, " \\\n%*s", MORE, "");
            used = MORE;
            begun = false;
        }
        fprintf(out, "%s%.*s", begun ? " " : "", (int)n, line + at);
        used += columns + begun;
        at += n;
        at += at < bytes;
    }
    fputc('\n', out);
}
