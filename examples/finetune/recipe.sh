#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fine-tunes MODEL on the sets of wordnet_sets.py: a classifier, a tagger, one that answers questions; in f16 in OUT.
#     recipe.sh MODEL SETS OUT [OPTION OF FINETUNE...]        PLEIONE: the command (default build/cli/pleione)
set -eu
[ $# -ge 3 ] || { sed -n 3,4p "$0"; exit 2; }
pleione=${PLEIONE:-build/cli/pleione} model=$1 sets=$2 out=$3
shift 3
mkdir -p "$out"
learn() { # NAME TASK ENDING OPTION...; goes on where it stopped
    name=$1 task=$2 ending=$3
    shift 3
    "$pleione" finetune "$model" --task "$task" --train "$sets/$name-train.$ending" --validation "$sets/$name-validation.$ending" \
        --out "$out/$name-run" --seed 1 --dropout 0.1 --resume "$@"
    "$pleione" convert "$out/$name-run" "$out/$name" --dtype f16
    "$pleione" evaluate "$out/$name" --task "$task" --input "$sets/$name-test.$ending"
}
learn category classify csv --lr 3e-4 --epochs 4 "$@"
learn words tag conll --lr 1e-3 --layer-decay 0.9 --epochs 3 "$@"
learn definition answer json --lr 5e-4 --epochs 3 --max-length 192 "$@"
