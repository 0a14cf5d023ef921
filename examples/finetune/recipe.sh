#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fine-tunes MODEL on the sets of wordnet_sets.py: a classifier, a tagger, one that answers questions; in f16 in OUT.
#     recipe.sh MODEL SETS OUT [OPTION OF FINETUNE...]        PLEIONE: the command (default build/cli/pleione)
set -eu
[ $# -ge 3 ] || { sed -n 3,4p "$0"; exit 2; }
pleione=${PLEIONE:-build/cli/pleione} model=$1 sets=$2 out=$3
shift 3
mkdir -p "$out"
learn() { # NAME MODEL TASK ENDING OPTION...; goes on where it stopped
    name=$1 from=$2 task=$3 ending=$4
    shift 4
    "$pleione" finetune "$from" --task "$task" --train "$sets/$name-train.$ending" --validation "$sets/$name-validation.$ending" \
        --out "$out/$name-run" --seed 1 --resume "$@"
}
keep() { # NAME TASK ENDING
    "$pleione" convert "$out/$1-run" "$out/$1" --dtype f16
    "$pleione" evaluate "$out/$1" --task "$2" --input "$sets/$1-test.$3"
}
learn category "$model" classify csv --lr 3e-4 --epochs 4 --dropout 0.1 "$@"
keep category classify csv
learn words "$model" tag conll --lr 1e-3 --layer-decay 0.9 --epochs 3 --dropout 0.1 "$@"
keep words tag conll
learn short "$model" answer json --lr 1e-3 --layer-decay 1 --epochs 3 --dropout 0 --max-length 64 "$@"
learn definition "$out/short-run" answer json --lr 5e-4 --layer-decay 1 --epochs 2 --dropout 0 --max-length 192 "$@"
keep definition answer json
