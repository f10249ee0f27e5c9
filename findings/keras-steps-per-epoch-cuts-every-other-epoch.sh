#!/usr/bin/env bash
# Keras 3.15.1 (JAX backend): fit on arrays with fewer steps_per_epoch than batches cuts every other epoch short.
#
# Expected of 40 samples in batches of 10 with steps_per_epoch=3: three steps in every epoch, by going round.
# Seen: 3, 1, 3, 1 steps. What an epoch leaves is the next one's beginning, and that ends where the arrays end, with the
# warning that the input ran out of data; averages of the short epochs are those of one batch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 jaxlib==0.10.2
KERAS_BACKEND=jax "$work/venv/bin/python" - <<'PYTHON'
import warnings

import keras
import numpy as np


class Count(keras.callbacks.Callback):
    steps: list = []

    def on_epoch_begin(self, epoch, logs=None):
        self.steps.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.steps[-1] += 1


model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    model.fit(np.ones((40, 1)), np.ones((40, 1)), batch_size=10, steps_per_epoch=3, epochs=4, verbose=0,
              callbacks=[Count()])
print(Count.steps, [str(warning.message)[:60] for warning in told])
assert Count.steps == [3, 1, 3, 1], "changed"
assert any("ran out of data" in str(warning.message) for warning in told), "changed"
PYTHON
