#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A plugin exports one symbol and links nothing of ours: check_plugins.sh PLUGIN...
set -eu
for plugin; do
    exported=$(nm -D --defined-only "$plugin" | awk '{ print $3 }')
    [ "$exported" = pln_backend_query ] || { echo "$plugin exports: $exported"; exit 1; }
    ! nm -D --undefined-only "$plugin" | grep -E ' pln_' || { echo "$plugin needs symbols of the library"; exit 1; }
    ! ldd "$plugin" | grep pleione || { echo "$plugin links the library"; exit 1; }
done
