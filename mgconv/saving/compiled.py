"""What Keras's `compile_config` says, as arguments of `Sequential.compile`."""
from __future__ import annotations

from typing import Any


def compile_as(model: Any, config: Any, reader: Any) -> None:
    """Compile `model` with what `config` describes.

    Raises
    ------
    ValueError
        If it is not known here; `load_model(compile=False)` does without.
    """
    try:
        given = {name: reader.read(config.get(name)) for name in ("optimizer", "loss", "metrics", "weighted_metrics",
                                                                  "loss_weights")}
        wanted = {name: _one_list(name, given.pop(name)) for name in ("metrics", "weighted_metrics")}
        loss = given["loss"][0] if isinstance(given["loss"], list) and len(given["loss"]) == 1 else given["loss"]
        named = {name: value for name, value in (*wanted.items(), ("loss_weights", given["loss_weights"])) if value}
        model.compile(given["optimizer"] or "rmsprop", loss, **named)
    except (TypeError, ValueError) as error:
        raise ValueError(f"it cannot be compiled as it was: {error} load_model(..., compile=False) loads it without."
                         ) from error


def _one_list(name, metrics):
    """Metrics of the one output, which may stand in a list of their own."""
    if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list):
        metrics = metrics[0]
    if isinstance(metrics, dict) and len(metrics) == 1:
        (metrics,) = metrics.values()
    if metrics is not None and not isinstance(metrics, list):
        metrics = [metrics]
    if metrics and any(isinstance(metric, (list, dict)) for metric in metrics):
        raise ValueError(f"`{name}` must be those of one output. Received: {metrics}.")
    return metrics
