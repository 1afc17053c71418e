#!/usr/bin/env bash
# One's own task from data to report. From the repository's root:
#   XLIT_DATA=examples/your-own-task bash examples/your-own-task/run.sh
set -euo pipefail

here=$(dirname "$0")
export XLIT_DATA=${XLIT_DATA:-$here}
card=$here/little.toml

# What xlit makes of the card, and whose data it finds.
xlit tasks "$card"

# Train on English, evaluate in both languages. The second run of this script says "already done".
xlit train-target "$card" --from e5-small | xlit eval-xtreme | xlit report
