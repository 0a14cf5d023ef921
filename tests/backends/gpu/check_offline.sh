#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The OpenCL programs of every op's cases through compilers for GPUs that are not here: Intel's (dg2, tgllp) and clang's for
# NVIDIA. check_offline.sh CONFORM PLUGIN. A compiler that is missing is a failure with CI set, else a skip.
set -u
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
for need in ocloc clang; do
    command -v $need >/dev/null || { echo "no $need"; [ -n "${CI:-}" ] && exit 1; exit 77; }
done
mkdir "$to/intel" "$to/nvidia"
for vendor in intel nvidia; do
    "$1" "$2" --option variant=gpu --option vendor=$vendor --dump "$to/$vendor" --quick --thin 9 >"$to/log" ||
        { cat "$to/log"; exit 1; }
done
texts=$(ls "$to"/intel/*.cl | sed 's/-[0-9]*\.cl$//' | sort -u | wc -l)
failed=0
passed=0
for text in "$to"/intel/*.cl; do
    options=$(cat "${text%.cl}.options")
    for device in dg2 tgllp; do
        if (cd "$to" && ocloc compile -q -file "$text" -device $device -options "$options" -output_no_suffix -output x) >"$to/log" 2>&1 &&
            [ -s "$to/x.bin" -o -s "$to/x" ]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "$(basename "$text") ($options) does not compile for $device:"
            head -5 "$to/log"
        fi
        rm -f "$to"/x "$to"/x.*
    done
done
for text in "$to"/nvidia/*.cl; do
    if clang -target nvptx64-nvidia-nvcl -x cl -cl-std=CL1.2 -O2 -nogpulib -Xclang -finclude-default-header \
        $(cat "${text%.cl}.options") -S -o "$to/x.ptx" "$text" >"$to/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$(basename "$text") does not compile for nvptx64:"
        head -5 "$to/log"
    fi
done
echo "$texts texts; $passed passed, $failed failed"
[ $failed -eq 0 ] && [ "$texts" -ge 30 ]
