#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each public header alone, in C11 and in C++11, and a program in C++11: check_languages.sh SOURCE LIBRARY
set -u
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v g++ >/dev/null || { echo "no g++"; [ -n "${CI:-}" ] && exit 1; exit 77; }
for header in "$1"/api/*.h; do
    printf '#include "%s"\nint main(void)\n{\n    return 0;\n}\n' "$header" >"$work/alone.c"
    gcc -std=c11 -Wall -Wextra -pedantic -Werror -fsyntax-only "$work/alone.c" || { echo "$header is not C11"; failed=1; }
    g++ -std=c++11 -Wall -Wextra -pedantic -Werror -fsyntax-only -x c++ "$work/alone.c" || { echo "$header is not C++11"; failed=1; }
done
cat >"$work/plugin.c" <<EOF
#include "pleione_backend.h"
static const unsigned of_before_0_2[] = {PLN_LOG_ERROR, PLN_LOG_WARNING, PLN_LOG_INFO, PLN_LOG_DEBUG, PLN_KIND_CPU, PLN_KIND_INTEGRATED,
                                         PLN_KIND_DISCRETE, PLN_KIND_OTHER, PLN_DEVICE_HOST_MEMORY, PLN_DEVICE_UNUSABLE};
int main(void)
{
    return of_before_0_2[0] != 1;
}
EOF
gcc -std=c11 -Wall -Wextra -pedantic -Werror -fsyntax-only -I"$1/api" "$work/plugin.c" || { echo "names of before 0.2 are gone"; failed=1; }
g++ -std=c++11 -Wall -Wextra -pedantic -Werror -I"$1/api" "$1/tests/api/detect.cc" "$2" -o "$work/detect" || exit 1
answer=$(LD_LIBRARY_PATH=$(dirname "$2") "$work/detect" "$1/models/electra-tiny-discriminator")
[ "$answer" = "prophet 0.45" ] || { echo "the program in C++ says \"$answer\""; failed=1; }
exit $failed
