#!/usr/bin/env bash
# A first look at xlit in a few minutes: does English intermediate training help other languages?
#
# Everything here is real: a real multilingual encoder (e5-small, from the `offline` extra), real
# training, real scores. Only the tasks are small: the pocket world is generated, in eight languages.
# Run it twice: the second time every stage says "already done".
set -euo pipefail

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '\033[2m$ %s\033[0m\n' "$1"; eval "$1"; }

say "The tasks, and whose data is at hand. Only the pocket world needs none."
run 'xlit tasks'

say "The main job. Train on an English intermediate task, then on an English target task,"
say "and evaluate in every language. Stages print the paths of what they made and read such paths."
run 'xlit subsample pocket-nli --size 1000 \
  | xlit train-intermediate --from e5-small \
  | xlit train-target pocket-copa \
  | xlit eval-xtreme \
  | xlit report'

say "The intermediate checkpoint has a head of its own: the same stages, now already done, name it."
run 'intermediate=$(xlit subsample pocket-nli --size 1000 | xlit train-intermediate --from e5-small)'
run 'xlit eval-xtreme "$intermediate" | xlit report'

say "Bitext mining with the encoder before and after intermediate training."
run 'xlit retrieve e5-small "$intermediate" --task pocket-bitext | xlit report'

say "Where a result came from, and the command that makes it again."
run 'xlit show "$intermediate"'
run 'xlit show "$intermediate" --command'
