"""Keras's Functional models: a plain chain of layers is a Sequential."""
from __future__ import annotations

from typing import Any


def chain_of(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The descriptions of the layers from the input to the output, of a configuration of a Functional model.

    Raises
    ------
    ValueError
        If it is no plain chain: it has several inputs or outputs, a layer is used twice or takes several inputs. The
        message names the layer.
    """
    by_name: dict[str, Any] = {}
    for layer in settings["layers"]:
        by_name[layer.get("name") or layer["config"]["name"]] = layer
    start, name = _one("input", settings["input_layers"]), _one("output", settings["output_layers"])
    chain: list[dict[str, Any]] = []
    while name != start:
        layer = by_name[name]
        if len(chain) > len(by_name):
            raise ValueError("the layers of the model are a circle.")
        nodes = layer["inbound_nodes"]
        if len(nodes) != 1:
            raise ValueError(f"the layer {name} ({layer['class_name']}) is used {len(nodes)} times: only chains of "
                             "layers are read.")
        sources = [*_sources(nodes[0])]
        if len(sources) != 1:
            raise ValueError(f"the node of the layer {name} ({layer['class_name']}) has {len(sources)} inputs "
                             f"({', '.join(sources)}): only chains of layers are read.")
        chain.append(layer)
        name = sources[0]
    if len(chain) + 1 != len(by_name):
        beside = sorted(set(by_name) - {start} - {layer.get("name") for layer in chain})
        raise ValueError(f"only chains of layers are read. Received: {', '.join(beside[:10])} beside the chain.")
    return [by_name[start], *reversed(chain)]


def _one(kind, entries):
    """The name of the one input or output layer, written as [name, 0, 0] or in a list of such."""
    if isinstance(entries, list) and len(entries) == 1:
        entries = entries[0]
    if not isinstance(entries, list) or len(entries) != 3 or not isinstance(entries[0], str):
        raise ValueError(f"a model must have one {kind} to be read as a chain of layers. "
                         f"Received: {str(entries)[:120]}.")
    return entries[0]


def _sources(node):
    """The names of the layers whose outputs a node takes, in Keras's writing of 3 or of 2."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            yield node["config"]["keras_history"][0]
        else:
            for entry in node.values():
                yield from _sources(entry)
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and isinstance(node[1], int):
            yield node[0]
        else:
            for entry in node:
                yield from _sources(entry)
