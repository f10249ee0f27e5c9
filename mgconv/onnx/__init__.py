"""Models as ONNX graphs, for what runs them elsewhere. Needs the package onnx: `pip install mgconv[onnx]`."""
from mgconv.onnx.export import export

__all__ = ["export"]
