#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# examples/detect.c and tokenize.c against the installed library through pkg-config: check_installed.sh SOURCE BUILD
set -eu
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
DESTDIR=$to meson install -C "$2" --no-rebuild --quiet
config=$(find "$to" -name pleione.pc)
export PKG_CONFIG_SYSROOT_DIR="$to" PKG_CONFIG_PATH="$(dirname "$config")"
libdir=$(dirname "$(find "$to" -name libpleione.so)")
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror "$1/examples/detect.c" -o "$to/detect" $(pkg-config --cflags --libs pleione)
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror "$1/examples/tokenize.c" -o "$to/tokenize" $(pkg-config --cflags --libs pleione)
[ "$(wc -l <"$1/examples/detect.c")" -le 25 ] || { echo "examples/detect.c has more than 25 lines"; exit 1; }
cd "$1"
answer=$(LD_LIBRARY_PATH="$libdir" "$to/detect")
[ "$answer" = "prophet 0.45" ] || { echo "detect says \"$answer\""; exit 1; }
[ "$(wc -l <examples/tokenize.c)" -le 20 ] || { echo "examples/tokenize.c has more than 20 lines"; exit 1; }
LD_LIBRARY_PATH="$libdir" "$to/tokenize" models/electra-tiny-discriminator "The king" | grep -q "king *4-8" || { echo "tokenize says something else"; exit 1; }
# Licence, pages, and every public header.
for file in LICENSE README.md CHANGELOG.md docs/design.md docs/backends.md; do
    [ -f "$(find "$to" -type d -path '*/share/doc/pleione')/$file" ] || { echo "$file is not installed"; exit 1; }
done
for header in "$1"/api/*.h; do
    [ -f "$(find "$to" -type d -path '*/include/pleione')/$(basename "$header")" ] || { echo "$header is not installed"; exit 1; }
done
# The installed command finds the installed plugins.
command=$(find "$to" -type f -path '*/bin/pleione')
for plugin in $(find "$2/backends" -name 'pleione-*.so' | sed 's#.*/pleione-##; s#\.so$##'); do
    LD_LIBRARY_PATH="$libdir" "$command" devices | grep -q "^$plugin" || { echo "the installed command does not list $plugin"; exit 1; }
done
# And the model that it comes with.
LD_LIBRARY_PATH="$libdir" "$command" verify --device reference >"$to/verdict" || { cat "$to/verdict"; exit 1; }
# And the licence, and a man page for each command.
[ -n "$(find "$to" -path '*/doc/pleione/LICENSE')" ] || { echo "no licence is installed"; exit 1; }
for page in $(cd "$2/docs" && ls ./*.1 2>/dev/null); do
    [ -n "$(find "$to" -path "*/man1/$(basename "$page")")" ] || { echo "$page is not installed"; exit 1; }
done
