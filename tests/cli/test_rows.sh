#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Devices apart: one that ends its process, fails or hangs costs its own row; what is listed, and why not; options that
# change nothing are said: test_rows.sh PLEIONE SOURCE FOLDER_OF_ROGUE
set -u
case $1 in /*) pleione=$1 ;; *) pleione=$PWD/$1 ;; esac
disc=$2/models/electra-tiny-discriminator
rogues=$3
PLEIONE_BACKEND_PATH=$rogues
export PLEIONE_BACKEND_PATH
# What is remembered of a plugin hangs on its file, and here on ROGUE.
XDG_CACHE_HOME=$(mktemp -d)
export XDG_CACHE_HOME
. "$2/tests/cli/check.sh"
ended="the device or its driver ended its process by signal 6"
few="--devices reference,rogue --shapes 1x4"

fail() {
    echo "FAILED: $*"
    sed 's/^/    /' "$to/out" "$to/err" | head -5
    failed=$((failed + 1))
}

# lost CODE WHY ARGUMENTS...: the row of the rogue says why, and the one of the reference is there
lost() {
    expected=$1 reason=$2
    shift 2
    check "$expected" "$reason" "$@" -o "$to/rows.json" -o "$to/rows.csv" -o "$to/rows.md" --plot "$to/rows.svg"
    grep -q "^reference .*1x4 .*[0-9]" "$to/out" || fail "ROGUE=$ROGUE $*: no row of the reference"
    grep "^rogue" "$to/out" | grep -q "lost: .*$reason" || fail "ROGUE=$ROGUE $*: the row of the rogue does not say why"
    for file in json csv md; do # the picture has bars of what was measured
        grep -qs rogue "$to/rows.$file" || fail "ROGUE=$ROGUE $*: rows.$file has no rogue"
    done
    rm -f "$to"/rows.*
}

for ROGUE in load list open run; do
    export ROGUE
    # shellcheck disable=SC2086
    [ $ROGUE = run ] && code=1 || code=3 # what a plugin does before it runs is known before
    lost $code "$ended" compare "$disc" $few
    check 0 "$ended" devices
    grep -q "^rogue *not usable" "$to/out" && grep -q "^reference *plain C" "$to/out" || fail "devices, ROGUE=$ROGUE"
    check 0 king run "$disc" king # which is auto
done
for ROGUE in run fail; do
    export ROGUE
    [ $ROGUE = run ] && why=$ended || why="the rogue is lost"
    for mode in "--seconds 0.01" --memory "--overhead --seconds 0.01" "--profile --seconds 0.01"; do
        # shellcheck disable=SC2086
        lost 1 "$why" bench "$disc" $few $mode
    done
    # shellcheck disable=SC2086
    lost 1 "$why" bench "$2/tests/generation/cases/writer" $few --generate --seconds 0.01
    check 0 "$why" devices --device rogue
done

# an interrupt ends what hangs
ROGUE=hang ROGUE_PID=$to/pid "$pleione" bench "$disc" --devices rogue --shapes 1x4 >"$to/out" 2>"$to/err" &
bench=$!
while [ ! -s "$to/pid" ]; do sleep 0.1; done
kill -INT $bench
wait $bench
[ $? -eq 130 ] || fail "an interrupt of a row that hangs is not exit code 130"
kill -0 "$(cat "$to/pid")" 2>/dev/null && fail "the process of a row outlives the command"

# below the roof of arithmetic, where the processor has that much, but faster than weights can be read: the best of many runs
ROGUE=swift
check 1 "the measurement is wrong" bench "$disc" --devices rogue --shapes 1x1 --threads 1 --seconds 0.3
unset ROGUE

# folders of plugins, and of caches
mkdir "$to/anybody" "$to/mine"
chmod 777 "$to/anybody"
cp "$rogues/pleione-rogue.so" "$to/anybody/pleione-open.so"
cp "$rogues/pleione-rogue.so" "$to/mine/pleione-near.so"
cd "$to/mine" || exit 1
PLEIONE_BACKEND_PATH=$to/anybody:.:$to/nowhere
check 0 "warning: no plugin of $to/anybody is loaded: others than its owner may write there" devices
check 0 "warning: no plugin of . is loaded: it is not absolute" devices
grep -q "^open *not usable: .*others than its owner" "$to/out" || fail "an open folder is not listed with its reason"
grep -q "^near *not usable: .*not absolute" "$to/out" || fail "a relative folder is not listed with its reason"
check 3 "others than its owner may write there" run "$disc" king --device open
PLEIONE_BACKEND_PATH=$rogues
check 3 "no device nothing" devices --device nothing
XDG_CACHE_HOME=relative
export XDG_CACHE_HOME
for device in vulkan opencl cpu; do
    "$pleione" devices 2>/dev/null | grep -q "^$device *not usable" || check 0 "XDG_CACHE_HOME is no absolute path" devices --device $device
done
[ -e relative ] && fail "a relative XDG_CACHE_HOME was written to"
unset XDG_CACHE_HOME

# options twice
check 2 '"threads" is given twice' bench "$disc" --devices reference --each threads=1,2 --each threads=2
check 2 'device reference is named twice' compare "$disc" --devices reference,rogue,reference
check 2 'texts or --shapes' compare "$disc" king --devices reference --shapes 1x4
check 2 'has its own' bench "$disc" --devices reference --lengths 2-4 --ragged 2x2-8
check 2 'beside --kernels' devices --device-option precision=f64
check 2 '"2" is given twice' bench "$disc" --devices reference --each threads=2,1,2
check 2 'no number of threads' bench "$disc" --devices reference --each threads=1x

# half floats, where there is OpenCL
if "$pleione" devices --device opencl | grep -q "storage="; then
    python3 "$2/tests/cli/finer.py" "$disc" "$to/finer"
    check 0 agrees compare "$to/finer" --devices opencl --shapes 1x4 --each storage=f32,f16 --json
    python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert [r["dtype"] for r in rows] == ["f32", "f16"]
assert rows[1]["largest_difference"] > 4 * rows[0]["largest_difference"], "f16 changes nothing"' "$to/out" || fail "storage=f16 beside f32"
    check 2 "storage=f16 needs variant=gpu" run "$disc" king --device opencl --device-option storage=f16 --device-option variant=cpu
    check 0 "options tile and vendor change nothing" run "$disc" king --device opencl --device-option tile=linear:64x64 --device-option variant=cpu
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
