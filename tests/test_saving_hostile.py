"""Files that are damaged, foreign or made to do harm: ValueError says so; no code runs, no memory is exhausted."""
import contextlib
import importlib.util
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mgconv
from mgconv import layers
from mgconv.saving import archive

needs_h5py = pytest.mark.skipif(importlib.util.find_spec("h5py") is None, reason="files of Keras need h5py")
kinds = pytest.mark.parametrize("ending", [pytest.param(".keras", marks=needs_h5py), ".npz"])


def small_model():
    model = mgconv.Sequential([mgconv.Input((6, 1)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(),
                               layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.train_on_batch(np.ones((2, 6, 1)), np.ones(2))
    return model


@pytest.fixture(scope="module")
def whole_bytes(tmp_path_factory):
    """The bytes of a file of each kind."""
    found, folder = {}, tmp_path_factory.mktemp("whole")
    for ending in (".keras", ".npz") if importlib.util.find_spec("h5py") else (".npz",):
        small_model().save(folder / f"a{ending}")
        found[ending] = (folder / f"a{ending}").read_bytes()
    return found


def refused(data, tmp_path, match=None, ending=".keras", **arguments):
    path = tmp_path / f"bad{ending}"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=match) as caught:
        mgconv.load_model(path, **arguments)
    assert str(path) in str(caught.value)


def repacked(data, **changed):
    """The archive with members replaced, added or (None) left out; their names with _ for the dot."""
    changed = {name.replace("__", "/").replace("_", "."): value for name, value in changed.items()}
    buffer, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(data))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in [*source.namelist(), *(set(changed) - set(source.namelist()))]:
            content = changed.get(name, source.read(name) if name in source.namelist() else None)
            if content is not None:
                target.writestr(name, content)
    return buffer.getvalue()


def described(change, data):
    """The bytes of a .npz whose architecture `change` was applied to."""
    config = json.loads(np.load(io.BytesIO(data))["architecture"].tobytes())
    buffer = io.BytesIO()
    arrays = dict(np.load(io.BytesIO(data)))
    text = json.dumps(change(config) or config).encode()
    np.savez(buffer, **(arrays | {"architecture": np.frombuffer(text, np.uint8)}))
    return buffer.getvalue()


def with_arrays(data, **changed):
    arrays = dict(np.load(io.BytesIO(data))) | {name.replace("__", "/"): value for name, value in changed.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in arrays.items() if value is not None})
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------------------- bytes

@kinds
def test_every_truncation(ending, whole_bytes, tmp_path):
    data = whole_bytes[ending]
    for length in (0, 1, 3, 4, 30, 100, *range(200, len(data) - 1, 997), len(data) - 1):
        refused(data[:length], tmp_path, ending=ending)


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), pickle.dumps([1]),
                                  bytes(5000)])
def test_foreign_files(data, tmp_path):
    refused(data, tmp_path)


@kinds
def test_flipped_bytes(ending, whole_bytes, tmp_path):
    """Any outcome but a crash or another error: members have checksums, headers have not."""
    data, rng, path = whole_bytes[ending], np.random.default_rng(0), tmp_path / f"a{ending}"
    for place in rng.integers(0, len(data), 150):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with contextlib.suppress(ValueError):
            mgconv.load_model(path)


@needs_h5py
def test_zip_bombs(whole_bytes, tmp_path):
    data = whole_bytes[".keras"]
    refused(repacked(data, model_weights_h5=bytes(archive.ROOM * 2)), tmp_path, "claims to be")
    refused(repacked(data, config_json=b" " * (archive.MOST_JSON + 1)), tmp_path, "at most")


@needs_h5py
def test_members_are_not_unpacked(whole_bytes, tmp_path):
    """Names that climb out of a folder are names like any other: nothing is written."""
    buffer = io.BytesIO(whole_bytes[".keras"])
    with zipfile.ZipFile(buffer, "a") as target:
        target.writestr("../../escaped.txt", "x")
        target.writestr("/tmp/escaped.txt", "x")
    path = tmp_path / "folder" / "a.keras"
    path.parent.mkdir()
    path.write_bytes(buffer.getvalue())
    mgconv.load_model(path)
    assert sorted(os.listdir(tmp_path)) == ["folder"]
    assert os.listdir(path.parent) == ["a.keras"]


@needs_h5py
def test_missing_and_doubled_members(whole_bytes, tmp_path):
    data = whole_bytes[".keras"]
    refused(repacked(data, config_json=None), tmp_path, "config.json is missing")
    refused(repacked(data, model_weights_h5=None), tmp_path, "model.weights.h5 is missing")
    mgconv_can = tmp_path / "a.keras"
    mgconv_can.write_bytes(repacked(data, metadata_json=None))
    mgconv.load_model(mgconv_can)
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("config.json", "{}")
    refused(buffer.getvalue(), tmp_path, "one name")


def test_pickled_objects_are_not_made(whole_bytes, tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)
    refused(with_arrays(whole_bytes[".npz"], layers__dense__vars__0=np.array([Harmful()], dtype=object)), tmp_path,
            "must hold")
    assert not (tmp_path / "harm").exists()


# ---------------------------------------------------------------------------------------------------------- arrays

@pytest.mark.parametrize(("changed", "message"), [
    ({"layers__dense__vars__0": None}, "numbered from 0"),
    ({"layers__dense__vars__1": None}, r"the layer dense takes arrays of shapes .* of the file has"),
    ({"layers__dense__vars__0": np.ones((9, 1))}, "the layer dense takes arrays of shapes"),
    ({"layers__dense__vars__0": np.ones((8, 1), complex)}, "real numbers"),
    ({"layers__dense__vars__0": np.full((8, 1), "1")}, "real numbers"),
    ({"layers__dense_1__vars__0": np.ones(3)}, "the file has layers/dense_1/vars, and the model no such layer"),
])
def test_weights_that_do_not_fit(changed, message, whole_bytes, tmp_path):
    refused(with_arrays(whole_bytes[".npz"], **changed), tmp_path, message)
    model = small_model()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.load_weights(tmp_path / "bad.keras")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_what_does_not_fit_may_be_skipped(whole_bytes, tmp_path):
    (tmp_path / "a.npz").write_bytes(with_arrays(whole_bytes[".npz"], layers__dense__vars__0=np.ones((9, 1))))
    model = small_model()
    kernel, dense = model.layers[0].kernel.copy() * 0 + 7, model.layers[2].kernel.copy()
    model.layers[0].kernel = kernel
    with pytest.warns(UserWarning, match="skipped: the layer dense"):
        model.load_weights(tmp_path / "a.npz", skip_mismatch=True)
    assert (model.layers[0].kernel != kernel).all()
    np.testing.assert_array_equal(model.layers[2].kernel, dense)


@pytest.mark.parametrize("dtype", ["f2", "f8", ">f4", "i4", "?"])
def test_other_real_numbers_are_cast(dtype, whole_bytes, tmp_path):
    (tmp_path / "a.npz").write_bytes(with_arrays(whole_bytes[".npz"], layers__dense__vars__0=np.ones((8, 1), dtype)))
    assert (mgconv.load_model(tmp_path / "a.npz").layers[2].kernel == 1).all()


@pytest.mark.parametrize("count", [-1, 2 ** 60])
def test_an_optimizer_of_an_odd_age_begins_anew(count, whole_bytes, tmp_path):
    (tmp_path / "a.npz").write_bytes(with_arrays(whole_bytes[".npz"], optimizer__vars__0=np.array(count)))
    with pytest.warns(UserWarning, match="begins anew"):
        assert mgconv.load_model(tmp_path / "a.npz").optimizer.iterations == 0


@needs_h5py
def test_numbers_that_lie_elsewhere(whole_bytes, tmp_path):
    import h5py
    archive_bytes = whole_bytes[".keras"]
    weights = zipfile.ZipFile(io.BytesIO(archive_bytes)).read("model.weights.h5")
    (tmp_path / "secret").write_bytes(np.ones(8, "f4").tobytes())

    def external(group):
        group.create_dataset("0", (8, 1), "f4", external=[(str(tmp_path / "secret"), 0, 32)])

    def virtual(group):
        virtual_layout = h5py.VirtualLayout((8, 1), "f4")
        virtual_layout[:] = h5py.VirtualSource(str(tmp_path / "b.h5"), "x", (8, 1))
        group.create_virtual_dataset("0", virtual_layout)

    def linked(group):
        group["0"] = h5py.ExternalLink(str(tmp_path / "b.h5"), "x")

    def absurd(group):
        group.create_dataset("0", (2 ** 40, 8), "f4", chunks=(1024, 8))

    def empty(group):
        group.create_dataset("0", data=h5py.Empty("f4"))

    def circle(group):
        group["0"] = group

    def texts(group):
        group.create_dataset("0", data=np.array([["a"]] * 8, h5py.string_dtype()))
    with h5py.File(tmp_path / "b.h5", "w") as other:
        other["x"] = np.ones((8, 1), "f4")
    for harm in (external, virtual, linked, absurd, empty, circle, texts):
        buffer = io.BytesIO(weights)
        with h5py.File(buffer, "r+") as file:
            del file["layers/dense/vars/0"]
            harm(file["layers/dense/vars"])
        refused(repacked(archive_bytes, model_weights_h5=buffer.getvalue()), tmp_path)


# ---------------------------------------------------------------------------------------------------- descriptions

def dense(**changed):
    def change(config):
        config["config"]["layers"][3]["config"].update(changed)
    return change


def layer(name, **settings):
    def change(config):
        config["config"]["layers"][3] = {"module": "keras.layers", "class_name": name, "config": settings}
    return change


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAA=", "defaults": None, "closure": None}}


@pytest.mark.parametrize(("change", "message"), [
    (dense(units=10 ** 12), "fewer numbers in the file"),
    (dense(units=9), "the layer dense takes|fewer numbers"),
    (dense(units=-1), "units"),
    (dense(foo=1), "Dense has no foo here"),
    (dense(dtype="float16"), "float32 or float64"),
    (dense(activation="no_such"), "the activation must be one of"),
    (dense(activation=LAMBDA), "code of a function, which is not run"),
    (layer("Lambda", function=LAMBDA), "code of a function, which is not run"),
    (layer("Lambda", function={"class_name": "function", "module": "os", "config": "system"}), "code|function"),
    (layer("system", command="ls"), "there is no system here"),
    (layer("Sequential", layers=[]), None),
    (lambda config: config["config"].update(layers=[]), "shape"),
    (lambda config: config["config"].update(layers="abc"), "layers must be a list"),
    (lambda config: config.update(class_name="LSTM"), "a model must be"),
    (lambda config: [1, 2], "a model must be"),
    (lambda config: config["compile_config"].update(optimizer="muon"), "compile=False"),
    (lambda config: config["compile_config"].update(loss={"class_name": "function", "module": "os",
                                                          "config": "system"}), "there is no function 'system'"),
])
def test_descriptions(change, message, whole_bytes, tmp_path):
    refused(described(change, whole_bytes[".npz"]), tmp_path, message, ".npz")


def test_a_model_within_itself(whole_bytes, tmp_path):
    """JSON has no references: what is nested without end is refused for its depth."""
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    refused(with_arrays(whole_bytes[".npz"], architecture=np.frombuffer(deep, np.uint8)), tmp_path, "deep|recursion")
    nested = {"class_name": "Dense", "config": {"units": 1}}
    for _ in range(300):
        nested = {"class_name": "Sequential", "config": {"layers": [nested]}}
    refused(described(lambda config: config["config"]["layers"].append(nested), whole_bytes[".npz"]), tmp_path)


TEXTS = st.text(max_size=5)
VALUES = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(-2 ** 70, 2 ** 70), st.floats(), TEXTS),
                      lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
                      max_leaves=5)


def places(value, path=()):
    """The paths of all entries of a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from places(entry, (*path, key))


@settings(max_examples=300)
@given(data=st.data())
def test_any_value_anywhere_in_a_description(data, whole_bytes, tmp_path_factory):
    def change(config):
        *path, key = data.draw(st.sampled_from(sorted(places(config), key=str)))
        inner = config
        for step in path:
            inner = inner[step]
        inner[key] = data.draw(VALUES)
    path = tmp_path_factory.mktemp("fuzz") / "a.npz"
    path.write_bytes(described(change, whole_bytes[".npz"]))
    with contextlib.suppress(ValueError):
        mgconv.load_model(path)
