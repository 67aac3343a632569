# shellcheck shell=bash disable=SC2154
# The models that people train, small: LeNet, ResNet-14 with batch norm and clipping, a GPT with dropout and clipping.
# Sourced after lib.sh, never run.
#
#   whole_models LENET RESNET GPT   writes a job file of each, of so many steps; their paths: ${models[@]}; the
#                                   GPT's training data: $text

# model NAME MODEL TRAIN-DATA TEST-DATA TRAIN
model() {
  local file=$work/$1.yaml
  printf 'name: %s\nseed: 11\nmodel: %s\ndata:\n  train: %s\n  test: %s\ntrain: {virtual_workers: 8, %s}\n' "$@" >"$file"
  models+=("$file")
}

whole_models() {
  local images='{format: synthetic, samples: 300, features: 784, classes: 10, seed: 5}'
  text="{format: text, path: $work/numbers.txt, context: 32, split: {from: 0, to: 0.9}}"
  seq 1 9000 >"$work/numbers.txt"
  models=()
  model lenet '{input: [1, 28, 28], preset: lenet}' "$images" "$images" \
    "steps: $1, batch_size: 100, optimizer: {kind: momentum, lr: 0.01}, evaluate: {metrics: [accuracy]}"
  model resnet '{input: [1, 28, 28], preset: {resnet: {depth: 14, classes: 10}}}' "$images" "$images" \
    "steps: $2, batch_size: 60, clip_norm: 2, optimizer: {kind: momentum, lr: 0.05}"
  model gpt '{preset: {gpt: {layers: 2, width: 32, heads: 2, vocabulary: 256, context: 32, dropout: 0.1}}}' \
    "$text" "${text/0, to: 0.9/0.9, to: 1}" \
    "steps: $3, batch_size: 20, clip_norm: 0.5, optimizer: {kind: adamw, lr: 0.002}, evaluate: {metrics: [bits_per_byte]}"
}
