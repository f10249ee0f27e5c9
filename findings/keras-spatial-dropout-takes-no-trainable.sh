#!/usr/bin/env bash
# Keras 3.15.1: SpatialDropout1D and 2D refuse `trainable`, which every other layer takes, and do not keep it.
#
# Expected: SpatialDropout1D(0.1, trainable=False) works as Dropout(0.1, trainable=False) does, and get_config() tells it.
# Seen: a TypeError; a SpatialDropout frozen by attribute loses that in its configuration, and a configuration that
# states it for all layers alike (as another library may write it) cannot be loaded.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 jaxlib==0.10.2
KERAS_BACKEND=jax "$work/venv/bin/python" - <<'PYTHON'
from keras import layers

refused = []
for kind in (layers.Dropout, layers.GaussianDropout, layers.SpatialDropout1D, layers.SpatialDropout2D):
    try:
        kind(0.1, trainable=False)
    except TypeError:
        refused.append(kind.__name__)
layer = layers.SpatialDropout1D(0.1)
layer.trainable = False
print(refused, layer.get_config())
assert refused == ["SpatialDropout1D", "SpatialDropout2D"], "changed"
assert "trainable" not in layer.get_config() and "trainable" in layers.Dropout(0.1).get_config(), "changed"
PYTHON
