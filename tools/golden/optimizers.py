"""Writes tests/golden/optimizers.json: the steps of Keras's optimizers, their variables and configurations, and schedules.

    KERAS_BACKEND=jax python tools/golden/optimizers.py

Weights and gradients are short decimal numbers and stand in the file too.
"""
import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

OUT = Path(__file__).parents[2] / "tests" / "golden" / "optimizers.json"
RNG = np.random.default_rng(20)
SHAPES = {"kernel": (2, 2), "bias": (1,)}
STEPS = 5


def short(shape):
    return np.round(RNG.normal(size=shape), 3).astype("float32")


def numbers(array):
    """As JSON: nine digits hold a float32."""
    return [float(f"{value:.9g}") for value in np.ravel(array)]


WEIGHTS = {name: short(shape) for name, shape in SHAPES.items()}
GRADIENTS = [{name: short(shape) * [3, 0.1, 1, 20, 0.5][step] for name, shape in SHAPES.items()}
             for step in range(STEPS)]
EXPONENTIAL = ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5})

CASES = [
    *((name, {}) for name in "SGD RMSprop Adam AdamW Adagrad Adadelta Adamax Nadam Lion Ftrl".split()),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}), ("SGD", {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    ("SGD", {"learning_rate": 0.1, "nesterov": True}), ("SGD", {"learning_rate": 0.1, "weight_decay": 0.2}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.2, "clipnorm": 0.7}),
    ("SGD", {"learning_rate": 0.1, "clipvalue": 0.3}), ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "clipnorm": 0.0}), ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 8.0}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "gradient_accumulation_steps": 2}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2}),
    ("SGD", {"learning_rate": EXPONENTIAL, "momentum": 0.5, "name": "mine"}),
    ("RMSprop", {"learning_rate": 0.05, "rho": 0.8, "momentum": 0.4, "epsilon": 1e-3}),
    ("RMSprop", {"learning_rate": 0.05, "centered": True}),
    ("RMSprop", {"learning_rate": 0.05, "centered": True, "momentum": 0.4, "weight_decay": 0.1, "clipvalue": 1.0}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adam", {"learning_rate": 0.1, "amsgrad": True}), ("Adam", {"learning_rate": 0.1, "amsgrad": True, "beta_2": 0.5}),
    ("Adam", {"learning_rate": 0.1, "weight_decay": 0.1, "global_clipnorm": 1.0}),
    ("Adam", {"learning_rate": EXPONENTIAL, "gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.6,
              "ema_overwrite_frequency": 2}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.3}), ("AdamW", {"learning_rate": EXPONENTIAL, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.3, "exclude": ["bias"]}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.4, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("Adadelta", {"learning_rate": 0.8, "rho": 0.7, "epsilon": 1e-3, "clipnorm": 1.0}),
    ("Adamax", {"learning_rate": 0.1, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Nadam", {"learning_rate": 0.1, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Nadam", {"learning_rate": 0.1, "gradient_accumulation_steps": 2}),
    ("Lion", {"learning_rate": 0.1, "beta_1": 0.7, "beta_2": 0.8, "weight_decay": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2,
              "l2_shrinkage_regularization_strength": 0.05, "beta": 0.3, "learning_rate_power": -0.7}),
]

SCHEDULES = [
    EXPONENTIAL, ("ExponentialDecay", {**EXPONENTIAL[1], "staircase": True, "name": "stairs"}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 6}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 6, "end_learning_rate": 0.02, "power": 0.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "power": 2.0, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 8}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 6, "alpha": 0.1, "warmup_target": 0.2,
                     "warmup_steps": 5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.0, "m_mul": 0.5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.5, "m_mul": 0.8,
                             "alpha": 0.2}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 7], "values": [0.3, 0.2, 0.1]}),
]


def of_case(name, settings):
    keras.utils.clear_session()               # counts no names on
    made = dict(settings)
    excluded = made.pop("exclude", None)
    if isinstance(made.get("learning_rate"), tuple):
        kind, arguments = made["learning_rate"]
        made["learning_rate"] = getattr(keras.optimizers.schedules, kind)(**arguments)
    optimizer = getattr(keras.optimizers, name)(**made)
    config = keras.optimizers.serialize(optimizer)
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    variables = [keras.Variable(value, name=key) for key, value in WEIGHTS.items()]
    steps = []
    for gradients in GRADIENTS:
        optimizer.apply([jax.numpy.asarray(gradient) for gradient in gradients.values()], variables)
        steps.append(numbers(np.concatenate([np.ravel(variable) for variable in variables])))
    state = [numbers(variable) for variable in optimizer.variables]
    optimizer.finalize_variable_values(variables)
    return {"class": name, "settings": settings, "config": config, "steps": steps, "variables": state,
            "final": numbers(np.concatenate([np.ravel(variable) for variable in variables]))}


def of_schedule(name, settings):
    schedule = getattr(keras.optimizers.schedules, name)(**settings)
    return {"class": name, "settings": settings, "config": keras.optimizers.schedules.serialize(schedule),
            "values": [float(f"{float(schedule(step)):.9g}") for step in range(15)]}


def main():
    golden = {
        "made by": f"tools/golden/optimizers.py, Keras {keras.__version__} on JAX {jax.__version__}",
        "shapes": SHAPES, "weights": {name: numbers(value) for name, value in WEIGHTS.items()},
        "gradients": [numbers(np.concatenate([np.ravel(g) for g in gradients.values()])) for gradients in GRADIENTS],
        "optimizers": [of_case(*case) for case in CASES],
        "schedules": [of_schedule(*case) for case in SCHEDULES],
    }
    lines = []
    for key, value in golden.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            lines.append(f'"{key}": [\n' + ",\n".join(json.dumps(entry) for entry in value) + "]")
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
