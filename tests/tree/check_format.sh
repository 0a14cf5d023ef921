#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format 14 writes it with .clang-format: check_format.sh ROOT. Another version breaks lines elsewhere, so it
# is not asked. Kernels are no C.
cd "$1" || exit 1
formatter=$(command -v clang-format-14 || command -v clang-format)
if [ -z "$formatter" ]; then
    echo "there is no clang-format"
    [ -n "${CI:-}" ] && exit 1
    exit 77
fi
case $("$formatter" --version) in
*"version 14."*) ;;
*) echo "this is not clang-format 14"; exit 77 ;;
esac
find . -name 'build*' -prune -o -name '.*' -type d ! -name . -prune -o -path ./backends/gpu/kernels -prune \
    -o \( -name '*.c' -o -name '*.h' \) -print | sort | xargs "$formatter" --dry-run -Werror 2>&1 | grep 'error:' && exit 1
exit 0
