#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes the data, the vocabulary and both halves of the tiny models in a folder:
#
#     examples/pretrain/pretrain.sh FOLDER [OPTION...]
#
# Called again it goes on where it was stopped, which may be at any moment. Options are those of `pleione pretrain`, for
# instance --threads 1. PLEIONE names the command, if it is not in the path.
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
exec "$pleione" pretrain "$folder/train.txt" --vocab "$folder/tokenizer" --out "$folder/run" --resume \
    --config "$here/config.json" --sharing all --generator-size 1 --dropout 0 --beta2 0.98 \
    --batch 32 --max-length 64 --steps 12000 --lr 1e-3 --warmup 500 --discriminator-weight 20 --seed 1 \
    --validation "$folder/validation.txt" --validate-every 500 --validation-examples 480 --save-every 250 "$@"
