#!/usr/bin/env bash
# A first hour with xlit in a few minutes: does English intermediate training help other languages?
# Everything here is real: a real multilingual encoder (e5-small, from the `offline` extra), real
# training, real scores. Only the tasks are small: the pocket world is generated, in eight languages.
# Run it twice: the second time every stage says "already done".
set -euo pipefail

step() { printf '\n\033[1m%s\033[0m\n' "$1"; shift; printf '  $ %s\n\n' "$*"; }

step "1. What there is: the tasks, and whose data is at hand" "xlit tasks"
xlit tasks

step "2. The main job: English intermediate task, English target task, zero-shot in every language" \
  "xlit subsample pocket-nli --size 1000 | xlit train-intermediate --from e5-small --epochs 1" \
  "| xlit train-target pocket-copa --epochs 1 | xlit eval-xtreme | xlit report"
# Every stage reads artefacts from stdin and prints the paths of what it made, so stages chain.
data=$(xlit subsample pocket-nli --size 1000)
intermediate=$(echo "$data" | xlit train-intermediate --from e5-small --epochs 1)
target=$(echo "$intermediate" | xlit train-target pocket-copa --epochs 1)
scores=$(echo "$target" | xlit eval-xtreme)
xlit report "$scores"

step "3. The intermediate checkpoint has a head too: its own task in every language" \
  "xlit eval-xtreme $intermediate | xlit report"
xlit eval-xtreme "$intermediate" | xlit report

step "4. Bitext: find translations with the encoder before and after intermediate training" \
  "xlit retrieve e5-small $intermediate --task pocket-bitext | xlit report"
xlit retrieve e5-small "$intermediate" --task pocket-bitext | xlit report

step "5. Where a number came from" "xlit show $scores"
xlit show "$scores"
