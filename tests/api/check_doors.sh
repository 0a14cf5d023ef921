#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_doors.sh NM LIBRARY TEST: TEST --list names every pln_ function that the library exports, and no other.
set -eu
exported=$(mktemp)
tried=$(mktemp)
trap 'rm -f "$exported" "$tried"' EXIT
"$1" -D --defined-only "$2" | awk '$2 == "T" && $3 ~ /^pln_/ { print $3 }' | LC_ALL=C sort >"$exported"
"$3" --list | LC_ALL=C sort >"$tried"
[ -s "$exported" ]
diff "$exported" "$tried" && echo "$(wc -l <"$exported") functions"
