#!/usr/bin/env bash
# From two texts, one sentence a line, to their translated pairs:
#   bash examples/mining/run.sh de.txt en.txt mined [ENCODER] [THRESHOLD]
# Whatever step stops or is killed, the same line goes on: what is encoded or searched stays so.
set -euo pipefail

source=$1
target=$2
out=$3
encoder=${4:-e5-small}
threshold=${5:-1.03}

mkdir -p "$out"
export XLIT_RUNS=${XLIT_RUNS:-$out/runs}
# once for each side: further pairs of languages find the English side done
sources=$(xlit encode "$encoder" --text "$source")
targets=$(xlit encode "$encoder" --text "$target")
# one search, both directions
pairs=$(xlit retrieve --source "$sources" --target "$targets" --keep)
# and as many cuts as wanted, each in seconds
xlit cut "$pairs" > "$out/all.tsv"
xlit cut "$pairs" --threshold "$threshold" > "$out/mined.tsv"
xlit cut "$pairs" --threshold "$threshold" --retrieval intersect --format jsonl > "$out/mutual.jsonl"
wc -l "$out"/*.tsv "$out"/*.jsonl
xlit report "$pairs"
