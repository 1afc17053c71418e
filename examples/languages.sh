#!/usr/bin/env bash
# One language after the other: a loop over a file of languages, as a cluster's array job has it.
#   bash examples/languages.sh runs/checkpoint/pocket-nli.* < languages.txt
# The checkpoint is named, so eval-xtreme leaves the loop's standard input alone.
set -euo pipefail

checkpoint=$1
while read -r language; do
  xlit eval-xtreme "$checkpoint" --lang "$language"
done | xlit report --format markdown
