#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A header that is checked in is what its generator makes: $1 python, $2 the generator, $3 the header.
"$1" "$2" | diff -u "$3" -
