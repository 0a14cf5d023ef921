#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Backends from the installed package alone: the walk of docs/backends.md, and both examples with their own meson.build.
# check_out_of_tree.sh SOURCE BUILD PYTHON
set -eu
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
DESTDIR=$to meson install -C "$2" --no-rebuild --quiet
config=$(find "$to" -name pleione-backend.pc)
prefix=$(cd "$(dirname "$(find "$to" -type f -path '*/bin/pleione')")/.." && pwd)
export PKG_CONFIG_SYSROOT_DIR="$to" PKG_CONFIG_PATH="$(dirname "$config")"
LD_LIBRARY_PATH=$(dirname "$(find "$to" -name libpleione.so)")
PATH=$prefix/bin:$PATH
MODEL=$prefix/share/pleione/models/electra-tiny-discriminator
export LD_LIBRARY_PATH PATH MODEL
[ -z "$(pkg-config --libs pleione-backend)" ] || { echo "pleione-backend.pc links something"; exit 1; }
for page in ops.md support.md backends.md; do
    [ -f "$prefix/share/doc/pleione/docs/$page" ] || { echo "$page is not installed"; exit 1; }
done
mkdir -m 755 "$to/walk"
"$3" "$1/tests/docs/walk.py" "$prefix/share/doc/pleione/docs/backends.md" "$to/walk"

build() { # NAME: examples/backend-NAME, copied away from the tree
    cp -r "$1" "$to/$2"
    meson setup "$to/$2/build" "$to/$2" >"$to/log" 2>&1 || { cat "$to/log"; exit 1; }
    ninja -C "$to/$2/build" >"$to/log" 2>&1 || { cat "$to/log"; exit 1; }
    chmod 755 "$to/$2/build"
    sh "$3/tests/tree/check_plugins.sh" "$to/$2/build/pleione-$2.so"
}
build "$1/examples/backend-mini" mini "$1"
[ "$(cat "$1"/examples/backend-mini/mini.c | wc -l)" -le 250 ] || { echo "mini.c has more than 250 lines"; exit 1; }
pleione conform "$to/mini/build/pleione-mini.so" --op linear --level 1 >"$to/log" || { cat "$to/log"; exit 1; }
[ -f /usr/include/oneapi/dnnl/dnnl.h ] || { echo "no oneDNN (libdnnl-dev)"; [ -n "${CI:-}" ] && exit 1; exit 77; }
build "$1/examples/backend-onednn" onednn "$1"
plugin=$to/onednn/build/pleione-onednn.so
pleione conform "$plugin" --op linear --case "1x" --level 1 >"$to/log" || { cat "$to/log"; exit 1; }
pleione conform "$plugin" --op layer_norm --level 1 >"$to/log" || { cat "$to/log"; exit 1; }
# bf16 where the processor has it.
pleione conform "$plugin" --op linear --case "rounded one by one" --json >"$to/log" || true
grep -q '"bf16": {"state": "\(native\|refused\)"' "$to/log" || { cat "$to/log"; exit 1; }
export PLEIONE_BACKEND_PATH="$to/onednn/build"
pleione compare "$MODEL" --devices onednn+cpu,cpu --threads 1 >"$to/log" || { cat "$to/log"; exit 1; }
grep -q '^onednn+cpu .*agrees' "$to/log" || { cat "$to/log"; exit 1; }
