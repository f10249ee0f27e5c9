"""`export`: a model as an ONNX file."""
from __future__ import annotations

import os
import warnings
from typing import Any

from mgconv import __version__
from mgconv._support.checks import check_count
from mgconv._support.files import whole_file
from mgconv.onnx.convert import convert_all
from mgconv.onnx.graph import Graph, Value

OLDEST = 13                 # opset: from there on Squeeze and Softmax mean what they mean today
SIZES = {3: ("steps",), 4: ("rows", "columns")}


def export(model: Any, path: str | os.PathLike[str], opset: int = 17) -> None:
    """Write a model, as it answers in prediction, as an ONNX file.

    The graph's input and output have the model's own axes, channels last; in between, convolutions have their channels
    behind the batch, as ONNX wants them. Any batch size goes; so does any length along axes whose size the model leaves
    open. Everything is float32: onnxruntime has no float64 convolution.

    Parameters
    ----------
    model : mgconv.Sequential
        Built.
    path : str or os.PathLike
        Of the file, by custom with the ending ".onnx". It is written whole or not at all.
    opset : int
        Version of the operators, 13 or later.

    Raises
    ------
    ImportError
        If the package onnx is not installed.
    ValueError
        If the model is not built, a layer or one of its settings has no form in ONNX (the message names it), or `opset`
        is unknown to the installed package.

    Warns
    -----
    UserWarning
        If the model is float64.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError("`mgconv.onnx.export` needs the package onnx: pip install mgconv[onnx]") from error
    check_count("opset", opset, OLDEST, onnx.defs.onnx_opset_version())
    if not model.built:
        raise ValueError("`export` needs a model that is built: begin it with an `Input`, or call `build`.")
    if model.dtype.itemsize == 8:
        warnings.warn("the model is float64, its ONNX file float32: answers agree to seven digits.", UserWarning,
                      stacklevel=2)
    graph = Graph(opset)
    x = Value("input", (None, *model.input_shape[1:]))
    y = graph.last(convert_all(graph, model.constant_twins(), x))
    if y.name == "input":
        y = Value(graph.node("Identity", ["input"]), y.shape)
    graph.nodes[-1].output[0] = "output"                  # nothing reads the last value but the caller
    whole = _whole(model, graph, x, Value("output", y.shape))
    onnx.checker.check_model(whole, full_check=True)
    with whole_file(path) as file:
        file.write(whole.SerializeToString())


def _whole(model, graph, x, y):
    from onnx import TensorProto, helper, numpy_helper

    def described(value, names):
        sizes = [names[axis] if size is None else size for axis, size in enumerate(value.shape)]
        return helper.make_tensor_value_info(value.name, TensorProto.FLOAT, sizes)
    names = ["batch", *SIZES.get(len(x.shape), ()), "channels", *(f"size_{i}" for i in range(9))]
    free = ["batch", *(f"output_size_{i}" for i in range(9))]
    constants = [numpy_helper.from_array(array, name) for name, array in graph.constants.values()]
    whole = helper.make_graph(graph.nodes, model.name, [described(x, names)], [described(y, free)], constants)
    made = helper.make_model(whole, producer_name="mgconv", producer_version=__version__,
                             opset_imports=[helper.make_opsetid("", graph.opset)])
    made.ir_version = helper.find_min_ir_version_for(made.opset_import)
    return made
