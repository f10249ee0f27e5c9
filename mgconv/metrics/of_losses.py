"""Means of loss functions."""
import math
from typing import Any

from mgconv import losses
from mgconv._support.arrays import real_predictions
from mgconv.metrics.base import Metric, as_pair, registry


@registry.add
class MeanLoss(Metric):
    """The mean of a loss function, as `loss(y_true, y_pred)` gives it.

    Entries of a class that the loss ignores do not count. (In Keras they count as 0 if there are no weights.)

    Parameters
    ----------
    loss : str or mgconv.losses.Loss
        Which one.
    name : str, optional
        By default the loss's.
    dtype : str, optional
        See `Metric`.
    """

    direction = "down"

    def __init__(self, loss: Any, name: str | None = None, dtype: str | None = None) -> None:
        self.loss = losses.get(loss)
        super().__init__(name or self.loss.name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = as_pair(y_true, real_predictions(y_pred))
        y_true = self.loss.prepare(y_true, y_pred.shape, y_pred.dtype)
        self._add(self.values(y_true, y_pred).astype(float), sample_weight, self.loss.rows_last(y_pred.shape),
                  self.loss.counted(y_true))

    def values(self, y_true, y_pred):
        return self.loss.values(y_true, y_pred)


@registry.known_as("mse")
class MeanSquaredError(MeanLoss):
    """The mean of (y_pred - y_true)^2."""

    def __init__(self, name: str = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__("mse", name, dtype)


@registry.known_as("rmse")
class RootMeanSquaredError(MeanLoss):
    """The square root of the mean of (y_pred - y_true)^2 over all samples, not a mean of roots."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__("mse", name, dtype)

    def result(self):
        return math.sqrt(super().result())


@registry.known_as("mae")
class MeanAbsoluteError(MeanLoss):
    """The mean of abs(y_pred - y_true)."""

    def __init__(self, name: str = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__("mae", name, dtype)


@registry.known_as("mape")
class MeanAbsolutePercentageError(MeanLoss):
    """The mean of `losses.MeanAbsolutePercentageError`."""

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: str | None = None) -> None:
        super().__init__("mape", name, dtype)


@registry.known_as("msle")
class MeanSquaredLogarithmicError(MeanLoss):
    """The mean of `losses.MeanSquaredLogarithmicError`."""

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: str | None = None) -> None:
        super().__init__("msle", name, dtype)


@registry.known_as("logcosh")
class LogCoshError(MeanLoss):
    """The mean of `losses.LogCosh`."""

    def __init__(self, name: str = "logcosh", dtype: str | None = None) -> None:
        super().__init__("log_cosh", name, dtype)


@registry.add
class CosineSimilarity(MeanLoss):
    """The mean cosine of the angle between y_true and y_pred along `axis`: the loss of that name without its sign."""

    direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(losses.CosineSimilarity(axis), name, dtype)
        self.axis = axis

    def values(self, y_true, y_pred):
        return -super().values(y_true, y_pred)


@registry.known_as("bce")
class BinaryCrossentropy(MeanLoss):
    """The mean of `losses.BinaryCrossentropy`."""

    def __init__(self, name: str = "binary_crossentropy", dtype: str | None = None, from_logits: bool = False,
                 label_smoothing: float = 0) -> None:
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing


@registry.add
class CategoricalCrossentropy(MeanLoss):
    """The mean of `losses.CategoricalCrossentropy`."""

    def __init__(self, name: str = "categorical_crossentropy", dtype: str | None = None, from_logits: bool = False,
                 label_smoothing: float = 0, axis: int = -1) -> None:
        super().__init__(losses.CategoricalCrossentropy(from_logits, label_smoothing, axis), name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


@registry.add
class SparseCategoricalCrossentropy(MeanLoss):
    """The mean of `losses.SparseCategoricalCrossentropy`."""

    def __init__(self, name: str = "sparse_categorical_crossentropy", dtype: str | None = None,
                 from_logits: bool = False, ignore_class: int | None = None, axis: int = -1) -> None:
        super().__init__(losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis


@registry.known_as("kld")
class KLDivergence(MeanLoss):
    """The mean of `losses.KLDivergence`."""

    def __init__(self, name: str = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__("kl_divergence", name, dtype)


@registry.add
class Poisson(MeanLoss):
    """The mean of `losses.Poisson`."""

    def __init__(self, name: str = "poisson", dtype: str | None = None) -> None:
        super().__init__("poisson", name, dtype)


@registry.add
class Hinge(MeanLoss):
    """The mean of `losses.Hinge`."""

    def __init__(self, name: str = "hinge", dtype: str | None = None) -> None:
        super().__init__("hinge", name, dtype)


@registry.add
class SquaredHinge(MeanLoss):
    """The mean of `losses.SquaredHinge`."""

    def __init__(self, name: str = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__("squared_hinge", name, dtype)


@registry.add
class CategoricalHinge(MeanLoss):
    """The mean of `losses.CategoricalHinge`."""

    def __init__(self, name: str = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__("categorical_hinge", name, dtype)
