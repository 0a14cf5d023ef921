#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes the data, the vocabulary and both halves of the tiny models in a folder:
#
#     examples/pretrain/pretrain.sh FOLDER [OPTION...]
#
# Most of the steps see texts of at most 64 tokens, where learning is fastest; the last ones see texts of at most 512 while
# the rate falls to 0. What comes out lies in FOLDER/second. Called again it goes on where it was stopped, which may be at
# any moment. Options are those of `pleione pretrain`, for instance --threads 1. PLEIONE names the command, if it is not in
# the path.
set -e
folder=${1:?usage: pretrain.sh FOLDER [OPTION...]}
shift
here=$(dirname "$0")
pleione=${PLEIONE:-pleione}

if [ ! -f "$folder/tokenizer/vocab.txt" ]; then
    mkdir -p "$folder/tokenizer"
    python3 "$here/gather.py" "$folder"
    cp "$here/tokenizer_config.json" "$folder/tokenizer"
    "$pleione" vocab "$folder/train.txt" --size 8192 -o "$folder/tokenizer/vocab.txt"
fi

stage() {
    out=$1
    shift
    "$pleione" pretrain "$folder/train.txt" --vocab "$folder/tokenizer" --out "$out" --resume --sharing all \
        --dropout 0 --beta2 0.98 --lr 1e-3 --discriminator-weight 20 --validation "$folder/validation.txt" "$@"
}
if [ ! -d "$folder/stretched" ]; then
    stage "$folder/first" --config "$here/config.json" --generator-size 1 --batch 32 --max-length 64 --steps 12000 \
        --schedule constant --warmup 500 --seed 1 --validate-every 500 --validation-examples 480 --save-every 250 "$@"
    python3 "$here/stretch.py" "$folder/first" "$folder/stretched" 64
fi
stage "$folder/second" --init "$folder/stretched" --batch 8 --max-length 512 --steps 3000 \
    --schedule linear --warmup 100 --seed 2 --validate-every 250 --validation-examples 240 --save-every 250 "$@"
