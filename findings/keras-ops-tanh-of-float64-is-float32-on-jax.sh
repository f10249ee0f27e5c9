#!/usr/bin/env bash
# Keras 3.15.1 on JAX 0.10.2 with JAX_ENABLE_X64=1: keras.ops.tanh, sin and cos of float64 are float32; exp, sqrt, log
# and sigmoid stay float64.
#
# Expected: a float64 array in, a float64 array out, as from jax.numpy.tanh itself.
# Seen: tanh gives float32, so that a Dense of a float64 model puts out float32 as soon as its activation is "tanh", and
# all digits behind the seventh are lost without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 jaxlib==0.10.2
KERAS_BACKEND=jax JAX_ENABLE_X64=1 "$work/venv/bin/python" - <<'PYTHON'
import jax.numpy as jnp
import keras
import numpy as np

x = jnp.linspace(0.1, 1, 3, dtype="float64")
seen = {name: str(getattr(keras.ops, name)(x).dtype) for name in ("tanh", "sin", "cos", "exp", "sqrt", "log", "sigmoid")}
print(seen, jnp.tanh(x).dtype)
keras.config.set_floatx("float64")
dense = {name: str(keras.layers.Dense(2, activation=name)(np.ones((1, 3))).dtype) for name in ("linear", "tanh")}
print(dense)
assert str(jnp.tanh(x).dtype) == "float64"
assert [name for name, dtype in seen.items() if dtype == "float32"] == ["tanh", "sin", "cos"], "changed"
assert dense == {"linear": "float64", "tanh": "float32"}, "changed"
PYTHON
