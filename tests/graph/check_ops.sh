#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# api/pleione_ops.h is what graph/generate_ops.py makes of ops.def and activations.def.
"$1" "$2/graph/generate_ops.py" | diff -u "$2/api/pleione_ops.h" -
