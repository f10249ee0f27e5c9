"""Functional models of Keras: chains in both of its writings, and what is no chain."""
import pytest

from mgconv.saving.functional import chain_of


def tensor(name):
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32",
                                                         "keras_history": [name, 0, 0]}}


def keras_3(*sources):
    return {"args": [tensor(sources[0]) if len(sources) == 1 else [tensor(name) for name in sources]], "kwargs": {}}


def keras_2(*sources):
    return [[name, 0, 0, {}] for name in sources]


def model(node, *layers, inputs=("x",), outputs=("z",)):
    """`layers` are (name, the sources of each node)."""
    return {"layers": [{"class_name": "Dense", "name": name, "config": {"name": name},
                        "inbound_nodes": [node(*sources) for sources in nodes]} for name, *nodes in layers],
            "input_layers": [[name, 0, 0] for name in inputs], "output_layers": [[name, 0, 0] for name in outputs]}


both = pytest.mark.parametrize("node", [keras_3, keras_2])


@both
def test_chains_in_any_order(node):
    settings = model(node, ("z", ["y"]), ("x",), ("y", ["x"]))
    assert [layer["name"] for layer in chain_of(settings)] == ["x", "y", "z"]
    settings["input_layers"], settings["output_layers"] = ["x", 0, 0], ["z", 0, 0]        # as Keras 3 writes one
    assert [layer["name"] for layer in chain_of(settings)] == ["x", "y", "z"]


@both
@pytest.mark.parametrize(("layers", "ends", "message"), [
    ([("x",), ("y", ["x"]), ("z", ["x", "y"])], {}, r"the node of the layer z \(Dense\) has 2 inputs \(x, y\)"),
    ([("x",), ("y", ["x"], ["y"]), ("z", ["y"])], {}, r"the layer y \(Dense\) is used 2 times"),
    ([("x",), ("y", ["x"]), ("z", ["x"])], {}, "Received: y beside the chain"),
    ([("x",), ("y", ["z"]), ("z", ["y"])], {}, "a circle"),
    ([("x",), ("y",), ("z", ["x"])], {"inputs": ("x", "y")}, "must have one input"),
    ([("x",), ("y", ["x"]), ("z", ["x"])], {"outputs": ("y", "z")}, "must have one output"),
])
def test_what_is_no_chain(node, layers, ends, message):
    with pytest.raises(ValueError, match=message):
        chain_of(model(node, *layers, **ends))
