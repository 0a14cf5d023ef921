# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of the command, which set $pleione: a folder of their own, checks, and their counts.
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
failed=0
passed=0

# check CODE "what stdout or stderr must hold" ARGUMENTS...
check() {
    code=$1 text=$2
    shift 2
    "$pleione" "$@" >"$to/out" 2>"$to/err" </dev/null
    found=$?
    sentences=$(grep -vc 'warning' "$to/err")
    if [ $found -ne "$code" ] || { [ -n "$text" ] && ! cat "$to/out" "$to/err" | grep -qF -- "$text"; }; then
        echo "FAILED: pleione $*: exit code $found, expected $code with \"$text\""
        sed 's/^/    /' "$to/out" "$to/err" | head -5
        failed=$((failed + 1))
    elif [ "$code" -gt 0 ] && [ "$code" -lt 5 ] && [ "$sentences" -ne 1 ]; then
        echo "FAILED: pleione $*: $sentences lines on stderr, expected one sentence"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}
