#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Conformance fails a plugin for each fault, and says so by its exit code. broken.sh CONFORM PLUGIN
set -u
status=0
expect() { # CODE FAULT ARGUMENTS...
    code=$1 fault=$2
    shift 2
    output=$("$conform" "$plugin" --option fault="$fault" --quick --first "$@" 2>&1)
    got=$?
    echo "$fault $*: exit $got, $(echo "$output" | grep -m 1 -E 'FAILED|refused|no such' || echo "$output" | tail -1)"
    [ $got = "$code" ] || { echo "expected exit $code"; status=1; }
}
conform=$1 plugin=$2
expect 0 none
for fault in element unwritten row guard input bytes; do
    expect 5 $fault --op linear
done
expect 5 padding --op linear --case 31x33x50
expect 5 padding --op layer_norm --case 31x33
expect 5 stale --op linear
expect 5 refuse --complete
expect 1 refuse
expect 2 unknown
expect 77 unknown --skip-refused-options
exit $status
