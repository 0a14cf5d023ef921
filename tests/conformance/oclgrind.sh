#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The OpenCL kernels of both variants under oclgrind: no access out of bounds, no data race. It is for one thread at a time,
# so runs beside others (level 4) are not its. oclgrind.sh CONFORM PLUGIN
set -u
icd=$(mktemp -d)
trap 'rm -rf "$icd"' EXIT
library=$(ls /usr/lib/*/oclgrind/liboclgrind-rt-icd.so /usr/lib/*/liboclgrind-rt-icd.so 2>/dev/null | head -1)
[ -n "$library" ] || { echo "no oclgrind"; [ -n "${CI:-}" ] && exit 1; exit 77; }
echo "$library" >"$icd/oclgrind.icd"
export OCL_ICD_VENDORS="$icd" OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1 OCLGRIND_LOG="$icd/log"
for variant in cpu gpu; do
    "$1" "$2" --option variant=$variant --quick --thin 2 --level 2 || exit 1
done
# A tile that no small shape takes by itself, over windows of keys.
"$1" "$2" --option variant=gpu --option tile=attention:24x64 --option range=65536 --op attention \
    --case "4x16, 3 sequences, plain" || exit 1
[ ! -s "$icd/log" ] || { head -20 "$icd/log"; exit 1; }
