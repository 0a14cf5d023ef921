#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench and compare: each format read back, rows by options, impossible rates, files that cannot be written:
# test_side_by_side.sh PLEIONE SOURCE FOLDER_OF_IMPOSTOR
set -u
pleione=$1
disc=$2/models/electra-tiny-discriminator
read_back=$2/tests/cli/check_outputs.py
PLEIONE_BACKEND_PATH=$3
export PLEIONE_BACKEND_PATH
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
failed=0
passed=0

fail() {
    echo "FAILED: $*"
    failed=$((failed + 1))
}

# check CODE "what stdout or stderr must hold" ARGUMENTS...: and one sentence on stderr when it fails
check() {
    code=$1 text=$2
    shift 2
    "$pleione" "$@" >"$to/out" 2>"$to/err" </dev/null
    found=$?
    if [ $found -ne "$code" ] || ! cat "$to/out" "$to/err" | grep -qF -- "$text"; then
        fail "pleione $*: exit code $found, expected $code with \"$text\""
        sed 's/^/    /' "$to/out" "$to/err" | head -5
    elif [ "$code" -ne 0 ] && [ "$code" -ne 5 ] && [ "$(wc -l <"$to/err")" -ne 1 ]; then
        fail "pleione $*: $(wc -l <"$to/err") lines on stderr, expected one sentence"
    else
        passed=$((passed + 1))
    fi
}

# tables ROWS "KEY..." ARGUMENTS...: every format, read back
tables() {
    rows=$1 keys=$2
    shift 2
    rm -f "$to"/table.*
    check 0 device "$@" -o "$to/table.json" -o "$to/table.csv" -o "$to/table.md" --plot "$to/table.svg"
    # shellcheck disable=SC2086
    python3 "$read_back" "$to/table" "$rows" $keys && passed=$((passed + 1)) || fail "pleione $*: read back"
    [ "$(ls "$to" | grep -c 'table\.')" -eq 4 ] || fail "pleione $*: other files than asked for"
}

times="device shape first_ms best_ms median_ms tokens_per_s gflops of_roof_percent slower_percent verdict roof_gflops tokens"
fast="--devices reference --seconds 0.01"

# shellcheck disable=SC2086
{
    tables 2 "$times" bench $disc $fast --shapes 1x4,2x8
    tables 2 "$times" bench $disc $fast --each precision=f32,f64 --shapes 1x4
    tables 4 "$times" bench $disc $fast --each precision=f32,f64 --each threads=1,2 --shapes 1x4
    tables 3 "$times" bench $disc $fast --lengths 16,4,8
    tables 1 "$times" bench $disc $fast --ragged 4x2-8
    tables 2 "device shape p50_ms p90_ms tokens_per_s of_roof_percent largest_difference verdict planned_bytes" \
        compare $disc --devices reference --shapes 1x4,2x4-8
    tables 1 "device shape p50_ms verdict" compare $disc --devices reference "Where is thy computer?"
    tables 1 "device nodes run_us kernels_us host_us limit_us verdict" bench $disc $fast --overhead --shapes 1x4
    tables 2 "device weights_mb planned_mb peak_mb beyond_mb verdict" \
        bench $disc $fast --memory --each precision=f32,f64 --shapes 1x4

    tables 11 "device shape nodes time_ms share_percent" bench $disc $fast --profile --shapes 1x4

    # an option of one backend, beside a device that does not know it
    tables 3 "$times" bench $disc --devices reference,impostor:1 --seconds 0.01 --each reference.precision=f32,f64 --shapes 1x4

    # what the rows are
    "$pleione" bench $disc $fast --each threads=1,2 --shapes 1x4 --json | python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert [r["device"] for r in rows] == ["reference threads=1", "reference threads=2"] and [r["threads"] for r in rows] == [1, 2]
assert sorted(r["verdict"] for r in rows)[0] in ("close", "fastest") and min(r["slower_percent"] for r in rows) == 0' ||
        fail "rows of --each threads=1,2"
    "$pleione" bench $disc $fast --lengths 16,4,8 --json | python3 -c '
import json, sys
assert [json.loads(line)["seq"] for line in sys.stdin] == [4, 8, 16]' || fail "lengths are not in order"
    "$pleione" bench $disc $fast --ragged 8x2-8 --json | python3 -c '
import json, sys
row = json.loads(sys.stdin.read())
assert row["shape"] == "8x2-8" and 16 <= row["tokens"] < 64' || fail "ragged rows are not counted by real tokens"

    # rows in bf16, where the processor can
    if "$pleione" bench $disc --devices cpu --each math=f32,bf16 --shapes 1x4 --seconds 0.01 --json >"$to/out" 2>"$to/err"; then
        python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert [(r["device"], r["dtype"]) for r in rows] == [("cpu math=f32", "f32"), ("cpu math=bf16", "bf16")]' "$to/out" ||
            fail "rows of --each math=f32,bf16"
    else
        grep -q -e bf16 -e "no backend cpu" "$to/err" || fail "math=bf16 is refused without a reason"
    fi

    # int8 has a bound of its own, by the largest logit
    if "$pleione" devices --device cpu >/dev/null 2>&1; then
        check 0 agrees compare "${disc%/*}/electra-tiny-definition" --devices cpu --device-option math=int8 --shapes 8x64
    fi

    # rates that cannot be, and a roof by a plain product
    check 1 "the measurement is wrong" bench $disc --devices impostor --seconds 0.01 --shapes 8x128 -o "$to/impossible.json"
    check 1 "the measurement is wrong" compare $disc --devices impostor --shapes 8x128 -o "$to/impossible.md"
    check 0 "a plain product" bench $disc --devices impostor:1 --seconds 0.01 --shapes 1x8

    # an interrupt, also while a row has a process of its own
    for mode in "" --memory; do
        "$pleione" bench $disc --devices reference --shapes 8x128,8x127,8x126,8x125 --seconds 60 $mode -o "$to/impossible.md" >/dev/null 2>&1 &
        bench=$!
        sleep 1
        kill -INT $bench
        wait $bench
        [ $? -eq 130 ] && passed=$((passed + 1)) || fail "an interrupt of bench $mode is not exit code 130"
    done

    # wrong requests
    check 2 'does not end in .json, .csv, .md or .svg' bench $disc $fast -o "$to/impossible.pdf"
    check 2 'does not end in' bench $disc $fast -o "$to/impossible"
    check 2 'does not end in' bench $disc $fast -o "$to/.json"
    check 2 'does not end in .svg' compare $disc --devices reference --plot "$to/impossible.png"
    check 2 'named twice' bench $disc $fast -o "$to/impossible.svg" --plot "$to/impossible.svg"
    check 2 'one of' bench $disc $fast --overhead --memory
    check 2 'not KEY=A,B,C' bench $disc $fast --each threads
    check 2 'not KEY=A,B,C' bench $disc $fast --each threads=1,,2
    check 2 'no number of threads' bench $disc $fast --each threads=1,0
    check 2 'no chosen device knows' bench $disc $fast --each level=c,avx2
    check 2 'precision of reference is f32 or f64' bench $disc $fast --each precision=f32,f16
    check 2 'shapes' bench $disc $fast --ragged 32x128-16
    check 2 'lengths' bench $disc $fast --lengths 16,x
    check 2 'do not fit' bench $disc $fast --shapes 2x8 --lengths 3-9

    # files that cannot be written
    check 1 "nowhere/a.json cannot be written: No such file or directory" bench $disc $fast -o "$to/nowhere/a.json"
    mkdir "$to/folder.csv"
    check 1 "folder.csv cannot be written: Is a directory" bench $disc $fast --shapes 1x4 -o "$to/folder.csv"
    (
        trap '' XFSZ
        ulimit -f 0
        "$pleione" bench $disc $fast --shapes 1x4 -o "$to/impossible.csv" 2>&1 | cat
    ) | grep -q "impossible.csv cannot be written: File too large" || fail "a file that cannot grow goes unnoticed"
}
# shellcheck disable=SC2010
ls "$to" | grep -q -e impossible -e part && fail "something half-written was left behind"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
