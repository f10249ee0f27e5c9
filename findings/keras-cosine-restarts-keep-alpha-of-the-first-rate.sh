#!/usr/bin/env bash
# Keras 3.15.1: alpha of CosineDecayRestarts is a share of the first rate for good, not of each restart's.
#
# Expected: with m_mul = 0.8 every period is the one before times 0.8, its floor (alpha times the rate) too; the second
# begins at 0.1 * 0.8 = 0.08.
# Seen: it begins at 0.084: rate (1 - alpha) m_mul + rate alpha. With many restarts the schedule becomes the constant
# rate * alpha, however small m_mul is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 jaxlib==0.10.2
KERAS_BACKEND=jax "$work/venv/bin/python" - <<'PYTHON'
import keras

schedule = keras.optimizers.schedules.CosineDecayRestarts(0.1, 4, t_mul=1.0, m_mul=0.8, alpha=0.2)
starts = [round(float(schedule(step)), 6) for step in (0, 4, 8, 400)]
print(starts)
assert starts == [0.1, 0.084, 0.0712, 0.02], "changed"
PYTHON
