#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train, verify and estimate --train as a person uses them: test_training.sh PLEIONE SOURCE
set -u
pleione=$1
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
check 0 "3 steps" train "$model" $data $on --out "$to/once" --batch 4
check 0 "2 steps" train "$cases/sequence-single" --data "$cases/sequence-single/data.safetensors" $on --out "$to/more" --batch 4 \
    --steps 2 --schedule linear --warmup 1 --layer-decay 0.8 --accumulate 2 --clip 0 --bias-correction no --recompute --lr 2e-4 \
    --weight-decay 0 --beta1 0.8 --beta2 0.99 --eps 1e-8

# wrong ones
check 2 "--data FILE" train "$model" --out "$to/x"
check 2 "neither yes nor no" train "$model" $data --out "$to/x" --bias-correction perhaps
check 2 "beta2 1: expected" train "$model" $data $on --out "$to/x" --beta2 1
check 2 "no loss" train "$model" $data $on --head model --out "$to/x"
check 2 "cannot be accumulated in 3" train "$model" $data $on --out "$to/x" --batch 4 --accumulate 3
check 2 "no input of the head" train "$model" $data $on --head question-answering --out "$to/x"
check 2 "cannot be opened" train "$model" --data "$to/nothing" $on --out "$to/x"
check 1 "cannot be written" train "$model" $data $on --out "$to/no/such/folder"
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

check 0 "verdict: device and driver compute what they should" verify --train $on "$model"
check 0 "forward, node by node" verify $on
check 2 "one MODEL" verify a b
check 0 "largest batch" estimate "$model" --train -b 4 -s 12 $on
check 0 '"largest_batch"' estimate "$model" --train --head masked-lm -b 4 -s 12 $on --json
for command in train verify; do check 0 "examples:" $command --help; done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
