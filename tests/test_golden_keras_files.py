"""Files as releases of Keras wrote them: the same layers, predictions, and one more step of training.

tools/golden/keras_files.py made them; it runs where Keras is.
"""
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mgconv
from mgconv import layers

pytest.importorskip("h5py", reason="files of Keras need h5py")

ARCHIVES = sorted((Path(__file__).parent / "golden" / "keras").glob("*.zip"))
FACTS = {path.stem: json.loads(zipfile.ZipFile(path).read("facts.json")) for path in ARCHIVES}
CASES = [(stem, name) for stem in FACTS for name in FACTS[stem]]
cases = pytest.mark.parametrize(("stem", "name"), CASES, ids=[" ".join(case) for case in CASES])


@pytest.fixture
def unpacked(tmp_path):
    def unpack(stem, member):
        archive = zipfile.ZipFile(next(path for path in ARCHIVES if path.stem == stem))
        path = tmp_path / member
        with archive.open(member) as source, open(path, "wb") as target:
            shutil.copyfileobj(source, target)
        return path
    return unpack


def loaded(path):
    if "normalized" in path.name and "SeparableConv1D" not in layers.registry:
        pytest.skip("its layers are not there yet")
    return mgconv.load_model(path)


def arrays(stem, name):
    facts = FACTS[stem][name]
    x = np.array(facts["x"], "f4").reshape(facts["shape"])
    return x, np.array(facts["y"]).reshape(len(x), -1), np.array(facts["predictions"])


@cases
def test_predictions(stem, name, unpacked):
    model = loaded(unpacked(stem, f"{name}.keras"))
    x, _, want = arrays(stem, name)
    np.testing.assert_allclose(model.predict(x, verbose=0).ravel(), want, rtol=2e-5, atol=2e-6)
    assert [layer.name for layer in model.layers] == [
        layer for layer in FACTS[stem][name]["layers"] if layer != "start"]


@cases
def test_training_goes_on(stem, name, unpacked):
    """The optimizer takes up its state: without it, the next step would be another one."""
    model = loaded(unpacked(stem, f"{name}.keras"))
    x, y, _ = arrays(stem, name)
    assert model.optimizer.iterations == 2
    model.train_on_batch(x, y)
    for have, want in zip(model.get_weights(), FACTS[stem][name]["weights"], strict=True):
        np.testing.assert_allclose(have.ravel(), want, rtol=1e-4, atol=3e-6)


@cases
def test_weights_alone(stem, name, unpacked):
    model = loaded(unpacked(stem, f"{name}.keras"))
    model.load_weights(unpacked(stem, f"{name}.weights.h5"))
    for have, want in zip(model.get_weights(), FACTS[stem][name]["weights"], strict=True):
        np.testing.assert_allclose(have.ravel(), want, rtol=1e-6)
    assert model.optimizer.iterations == 3


@pytest.mark.parametrize("stem", [path.stem for path in ARCHIVES if "series.h5" in zipfile.ZipFile(path).namelist()])
def test_whole_models_in_hdf5(stem, unpacked):
    model = mgconv.load_model(unpacked(stem, "series.h5"))
    x, _, want = arrays(stem, "series")
    np.testing.assert_allclose(model.predict(x, verbose=0).ravel(), want, rtol=2e-5, atol=2e-6)
    assert isinstance(model.loss, mgconv.losses.SparseCategoricalCrossentropy)


def test_settings_survive(unpacked):
    model = mgconv.load_model(unpacked(ARCHIVES[0].stem, "series.keras"))
    first, last = model.layers[0], model.layers[-1]
    assert isinstance(first.kernel_regularizer, mgconv.regularizers.L2)
    assert last.kernel_constraint.max_value == 1.5
    assert [metric.name for metric in model.metrics] == ["accuracy"]
