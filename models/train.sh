#!/usr/bin/env bash
# Trains the models of this folder from nothing: encoder and decoder once, then each variant with the
# same data order, steps and seed. Stopped runs continue; finished ones are skipped.
#
#   models/train.sh [RUNS] [VARIANT...]        default: runs/models d x h
#
# READER_STEPS, TEXT_STEPS, ALIGN_STEPS, SFT_STEPS, JOINT_STEPS and THREADS change the budget.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-runs/models}
shift || true
variants=("$@")
((${#variants[@]})) || variants=(d x h)

stage() {  # run recipe options...
  local run=$1 recipe=$2
  shift 2
  if [[ -f $runs/$run/config.ini ]]; then
    ./nvlm train --resume --out "$runs/$run"
  else
    ./nvlm train "$recipe" --out "$runs/$run" --train.threads "${THREADS:-0}" "$@"
  fi
}

tables=(--tiling.min_tiles 4 --tiling.max_tiles 6 --data.easy 0.8 --data.medium 1.3 --data.hard 0.1)
stage reader reader-pretrain --train.steps "${READER_STEPS:-2100}" "${tables[@]}"
stage text text-pretrain --train.steps "${TEXT_STEPS:-300}"
for variant in "${variants[@]}"; do
  # On codes made from labels; the reader gives only the shape of the encoder.
  stage "$variant-align" fusion-align --train.steps "${ALIGN_STEPS:-1600}" "${tables[@]}" \
    --fusion.variant "$variant" --fusion.tile_tags 2d-grid \
    --init.reader "$runs/reader/checkpoints/latest" \
    --init.decoder "$runs/text/checkpoints/latest"
  stage "$variant-sft" fusion-sft --train.steps "${SFT_STEPS:-850}" "${tables[@]}" --data.misread 0.08 \
    --init.model "$runs/$variant-align/checkpoints/latest" \
    --features.cache "$runs/features"
  # The encoder learns too, on other tables.
  stage "$variant" fusion-sft --train.steps "${JOINT_STEPS:-850}" "${tables[@]}" --data.misread 0.08 \
    --init.model "$runs/$variant-sft/checkpoints/latest" --rates.encoder 0.2 --train.seed 2
done
for variant in "${variants[@]}"; do
  mkdir -p "models/nvlm-$variant"
  for file in config.json generation_config.json preprocessor_config.json tokenizer.json model.safetensors; do
    cp "$runs/$variant/checkpoints/latest/$file" "models/nvlm-$variant/$file"
  done
done
