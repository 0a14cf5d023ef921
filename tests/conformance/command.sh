#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `pleione conform`: exit codes, and what it says of wrong arguments. command.sh PLEIONE
set -u
status=0
expect() { # CODE TEXT ARGUMENTS...
    code=$1 text=$2
    shift 2
    output=$("$pleione" conform "$@" 2>&1)
    got=$?
    if [ $got != "$code" ] || ! echo "$output" | grep -q "$text"; then
        echo "conform $*: exit $got, expected $code and \"$text\""
        echo "$output"
        status=1
    fi
}
pleione=$1
expect 0 "L1 f32 inference .* reached" reference --op gather --level 1
expect 1 "L3 half types .* nothing of it is taken" reference --op gather --level 3
expect 0 '"exit": 0' reference --op gather --json
expect 0 "speed" reference --op layer_norm --case "layer_norm 1x1x1" --perf
expect 0 "L5 gather: plans without memory" reference --op gather --list
expect 5 "invalid ELF header\|file too short" "$0"
expect 2 "No such file" /no/such/plugin.so
expect 2 "no op or group of cases is called" reference --op no-such-op
expect 2 "0 to 5" reference --level 6
expect 2 "one PLUGIN.so"
expect 2 "no-such-key" reference --device-option no-such-key=1
expect 3 "no device 7" reference --device 7
exit $status
