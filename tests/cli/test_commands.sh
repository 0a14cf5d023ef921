#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command as a person uses it: answers, exit codes, one clear sentence for what is wrong: test_commands.sh PLEIONE SOURCE
set -u
pleione=$1
models=$2/models
. "$2/tests/cli/check.sh"
python3 "$2/tests/cli/broken.py" "$models/electra-tiny-discriminator" "$to" || exit 1

disc=$models/electra-tiny-discriminator
gen=$models/electra-tiny-generator
on="--device reference"

# answers
check 0 "0.449     26     33  prophet" run $disc $on "This program reads a text prophet and prints the number of lines."
check 0 '"word":"computer"' run $disc $on --json "Where is thy computer?"
check 0 "unto" run $gen $on "And the LORD said [MASK] Moses."
check 0 "2 622 602 1394 1124 3" tokenize $disc "$2/tests/cli/line.txt"
check 0 '"tokens":["[CLS]","and","the","king","said","[SEP]"]' tokenize $disc --json "$2/tests/cli/line.txt"
check 0 "2 622 602 1394 1124 3" tokenize $disc --tokenizer-mode google "$2/tests/cli/line.txt"
check 2 "none of fast, slow, google" tokenize $disc --tokenizer-mode python "$2/tests/cli/line.txt"
check 0 "reference" devices
check 0 '"usable":true' devices --json
check 0 "together" estimate $disc -b 2 -s 16 $on
check 0 '"total_bytes"' estimate $disc -b 2 -s 16 $on --json --head masked-lm
check 0 "together" estimate "$to/no-weights" -b 2 -s 16 $on
check 0 "layer.3.attention" explain $disc $on
check 0 '"node":"embeddings"' explain $disc $on --json
check 0 "linear(" explain $disc $on --graph
check 0 "digraph" explain $disc $on --dot
check 0 "agrees" compare $disc --devices reference
check 0 '"verdict":"agrees"' compare $disc --devices reference --json --shapes 1x8,2x5
check 0 '"tokens_per_s"' bench $disc --devices reference --shapes 2x8 --lengths 3-8 --seconds 0.05 --json
check 0 "" forward $disc $on --inputs "$to/good.safetensors" --outputs "$to/o.safetensors" --hidden-states --attentions
check 0 "" forward $disc $on --head masked-lm --inputs "$to/good.safetensors" --outputs "$to/o.safetensors"
grep -q "generator_predictions.dense.weight" "$to/err" || { echo "FAILED: no warning names the head that was drawn"; failed=$((failed + 1)); }
for command in run forward compare bench explain estimate tokenize vocab devices; do check 0 "examples:" $command --help; done
check 0 "exit codes" --help
check 0 "[MASK]" vocab "$2/tests/cli/line.txt"
check 0 "the texts give 22 entries, not 30000" vocab "$2/tests/cli/line.txt" -o "$to/vocab.txt" --threads 2
[ "$(wc -l <"$to/vocab.txt")" -eq 22 ] || { echo "FAILED: the vocabulary has not 22 lines"; failed=$((failed + 1)); }
check 0 "alphabet alone are 22 entries, more than 9" vocab "$2/tests/cli/line.txt" --size 9
check 0 "[only]" vocab "$2/tests/cli/line.txt" --special "[only]" --cased --min-frequency 1

# usage: 2
check 2 'no command "walk"' walk
check 2 "no option --colour" run $disc --colour blue
check 2 "needs a value" run $disc --device
check 2 "needs a MODEL" run
check 2 "--inputs" forward $disc
check 2 'no head "tail"' forward $disc --head tail --inputs a --outputs b
check 2 "no chosen device knows" run $disc $on --device-option level=c "a"
check 2 "precision of reference is f32 or f64, not f16" run $disc $on --device-option precision=f16 "a"
check 2 "no chosen device knows" run $disc $on --device-option cpu.level=c "a"
check 2 "not KEY=VALUE" run $disc $on --device-option level "a"
check 2 "not in the list" run $disc $on --place 'layer.*=cpu' "a"
check 2 "not PATTERN=DEVICE" run $disc $on --place 'layer' "a"
check 1 "no [MASK]" run $gen $on "no mask"
check 1 "the model takes at most 512" run $disc $on "$(yes word | head -600 | tr '\n' ' ')"
check 2 "shapes" bench $disc --shapes 8by128
check 2 "nowhere.txt cannot be opened" vocab "$2/tests/cli/line.txt" "$to/nowhere.txt"
check 2 'special token "a b"' vocab "$2/tests/cli/line.txt" --special "a b"
check 2 '"0" is not N, a whole number from 1 to 4294967294' vocab "$2/tests/cli/line.txt" --size 0
check 2 "takes at most 512" estimate $disc -b 1 -s 600 $on
for wrong in "id-out-of-range:8192" "negative-id:-1" "too-long:513" "both:both input_ids and inputs_embeds" "neither:neither" \
    "wrong-width:expected width 128 (embedding_size), found 95" "wrong-mask:attention_mask: expected [1, 3], found [1, 2]" \
    "unknown-name:input_idz" "wrong-labels:labels: expected [1, 2], found [1, 1]" "float-ids:expected whole numbers"; do
    check 2 "${wrong#*:}" forward $disc $on --inputs "$to/${wrong%%:*}.safetensors" --outputs "$to/never.safetensors"
done
check 2 '"-1" is not N, a whole number from 1 to 4294967294' run $disc --threads -1 a
check 2 '"1e99" is not S, a whole number from 0 to 18446744073709551615' run $disc --seed 1e99 a
check 2 '"nan" is not S, a number above 0, at most 1000000' bench $disc --seconds nan
check 2 '"0x1" is not X, a number from 0 to 3.4e38' train $disc --lr 0x1
check 2 '"1e999" is not X, a number from 0 to 3.4e38' train $disc --lr 1e999
check 2 '"" is not LIST, a text that is not empty' run $disc --device= a
check 2 '"" is not TOKEN, a text that is not empty' vocab "$2/tests/cli/line.txt" --special ""
check 2 "option --device is given twice" run $disc --device cpu --device reference a
check 2 "option --math is given twice" run $disc --math bf16 --math f32 a
for wrong in -1x4 1x-4 1x4, ,1x4 1x 2x8-4 2x0-4 2x3-4x 1x4294967297 "1x 4"; do check 2 "1x16,8x128" bench $disc "--shapes=$wrong"; done
check 2 "nothing.safetensors" forward $disc $on --inputs "$to/nothing.safetensors" --outputs "$to/never.safetensors"
[ ! -e "$to/never.safetensors" ] || { echo "FAILED: an output file was left behind"; failed=$((failed + 1)); }

# devices: 3
check 3 "toaster" run $disc --device toaster "a"
check 3 "reference:7" run $disc --device reference:7 "a"

# model files: 4
check 4 "nowhere" run "$to/nowhere" $on "a"
for wrong in "unknown-activation:swoosh" "weighted-activation:prelu" "odd-heads:num_attention_heads 3" "not-electra:no text" \
    "wrong-positions:rotary" "no-weights:model.safetensors" "no-config:config.json" "no-vocab:vocab.txt" "config-no-json:config.json" \
    "long-header:9223372036854775808" "header-past-end:model.safetensors" "truncated:model.safetensors" "empty:the file is empty" \
    "overlap:model.safetensors" "lying-shape:word_embeddings" "lacking:word_embeddings" \
    "other-shape:electra.embeddings.token_type_embeddings.weight: expected floats [2, 95], found f16 [2, 128]"; do
    check 4 "${wrong#*:}" run "$to/${wrong%%:*}" $on "a"
done

mkdir "$to/other-tokenizer"
cp $disc/config.json $disc/model.safetensors "$to/other-tokenizer"
echo '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}' >"$to/other-tokenizer/tokenizer.json"
check 4 "a model of type BPE is not WordPiece" run "$to/other-tokenizer" $on "a"
check 4 "a model of type BPE is not WordPiece" tokenize "$to/other-tokenizer"
check 4 "a model of type BPE is not WordPiece" explain "$to/other-tokenizer" $on
check 4 "guessing" estimate "$to/wrong-problem" -b 1 -s 8 --head sequence-classification $on
check 0 "a" run "$to/wrong-problem" $on "a" # its head never reads the field

for kind in BPE Unigram; do
    cp -r $disc "$to/$kind"
    echo '{"model": {"type": "'$kind'", "vocab": [["a", -1.5]]}}' >"$to/$kind/tokenizer.json"
    check 4 "tokenizer.json: a model of type $kind is not WordPiece" tokenize "$to/$kind" "$2/tests/cli/line.txt"
    check 4 "tokenizer.json: a model of type $kind is not WordPiece" run "$to/$kind" $on "a"
done
cp -r $disc "$to/larger"
chmod -R u+w "$to/larger"
echo "zzzz" >>"$to/larger/vocab.txt"
check 0 "its tokenizer has 8193 tokens, the model only 8192" run "$to/larger" $on "a"
printf '\357\273\277[UNK]\r\n[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nthe \r\n' >"$to/marked.txt"
check 0 "byte order mark" tokenize "$to/marked.txt" "$2/tests/cli/line.txt"
check 0 "3 2 6 2 2 4" tokenize "$to/marked.txt" "$2/tests/cli/line.txt"

# memory: 6; a full disk: 1; nothing half-written
check 6 "memory" bench $disc --devices reference --shapes 60000x512 --seconds 0.01
check 1 "/dev/full" forward $disc $on --inputs "$to/good.safetensors" --outputs /dev/full
"$pleione" tokenize $disc "$2/tests/cli/line.txt" >/dev/full 2>"$to/err"
[ $? -eq 1 ] || { echo "FAILED: a full disk under stdout goes unnoticed"; failed=$((failed + 1)); }

check 1 "$to cannot be read: Is a directory" vocab "$to"
check 1 "/dev/full cannot be written" vocab "$2/tests/cli/line.txt" --special "[UNK]" --size 5 -o /dev/full
check 1 "$to/no/vocab.txt cannot be written" vocab "$2/tests/cli/line.txt" --size 18 -o "$to/no/vocab.txt"

# a model for another package, and back
check 0 "" convert $disc "$to/bin" --to pytorch --dtype bf16
check 0 "" convert "$to/bin" "$to/back" --dtype f32 --shard-size 300KB
check 0 "computer" run "$to/back" $on "Where is thy computer?"
cp -r "$2/tests/generation/cases/writer" "$to/ender" && echo '{"eos_token_id": 7}' >"$to/ender/generation_config.json"
check 0 "" convert "$to/ender" "$to/converted"
cmp -s "$to/ender/generation_config.json" "$to/converted/generation_config.json" || fail "what ends a text is lost by convert"
check 2 "is not safetensors, pytorch, tf or flax" convert $disc "$to/never" --to onnx
check 2 "is not f32, f16 or bf16" convert $disc "$to/never" --dtype f64
check 2 "is not a size" convert $disc "$to/never" --shard-size 5parsecs
check 2 "expected a model and a directory" convert $disc
check 4 "lacks tensors of the head masked-lm" convert $disc "$to/never" --head masked-lm
check 4 "nowhere" convert "$to/nowhere" "$to/never"
check 1 "$to/err: Not a directory" convert $disc "$to/err/never"
check 0 "" convert $disc "$to/folders/above/it"
[ ! -e "$to/never" ] || { echo "FAILED: a directory of a conversion that failed"; failed=$((failed + 1)); }

# lines of stdin, and an interrupt
printf 'Where is thy brother?\nWhere is thy computer?\n' | "$pleione" run $disc $on --json | grep -c score | grep -qx 2 ||
    { echo "FAILED: two lines of stdin"; failed=$((failed + 1)); }
"$pleione" bench $disc --devices reference --shapes 1x64 --seconds 30 >/dev/null 2>&1 &
bench=$!
sleep 1
kill -INT $bench
wait $bench
[ $? -eq 130 ] || { echo "FAILED: an interrupt is not exit code 130"; failed=$((failed + 1)); }

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
