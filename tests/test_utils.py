"""mgconv.utils: what Keras's functions of the same names do, written plainly."""
import numpy as np
import pytest

import mgconv
from mgconv import layers, utils

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (2, 3), ()])
def test_to_categorical(shape):
    classes = RNG.integers(0, 4, shape)
    flat = classes[..., 0] if shape[-1:] == (1,) else classes
    np.testing.assert_array_equal(utils.to_categorical(classes, 5), np.eye(5)[flat])
    assert utils.to_categorical([0, 2]).shape == (2, 3)
    with pytest.raises(ValueError, match="class numbers must be from 0 to 3"):
        utils.to_categorical([4], 4)


@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (0, 1), (1, np.inf)])
def test_normalize(axis, order):
    x = RNG.standard_normal((3, 4))
    want = np.apply_along_axis(lambda row: row / np.linalg.norm(row, order), axis, x)
    np.testing.assert_allclose(utils.normalize(x, axis, order), want, rtol=1e-14)


@pytest.mark.parametrize(("sizes", "want"), [((0.7, None), (7, 3)), ((None, 0.3), (7, 3)), ((4, 5), (4, 5)),
                                             ((3, None), (3, 7)), ((0.5, 0.2), (5, 2))])
def test_split_dataset(sizes, want):
    x = np.arange(20).reshape(10, 2)
    left, right = utils.split_dataset(x, *sizes)
    assert (len(left), len(right)) == want
    np.testing.assert_array_equal(np.concatenate([left, right]), x[:sum(want)])
    (a, b), (c, d) = utils.split_dataset((x, x[:, 0]), *sizes, shuffle=True, seed=1)
    np.testing.assert_array_equal(a[:, 0], b)
    assert len(set(b) | set(d)) == len(b) + len(d) == sum(want)
    np.testing.assert_array_equal(c[:, 0], d)
    assert utils.split_dataset(list(range(10)), *sizes)[0] == list(range(want[0]))


@pytest.mark.parametrize(("sizes", "message"), [
    ((None, None), "one of `left_size`"), ((0, None), "must hold samples"), ((8, 3), "must hold samples"),
    ((1.5, None), "share from 0 to 1"), ((-1, None), "`left_size`")])
def test_split_dataset_refuses(sizes, message):
    with pytest.raises(ValueError, match=message):
        utils.split_dataset(np.arange(10), *sizes)


@pytest.mark.parametrize("settings", [
    {}, {"sequence_stride": 3}, {"sampling_rate": 2}, {"start_index": 4, "end_index": 20}, {"batch_size": 1}])
def test_windows(settings):
    data, targets = RNG.standard_normal((30, 2)), np.arange(30)
    how = {"sequence_stride": 1, "sampling_rate": 1, "batch_size": 8, "start_index": 0, "end_index": 30} | settings
    series = data[how["start_index"]:how["end_index"]]
    span = 4 * how["sampling_rate"]
    windows, marks = [], []
    for start in range(0, len(series) - span, how["sequence_stride"]):
        windows.append(series[start:start + span + 1:how["sampling_rate"]])
        marks.append(targets[how["start_index"] + start])
    got = utils.timeseries_dataset_from_array(data, targets, 5, batch_size=how.pop("batch_size"), **settings
                                              if "batch_size" not in settings else {})
    assert all(len(x) == len(y) for x, y in got)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in got]), windows)
    np.testing.assert_array_equal(np.concatenate([y for _, y in got]), marks)
    shuffled = utils.timeseries_dataset_from_array(data, targets, 5, batch_size=None, shuffle=True, seed=1)
    assert sorted(int(y) for _, y in shuffled) == list(range(26))
    (x,) = utils.timeseries_dataset_from_array(data, None, 5)
    assert x.shape == (26, 5, 2)


@pytest.mark.parametrize(("settings", "message"), [
    ({"sequence_length": 40}, "must hold a window"), ({"start_index": 30}, "below `end_index`"),
    ({"sampling_rate": 0}, "`sampling_rate`"), ({"end_index": 31}, "at most the number of steps"),
    ({"batch_size": 0}, "`batch_size`")])
def test_windows_refuse(settings, message):
    with pytest.raises(ValueError, match=message):
        utils.timeseries_dataset_from_array(np.arange(30), None, **{"sequence_length": 4} | settings)


def test_windows_train_a_model():
    series = np.sin(0.3 * np.arange(200))
    windows = utils.timeseries_dataset_from_array(series[:-1, None], series[12:], 12, batch_size=16)
    model = mgconv.Sequential([mgconv.Input((12, 1)), layers.Conv1D(4, 3, activation="tanh"), layers.Flatten(),
                               layers.Dense(1)])
    model.compile(mgconv.optimizers.Adam(0.01), "mse")
    history = model.fit(windows, epochs=30, verbose=0)
    assert history.history["loss"][-1] < 0.01 * history.history["loss"][0]
    assert model.predict(windows, verbose=0).shape == (188, 1)
