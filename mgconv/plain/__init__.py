"""Models in plain sums: the same bits on every processor, here and as one C file (`Sequential.export_c`)."""
from mgconv.plain.lowering import lower_all
from mgconv.plain.program import Program

__all__ = ["Program", "lower_all", "program_of"]


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
