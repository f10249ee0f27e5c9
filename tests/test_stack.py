"""A model as a stack of layers: the table of them, adding and taking off, calls, names of another age."""
import io
import sys

import numpy as np
import pytest

import mgconv
from mgconv import layers


def nested():
    inner = mgconv.Sequential([layers.Dense(4, name="first"), layers.Dense(3)], name="inner")
    return mgconv.Sequential([mgconv.Input((5,)), inner, layers.Dense(2, name="a_layer_of_a_long_name")], name="outer")


def lines(model, **how):
    found = []
    model.summary(print_fn=found.append, **how)
    return found


def test_the_table_is_rectangular_and_complete():
    text = lines(nested())
    assert text[0] == 'Model: "outer"'
    assert len({len(line) for line in text[1:-3]}) == 1
    assert "inner (Sequential)" in text[4]
    assert text[4].split("│")[2:4] == [" (None, 3)    ", "      39 "]
    assert text[-3:] == [" Total params: 47 (188.00 B)", " Trainable params: 47 (188.00 B)",
                         " Non-trainable params: 0 (0.00 B)"]


def test_the_table_within():
    text = "\n".join(lines(nested(), expand_nested=True))
    assert "   └ first (Dense)" in text
    assert "first" not in "\n".join(lines(nested()))


def test_the_table_of_chosen_width_and_layers():
    for how in ({"line_length": 60}, {"line_length": 60, "positions": [0.3, 0.7, 1.0]},
                {"line_length": 60, "show_trainable": True}):
        assert {len(line) for line in lines(nested(), **how)[1:-3]} == {60}
    assert "…" in "\n".join(lines(nested(), line_length=40))
    text = "\n".join(lines(nested(), layer_range=["a_.*", "a_.*"]))
    assert "a_layer" in text
    assert "inner" not in text
    with pytest.raises(ValueError, match="`layer_range` must name layers: inner"):
        lines(nested(), layer_range=["x", "y"])
    with pytest.raises(ValueError, match="four characters"):
        lines(nested(), line_length=10)


def test_who_is_trained():
    model = nested()
    model.layers[1].trainable = False
    text = lines(model, show_trainable=True)
    assert [line.split("│")[-2].strip() for line in text[2:7:2]] == ["Trainable", "Y", "N"]
    assert text[-1] == " Non-trainable params: 8 (32.00 B)"
    model.compile("adam", "mse")
    model.fit(np.ones((4, 5)), np.ones((4, 2)), verbose=0)
    assert lines(model)[-1] == " Optimizer params: 78 (312.00 B)"


def test_the_table_where_there_are_no_frames(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    nested().summary()
    out.seek(0)
    assert "| inner (Sequential)" in out.read()


def test_layers_added_without_building():
    model = mgconv.Sequential([mgconv.Input((3,))])
    for _ in range(3):
        model.add(layers.Dense(3), rebuild=False)
    assert not model.built
    assert model.predict(np.ones((2, 3)), verbose=0).shape == (2, 3)
    top = model.pop(rebuild=False)
    assert not model.built
    assert top.kernel.shape == (3, 3)
    model.build()
    assert model.count_params() == 24


def test_what_fails_changes_nothing():
    class Bad(mgconv.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            raise RuntimeError("no")
    model = nested()
    x = np.ones((2, 5))
    want, kept = model.predict(x, verbose=0), model.layers[0]
    with pytest.raises(RuntimeError, match="no"):
        model.add(layers.Dense(3, kernel_initializer=Bad()))
    np.testing.assert_array_equal(model.predict(x, verbose=0), want)
    with pytest.raises(TypeError):
        mgconv.Sequential([mgconv.Input((5,)), layer := layers.Dense(3), "oops"])
    assert mgconv.Sequential([mgconv.Input((5,)), layer]).built
    assert model.layers[0] is kept
    assert kept.owner is model


def test_a_model_is_a_function():
    model = mgconv.Sequential([mgconv.Input((6,)), layers.Dropout(0.5)])
    x = np.ones((50, 6), "float32")
    np.testing.assert_array_equal(model(x), x)
    assert set(np.unique(model(x, training=True))) == {0, 2}


def test_parameters_may_be_set():
    model = nested()
    vector = model.parameters
    model.parameters = np.arange(47)
    assert model.parameters is vector
    np.testing.assert_array_equal(model.get_weights()[-1], [45, 46])


@pytest.mark.parametrize(("name", "there"), [
    ("fit_generator", "in place of it there is `fit`"), ("predict_classes", "argmax"), ("nothing", "'nothing'")])
def test_methods_of_another_age(name, there):
    assert not hasattr(nested(), name)
    with pytest.raises(AttributeError, match=there):
        getattr(nested(), name)


def test_padding_in_capitals():
    assert layers.Conv1D(1, 3, padding="SAME").padding == "same"
