#!/usr/bin/env bash
# Measures the models of this folder on every set and keeps the rows in docs/results/runs.
#
#   models/measure.sh [VARIANT...]             default: d x h
#
# TABLES=DIR names a folder of real tables in the same format; it is skipped without.
# THREADS=N of tensor operations, default 1.
set -euo pipefail
cd "$(dirname "$0")/.."
variants=("$@")
((${#variants[@]})) || variants=(d x h)
sets=runs/sets
mkdir -p "$sets"
[[ -d $sets/easy ]] || ./nvlm data render --difficulty easy --seed 7 --count 500 --out "$sets/easy"
[[ -d $sets/medium ]] || ./nvlm data render --difficulty medium --seed 7 --count 200 --out "$sets/medium"

measure() {  # name folder
  for variant in "${variants[@]}"; do
    local out=docs/results/runs/$1-$variant
    rm -rf "$out"
    ./nvlm eval tables --model "$variant" --data "$2" --out "$out" --batch 16 \
      --threads "${THREADS:-1}"
  done
}

measure easy "$sets/easy"
measure medium "$sets/medium"
measure samples docs/samples
if [[ -n ${TABLES:-} ]]; then measure tables-dev "$TABLES"; fi
