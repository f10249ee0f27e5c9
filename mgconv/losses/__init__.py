"""Loss functions, each with its gradient.

A loss says how much every entry of the prediction costs (mean squared error) or every row along one axis
(cross-entropy), and in the same pass what that changes by: `terms`. Weights, mean and sum are the base class's.
Formulas, arguments and defaults are Keras's. Where its backends differ, or return NaN for a derivative (a row of zeros
to `CosineSimilarity`), the note stands at the class.

At a kink the derivative is the one from the side where the loss is flat: 0 for an error of 0, for a margin of
exactly 1 and for a probability that had to be cut.
"""
from mgconv.losses.base import FunctionLoss, Loss, get, registry
from mgconv.losses.crossentropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from mgconv.losses.hinge import CategoricalHinge, Hinge, SquaredHinge
from mgconv.losses.overlap import Dice, Tversky
from mgconv.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)

__all__ = ["BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
           "CategoricalHinge", "CosineSimilarity", "Dice", "FunctionLoss", "Hinge", "Huber", "KLDivergence", "LogCosh",
           "Loss", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
           "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge", "Tversky", "get",
           "registry"]
