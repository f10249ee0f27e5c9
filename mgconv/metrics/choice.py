"""Which metric a name means; for some, the loss and the shape of the output have a say."""
from typing import Any

from mgconv import losses
from mgconv.losses import Loss
from mgconv.metrics.accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from mgconv.metrics.base import MeanMetricWrapper, Metric, registry
from mgconv.metrics.of_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanLoss,
    SparseCategoricalCrossentropy,
)

_CHOSEN: dict[str, tuple[type[Metric], type[Metric], type[Metric]]] = {
    **dict.fromkeys(("accuracy", "acc"), (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy)),
    **dict.fromkeys(("crossentropy", "ce"),
                    (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy)),
}


def get(identifier, loss=None, output_shape=None):
    """The metric that a name, a class, a configuration, a `Metric`, a `Loss` or a plain function means.

    A name stays the metric's name. "accuracy" ("acc") and "crossentropy" ("ce") are, as in Keras, the binary one where
    `output_shape` ends in 1, else the sparse one where the targets of `loss` are class numbers, else the categorical
    one. A function is wrapped in `MeanMetricWrapper`.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else.
    """
    if isinstance(identifier, Loss) or (isinstance(identifier, type) and issubclass(identifier, Loss)):
        return MeanLoss(identifier)
    if not isinstance(identifier, str):
        plain = callable(identifier) and not isinstance(identifier, (type, Metric))
        return MeanMetricWrapper(identifier) if plain else registry.get(identifier)
    metric: Any
    if identifier.lower() in _CHOSEN:
        binary, sparse, categorical = _CHOSEN[identifier.lower()]
        metric = (binary if output_shape is not None and output_shape[-1] == 1
                  else sparse if loss is not None and loss.sparse else categorical)()
    elif identifier not in registry and identifier in losses.registry:
        metric = MeanLoss(identifier)
    else:
        metric = registry.get(identifier)
    metric.name = identifier
    return metric
