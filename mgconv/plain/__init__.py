"""Models in plain sums: the same bits on every processor, here and as one C file (`Sequential.export_c`)."""
import numpy as np

from mgconv._support.arrays import as_samples
from mgconv.plain.lowering import lower_all
from mgconv.plain.program import Program
from mgconv.plain.quantize import quantized

__all__ = ["Program", "calibration_of", "lower_all", "program_for", "program_of"]


def program_of(model):
    """The plain program of a built model, for one sample of its input shape.

    Raises
    ------
    ValueError
        If a size of the input is not known, or a layer has no form in plain sums.
    """
    shape = model.input_shape[1:]
    if None in shape:
        raise ValueError(f"a plain program needs an input of known sizes. Received: {model.input_shape}.")
    program = Program(shape, model.dtype)
    program.finish(lower_all(program, model.constant_twins(), program.input))
    return program


def program_for(model, precision, calibration):
    """The same for "plain"; for "int8" in whole numbers. Errors as in `program_of`, `calibration_of`, `quantized`."""
    samples = calibration_of(model, calibration, precision == "int8")
    program = program_of(model)
    return program if samples is None else quantized(program, [samples])


def calibration_of(model, calibration, wanted):
    """The samples `calibration`, or None if they are not `wanted`.

    Raises
    ------
    ValueError
        If they are wanted and missing, or the other way round, do not fit the model, or are not finite.
    """
    if (calibration is not None) != wanted:
        raise ValueError('`calibration` goes with "int8", which needs it: samples like those to come. '
                         f"Received: calibration={'None' if wanted else type(calibration).__name__}.")
    if not wanted:
        return None
    samples = as_samples("calibration", calibration, (None, *model.input_shape[1:]), model.dtype)
    if not samples.size or not np.isfinite(samples).all():
        raise ValueError(f"`calibration` must hold finite numbers. Received: {samples.shape}, "
                         f"{np.count_nonzero(~np.isfinite(samples))} of them not finite.")
    return samples
