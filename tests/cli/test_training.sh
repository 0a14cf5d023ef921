#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train, verify and estimate --train as a person uses them: test_training.sh PLEIONE SOURCE
set -u
pleione=$(realpath "$1")
cases=$2/tests/training/cases
. "$2/tests/cli/check.sh"

expect() { # expect "what" COMMAND...: the command must succeed
    what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else
        echo "FAILED: $what"
        failed=$((failed + 1))
    fi
}

model=$cases/pretraining
data="--data $model/data.safetensors"
on="--device reference"

check 0 "6 steps" train "$model" $data $on --out "$to/whole" --batch 4 --steps 6 --dropout 0.1 --seed 3 --log "$to/log.jsonl"
expect "a log line a step" test "$(wc -l <"$to/log.jsonl")" = 6
for key in step loss gradient_norm learning_rate tokens_per_s page_faults; do
    expect "$key in the log" grep -q "\"$key\":" "$to/log.jsonl"
done
check 0 "3 steps" train "$model" $data $on --out "$to/half" --batch 4 --steps 3 --dropout 0.1 --seed 3
check 0 "6 steps" train "$model" $data $on --out "$to/half" --batch 4 --steps 6 --dropout 0.1 --resume "$to/half"
expect "the same bits after a stop" cmp "$to/whole/model.safetensors" "$to/half/model.safetensors"
expect "the same moments after a stop" cmp "$to/whole/second_moment.safetensors" "$to/half/second_moment.safetensors"
expect "a config with the class" grep -q ElectraForPreTraining "$to/whole/config.json"
check 0 "" forward "$to/whole" $on --inputs "$model/data.safetensors" --outputs "$to/o.safetensors"
check 0 "3 steps" train "$model" $data $on --out "$to/folders/above/once" --batch 4
check 0 "2 steps" train "$cases/sequence-single" --data "$cases/sequence-single/data.safetensors" $on --out "$to/more" --batch 4 \
    --steps 2 --schedule linear --warmup 1 --layer-decay 0.8 --accumulate 2 --clip 0 --bias-correction no --recompute --lr 2e-4 \
    --weight-decay 0 --beta1 0.8 --beta2 0.99 --eps 1e-8

# wrong ones
check 2 "--data FILE" train "$model" --out "$to/x"
check 2 "none of yes|no" train "$model" $data --out "$to/x" --bias-correction perhaps
if "$pleione" devices 2>/dev/null | grep -q "^cpu"; then
    check 2 "math=int8, which is for answers only" train "$model" $data --device cpu --math int8 --out "$to/x"
fi
check 2 "option --beta2:" train "$model" $data $on --out "$to/x" --beta2 1
check 2 "no loss" train "$model" $data $on --head model --out "$to/x"
check 2 "cannot be accumulated in 3" train "$model" $data $on --out "$to/x" --batch 4 --accumulate 3
check 2 "no input of the head" train "$model" $data $on --head question-answering --out "$to/x"
check 2 "cannot be opened" train "$model" --data "$to/nothing" $on --out "$to/x"
: >"$to/file"
check 1 "$to/file: Not a directory" train "$model" $data $on --out "$to/file/below"
mkdir "$to/mine" && : >"$to/mine/letter.txt"
check 1 "is no model" train "$model" $data $on --out "$to/mine" --batch 4 --steps 1
expect "what is no model is left as it is" test -e "$to/mine/letter.txt"
check 4 "trainer.json" train "$model" $data $on --out "$to/x" --batch 4 --resume "$model"
expect "nothing half-written" test -z "$(find "$to" -name '*partial*')"

# an interrupt finishes the step, saves, and is exit code 130
"$pleione" train "$model" $data $on --out "$to/stopped" --batch 4 --steps 1000000 >/dev/null 2>&1 &
train=$!
sleep 1
kill -INT $train
wait $train
expect "an interrupt is exit code 130" test $? = 130
expect "weights saved at an interrupt" test -s "$to/stopped/model.safetensors"
expect "counters saved at an interrupt" grep -q steps "$to/stopped/trainer.json"

# and so does SIGTERM, with 143
"$pleione" train "$model" $data $on --out "$to/ended" --batch 4 --steps 1000000 --log "$to/ended.jsonl" >/dev/null 2>&1 &
train=$!
until [ -s "$to/ended.jsonl" ]; do sleep 0.1; done
kill -TERM $train
wait $train
expect "SIGTERM is exit code 143" test $? = 143
expect "counters saved at SIGTERM" grep -q steps "$to/ended/trainer.json"

# --out is tried before the first step: no log is begun
for out in "$to/mine" "$to/line" "$to/dangling" /; do
    : >"$to/line"
    ln -sfn "$to/nowhere" "$to/dangling"
    rm -f "$to/early.jsonl"
    check 1 "$out" train "$model" $data $on --out "$out" --batch 4 --steps 1 --log "$to/early.jsonl"
    expect "nothing began for $out" test ! -e "$to/early.jsonl"
done
cd "$to/once" && check 1 "working directory" train "$model" $data $on --out . --batch 4
cd "$OLDPWD" || exit 1

# what is not the model's stays, a link stays, a log may lie inside
mkdir "$to/full" && ln -s full "$to/link"
check 0 "2 steps" train "$model" $data $on --out "$to/link" --batch 4 --steps 2 --log "$to/link/log.jsonl"
mkdir "$to/full/.git" && : >"$to/full/.git/HEAD" && : >"$to/full/README.md"
check 0 "3 steps" train "$model" $data $on --out "$to/link" --batch 4 --steps 3 --resume "$to/link" --log "$to/link/log.jsonl"
expect "what is not the model's stays" test -e "$to/full/.git/HEAD" -a -e "$to/full/README.md" -a -L "$to/link"
expect "the log has all steps" test "$(wc -l <"$to/full/log.jsonl")" = 3
check 0 "nothing to do: 3 of 3 steps" train "$model" $data $on --out "$to/link" --batch 4 --steps 3 --resume "$to/link"
check 0 "saved in" train "$model" $data $on --out "$to/copy" --batch 4 --steps 3 --resume "$to/link"
expect "nothing to do is saved elsewhere" cmp "$to/copy/model.safetensors" "$to/full/model.safetensors"

# saves on the way
check 0 "5 steps" train "$model" $data $on --out "$to/often" --batch 4 --steps 5 --save-every 1 --keep 2
expect "the last two stay" test "$(cd "$to" && echo often.step-*)" = "often.step-3 often.step-4"
check 0 "5 steps" train "$model" $data $on --out "$to/again" --batch 4 --steps 5 --resume "$to/often.step-3"
expect "the same bits from a save on the way" cmp "$to/often/model.safetensors" "$to/again/model.safetensors"
check 2 "needs that one" train "$model" $data $on --out "$to/x" --keep 2
check 1 "/dev/full: cannot be written: No space left" train "$model" $data $on --out "$to/logged" --batch 4 --steps 2 --log /dev/full
expect "a full log costs no steps" grep -q '"steps": 2' "$to/logged/trainer.json"

# another order by the seed, the same one after a stop
for steps in 2 5; do
    check 0 "$steps steps" train "$model" $data $on --out "$to/mixed" --batch 4 --steps $steps --seed 5 --shuffle \
        $([ -e "$to/mixed" ] && echo --resume "$to/mixed")
done
check 0 "5 steps" train "$model" $data $on --out "$to/mixed-once" --batch 4 --steps 5 --seed 5 --shuffle
expect "the same order after a stop" cmp "$to/mixed/model.safetensors" "$to/mixed-once/model.safetensors"
expect "another order than the file's" sh -c "! cmp -s '$to/mixed/model.safetensors' '$to/often/model.safetensors'"

# labels are looked at before the first step
python3 - "$to" <<'END'
import json, struct, sys
def write(name, labels):
    rows = len(labels)
    ids = struct.pack(f"<{rows * 4}q", *([2, 5, 6, 3] * rows))
    data = struct.pack(f"<{rows}q", *labels)
    header = json.dumps({"input_ids": {"dtype": "I64", "shape": [rows, 4], "data_offsets": [0, len(ids)]},
                         "labels": {"dtype": "I64", "shape": [rows], "data_offsets": [len(ids), len(ids) + len(data)]}})
    header += " " * (-len(header) % 8)
    with open(f"{sys.argv[1]}/{name}.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header.encode() + ids + data)
write("none", [0, 1, 1, 0, -100, -100, -100, -100])
write("beyond", [0, 1, 1, 0, 1, 0, 9, 0])
write("sorted", [1, 1, 1, 1, 0, 0, 0, 0])
write("mixed", [1, 0, 1, 0, 0, 1, 0, 1])
END
one=$cases/sequence-single
check 2 "step 2: no label in the batch" train "$one" --data "$to/none.safetensors" $on --out "$to/x" --batch 4 --log "$to/early.jsonl"
check 2 "step 2: labels" train "$one" --data "$to/beyond.safetensors" $on --out "$to/x" --batch 4 --log "$to/early.jsonl"
expect "no step was made" test ! -e "$to/early.jsonl"
check 0 "sorted by label" train "$one" --data "$to/sorted.safetensors" $on --out "$to/x" --batch 4
check 0 "2 steps" train "$one" --data "$to/sorted.safetensors" $on --out "$to/x" --batch 4 --shuffle
expect "no warning with --shuffle" sh -c "! grep -q sorted '$to/err'"
check 0 "2 steps" train "$one" --data "$to/mixed.safetensors" $on --out "$to/x" --batch 4
expect "no warning for mixed rows" sh -c "! grep -q sorted '$to/err'"
check 1 "eps 0" train "$one" --data "$to/mixed.safetensors" $on --out "$to/x" --batch 4 --eps 0
check 2 "option --lr:" train "$one" --data "$to/mixed.safetensors" $on --out "$to/x" --batch 4 --lr 1e300
expect "what was good stays" grep -q '"steps": 2' "$to/x/trainer.json"
(ulimit -s 160 && "$pleione" train "$one" --data "$to/mixed.safetensors" $on --out "$to/x" --batch 4 >/dev/null)
expect "a small stack will do" test $? = 0
mv "$to/mixed" "$to/mixed.old-999999999-0" # what a killed run leaves where names cannot be exchanged
check 0 "6 steps" train "$model" $data $on --out "$to/mixed" --batch 4 --steps 6 --seed 5 --shuffle --resume "$to/mixed"
expect "no leftovers" test -z "$(find "$to" -name '*.partial-*' -o -name '*.old-*')"

# pre-training: a run that is refused leaves nothing that holds up the next one
printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nking\nsaid\n' >"$to/vocab.txt"
printf '{"hidden_size":8,"embedding_size":4,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":8,%s' \
    '"max_position_embeddings":16}' >"$to/small.json"
for i in 1 2 3 4 5 6 7 8 9; do echo "the king said the king said"; done >"$to/corpus.txt"
begin="pretrain $to/corpus.txt --vocab $to/vocab.txt --config $to/small.json $on --batch 2 --steps 1 --out $to/run"
check 2 "the models have 16 positions" $begin --max-length 17
expect "no run is begun" test ! -e "$to/run/run.json"
check 2 "no option --heads" $begin --max-length 8 --heads 2
check 2 "no option --semantics" $begin --max-length 8 --semantics tf
check 2 "a batch of 2 cannot" $begin --max-length 8 --accumulate 3
expect "no run is begun" test ! -e "$to/run/run.json"
check 0 "1 of 1 steps" $begin --max-length 8
expect "what products multiply is in the record" grep -q '"--math": "f32"' "$to/run/run.json"
expect "no dropout that is given is in the record as before" grep -q '"--dropout": -1.0' "$to/run/run.json"
sed -i 's/"--math": "f32"/"--math": "bf16"/' "$to/run/run.json"
check 2 '--math was "bf16" in this run and is now "f32"' $begin --max-length 8 --resume
sed -i 's/"--math": "bf16"/"--math": "f32"/' "$to/run/run.json"
check 2 "holds a run" $begin --max-length 8
check 0 "1 of 1 steps" $begin --max-length 8 --resume
check 2 "max-length was 8 in this run and is now 9" $begin --max-length 9 --resume

check 0 "verdict: device and driver compute what they should" verify --train $on "$model"
check 0 "forward, node by node" verify $on
check 2 "one MODEL" verify a b
check 0 "largest batch" estimate "$model" --train -b 4 -s 12 $on
check 0 "GFLOP of arithmetic" estimate "$model" --train -b 4 -s 12 $on
check 0 '"flops"' estimate "$model" -b 4 -s 12 $on --json
check 0 '"largest_batch"' estimate "$model" --train --head masked-lm -b 4 -s 12 $on --json
for command in train verify; do check 0 "examples:" $command --help; done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
