"""Whole models in the HDF5 files of tf.keras 2 (and of Keras 3, where it still writes them): to be read only.

The attribute `model_config` of the file is the architecture in JSON; `model_weights` has a group for each layer, by its
name, whose attribute `weight_names` lists where its arrays stand.
"""
from __future__ import annotations

from typing import Any

from mgconv.layers.composite import Composite
from mgconv.layers.weights import waiting_for_values
from mgconv.saving import layout, weights_h5
from mgconv.saving.archive import parse_json
from mgconv.saving.compiled import compile_as
from mgconv.saving.objects import Reader


def read_legacy(file: Any, custom_objects: dict[str, Any], compile: bool) -> Any:
    """The model in an open file, compiled as it was; its optimizer begins anew."""
    with weights_h5.opened(file.read()) as opened:
        if "model_config" not in opened.attrs:
            raise ValueError("it holds weights without a model: make the model and call its `load_weights`.")
        reader = Reader(custom_objects)
        config = parse_json(opened.attrs["model_config"], "model_config")
        root = opened["model_weights"]
        stored = weights_h5.stored_in(root)
        with waiting_for_values(layout.total(stored)):
            model = reader.model(config)
        if not model.built:
            raise ValueError("the shape of the model's input is not known.")
        layout.restore(model, _by_place(model, root, stored))
        training = opened.attrs.get("training_config")
        if compile and training is not None:
            training = parse_json(training, "training_config")
            compile_as(model, training | {"optimizer": training.get("optimizer_config")}, reader)
    return model


def _by_place(model, root, stored):
    """The arrays by the paths that `layout` gives them."""
    found = {}
    for layer in model.layers:
        group = root.get(layer.name)
        names = [] if group is None else [_text(name) for name in group.attrs.get("weight_names", ())]
        arrays = [stored[f"{layer.name}/{name}"] for name in names]
        groups = [group for group in _ordered(model, layer) if group.weights]
        for path, _, weights in groups:
            for number, entry in enumerate(arrays[:len(weights)]):
                found[f"{path}/{number}"] = entry
            del arrays[:len(weights)]
        if arrays:
            raise ValueError(f"the layer {layer.name} has {len(arrays)} arrays more in the file than in the model.")
    return found


def _ordered(model, layer):
    """Its group, and those of the layers within it."""
    inside = {id(layer), *(id(inner) for inner in (layer.flattened() if isinstance(layer, Composite) else ()))}
    return (group for group in layout.groups(model) if id(group.layer) in inside)


def _text(name):
    return name.decode() if isinstance(name, bytes) else str(name)
