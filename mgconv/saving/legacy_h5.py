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
        with waiting_for_values(layout.total(weights_h5.stored_in(root))):
            model = reader.model(config)
        if not model.built:
            raise ValueError("the shape of the model's input is not known.")
        layout.restore(model, by_place(model, root))
        training = opened.attrs.get("training_config")
        if compile and training is not None:
            training = parse_json(training, "training_config")
            compile_as(model, training | {"optimizer": training.get("optimizer_config")}, reader)
    return model


def by_place(model: Any, root: Any) -> dict[str, layout.Stored]:
    """The arrays in the groups of `root`, which are named after layers, by the paths that `layout` gives them."""
    stored, found = weights_h5.stored_in(root), {}
    for layer in model.layers:
        group = root.get(layer.name)
        names = [] if group is None else [_text(name) for name in group.attrs.get("weight_names", ())]
        places = _places(model, layer)
        if len(names) != len(places):
            raise ValueError(f"the layer {layer.name} takes {len(places)} arrays. Received: {len(names)}.")
        for place, name in zip(places, names, strict=True):
            found[place] = stored[f"{layer.name}/{name}"]
    return found


def _places(model, layer):
    """Where the arrays of a layer and of those within it stand: those that are trained first."""
    inside = {id(layer), *(id(inner) for inner in (layer.flattened() if isinstance(layer, Composite) else ()))}
    trained = {id(weight) for weight in layer.trainable_weights}
    places = [(id(weight) not in trained, f"{path}/{number}") for path, owner, weights in layout.groups(model)
              if id(owner) in inside for number, weight in enumerate(weights)]
    return [place for _, place in sorted(places, key=lambda pair: pair[0])]


def _text(name):
    return name.decode() if isinstance(name, bytes) else str(name)
