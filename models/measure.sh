#!/usr/bin/env bash
# Measures readers on every set and keeps the rows in docs/results/runs.
#
#   models/measure.sh [READER...]              default: d x h tesseract-rules
#
# TABLES=DIR names a folder of real tables in the same format; it is skipped without. What was read
# from them is not kept, only its scores.
# THREADS=N of tensor operations, default 1.
set -euo pipefail
cd "$(dirname "$0")/.."
readers=("$@")
((${#readers[@]})) || readers=(d x h tesseract-rules)
sets=runs/sets
mkdir -p "$sets"
[[ -d $sets/easy ]] || ./nvlm data render --difficulty easy --seed 7 --count 500 --out "$sets/easy"
[[ -d $sets/medium ]] ||
  ./nvlm data render --difficulty medium --seed 11 --count 1000 --out "$sets/medium"

measure() {  # name folder
  local runs=()
  for reader in "${readers[@]}"; do
    local out=docs/results/runs/$1-${reader#tesseract-}
    rm -rf "$out"
    ./nvlm eval tables --model "$reader" --data "$2" --out "$out" --batch 16 \
      --threads "${THREADS:-1}"
    runs+=("$out")
  done
  ./nvlm eval report "${runs[@]}" -o "docs/results/runs/$1.md"
}

measure easy "$sets/easy"
measure medium "$sets/medium"
for reader in "${readers[@]}"; do
  ./nvlm eval confidence --data "$sets/medium" --run "docs/results/runs/medium-${reader#tesseract-}"
done
measure samples docs/samples
if [[ -n ${TABLES:-} ]]; then
  measure tables-dev "$TABLES"
  rm -f docs/results/runs/tables-dev-*/predictions.jsonl
fi
