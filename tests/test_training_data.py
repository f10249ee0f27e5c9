"""What `fit`, `evaluate` and `predict` take: batches from generators and data sets, frames, steps, weights."""
import numpy as np
import pytest

import mgconv
from mgconv import callbacks, layers, metrics, optimizers, utils

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 5)), RNG.standard_normal((40, 2))
pytestmark = pytest.mark.thread_unsafe(reason="the random seed is the process's")


def small(**how):
    mgconv.set_random_seed(0)
    model = mgconv.Sequential([mgconv.Input((5,), dtype="float64"), layers.Dense(4, "tanh"), layers.Dense(2)])
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | how)
    return model


def batches(size=10, x=X, y=Y):
    return [(x[i:i + size], y[i:i + size]) for i in range(0, len(x), size)]


class ByNumber(utils.PyDataset):
    ended = 0

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return batches()[index]

    def on_epoch_end(self):
        self.ended += 1


class Iterable:
    def __iter__(self):
        return iter(batches())


def endless():
    while True:
        yield from batches()


@pytest.mark.parametrize("make", [batches, ByNumber, Iterable, endless])
def test_batches_are_as_good_as_arrays(make):
    want, got = small(), small()
    history = want.fit(X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0)
    data = make()
    steps = 4 if hasattr(data, "__next__") else None
    again = got.fit(data, epochs=3, shuffle=False, verbose=0, steps_per_epoch=steps, validation_data=Iterable())
    np.testing.assert_array_equal(got.parameters, want.parameters)
    assert again.history["loss"] == history.history["loss"]
    assert again.params["steps"] == (4 if hasattr(data, "__len__") or steps else None)
    assert again.history["val_loss"][-1] == pytest.approx(want.evaluate(X, Y, verbose=0), rel=1e-12)
    assert getattr(data, "ended", 3) == 3
    assert got.evaluate(Iterable(), verbose=0) == pytest.approx(want.evaluate(X, Y, verbose=0), rel=1e-12)
    np.testing.assert_array_equal(got.predict(Iterable(), verbose=0), got.predict(X, batch_size=10, verbose=0))
    np.testing.assert_array_equal(got.predict(X, batch_size=10, steps=2, verbose=0), got.predict(X[:20], 10, 0))
    assert got.evaluate(X, Y, 10, 0, steps=2) == pytest.approx(got.evaluate(X[:20], Y[:20], verbose=0), rel=1e-12)


def test_what_is_called_by_number_is_shuffled_by_the_batch():
    class Order(ByNumber):
        seen = ()

        def __getitem__(self, index):
            self.seen += (index,)
            return super().__getitem__(index)
    data = Order()
    small().fit(data, epochs=5, verbose=0)
    assert sorted(data.seen) == sorted([0, 1, 2, 3] * 5)
    assert data.seen[:4] != data.seen[4:8] or data.seen[:4] != data.seen[8:12]


def test_a_model_takes_its_shape_from_the_first_batch():
    model = mgconv.Sequential([layers.Dense(2)])
    model.compile("sgd", "mse")
    seen = []
    model.fit((seen.append(i) or batch for i, batch in enumerate(batches())), verbose=0)
    assert seen == [0, 1, 2, 3]
    assert model.input_shape == (None, 5)
    other = mgconv.Sequential([layers.Dense(2)])
    assert other.predict((x for x, _ in batches()), verbose=0).shape == (40, 2)


def test_steps_go_on_where_the_last_epoch_ended():
    sums = []
    data = (sums.append(i) or batch for i, batch in enumerate(batches() * 3))
    model = small()
    model.fit(data, steps_per_epoch=3, epochs=2, verbose=0)
    assert len(sums) == 6
    with pytest.warns(RuntimeWarning, match="ran out before the epoch had"):
        small().fit(X, Y, batch_size=10, steps_per_epoch=9, verbose=0)
    with pytest.warns(RuntimeWarning, match="ran out before epoch 2"):
        history = small().fit(iter(batches()), epochs=3, verbose=0)
    assert len(history.history["loss"]) <= 2


def test_steps_over_arrays_take_all_samples_in_turn():
    """Two epochs of two batches see what one of four sees."""
    one = small()
    one.fit(X, Y, batch_size=10, verbose=0)
    other = small()
    other.fit(X, Y, batch_size=10, epochs=2, steps_per_epoch=2, verbose=0)
    np.testing.assert_array_equal(one.parameters, other.parameters)


def test_weighted_metrics_and_loss_weights():
    weight = RNG.uniform(0, 2, 40)
    root = metrics.RootMeanSquaredError(name="rmse")
    model = small(metrics=["mae"], weighted_metrics=["mae", root], loss_weights=[3])
    error = abs(model.predict(X, verbose=0) - Y)
    got = model.evaluate(X, Y, sample_weight=weight, verbose=0, return_dict=True)
    assert list(got) == model.metrics_names == ["loss", "mae", "mae_1", "rmse"]
    assert got["mae"] == pytest.approx(error.mean(), rel=1e-12)
    assert got["mae_1"] == pytest.approx((error.mean(axis=1) * weight).sum() / weight.sum(), rel=1e-12)
    assert got["loss"] == pytest.approx(3 * ((error ** 2).mean(axis=1) * weight).mean(), rel=1e-12)
    plain = small()
    model.train_on_batch(X, Y, weight)
    plain.train_on_batch(X, Y, weight)
    np.testing.assert_allclose(model.gradient, 3 * plain.gradient, rtol=1e-12)
    with pytest.raises(ValueError, match="one number, for the one output"):
        small(loss_weights=[1, 2])


def test_metrics_results_and_losses_can_be_asked_for():
    model = small(metrics=["mae"], weighted_metrics=[])
    model.evaluate(X, Y, verbose=0)
    y_pred = model.predict(X, verbose=0)
    mae = abs(y_pred - Y).mean()
    assert model.get_metrics_result()["mae"] == pytest.approx(mae, rel=1e-12)
    model.reset_metrics()
    assert model.get_metrics_result() == {"loss": 0.0, "mae": 0.0}
    assert model.compute_metrics(X, Y, y_pred)["mae"] == pytest.approx(mae, rel=1e-12)
    assert model.compute_loss(X, Y, y_pred) == pytest.approx(((y_pred - Y) ** 2).mean(), rel=1e-12)


def test_validation_at_chosen_epochs_and_steps():
    model = small()
    history = model.fit(X, Y, epochs=6, validation_data=(X, Y), validation_freq=[2, 5], validation_steps=1,
                        validation_batch_size=7, verbose=0)
    assert len(history.history["val_loss"]) == 2
    assert model.history is history


def test_class_weights_for_batches():
    x, classes = RNG.standard_normal((20, 5)), RNG.integers(0, 2, 20)

    def trained(data, **how):
        model = small(loss="sparse_categorical_crossentropy")
        model.fit(*data, shuffle=False, verbose=0, class_weight={0: 0.5, 1: 3.0}, **how)
        return model.parameters
    np.testing.assert_array_equal(trained((x, classes), batch_size=5), trained((batches(5, x, classes),)))


def test_the_average_of_the_weights_takes_their_place_after_training():
    model = small(optimizer=optimizers.SGD(0.1, use_ema=True))
    model.fit(X, Y, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.parameters, model.optimizer.state["average"])


def frames():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(dict(zip("abcde", X.T, strict=True)))
    yield x, pandas.DataFrame(Y, columns=["p", "q"])
    x["a"] = pandas.array(x["a"], dtype="Float64")
    yield x, pandas.DataFrame(Y)


def test_frames_are_arrays():
    want = small()
    want.fit(X, Y, verbose=0)
    for x, y in frames():
        model = small()
        model.fit(x, y, verbose=0, sample_weight=np.ones(40))
        np.testing.assert_array_equal(model.parameters, want.parameters)


def test_frames_of_texts_are_refused():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match="must be an array of real numbers. Received: DataFrame of dtype object"):
        small().predict(pandas.DataFrame({"a": [1], "b": ["1"]}), verbose=0)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda m: m.fit(batches(), Y), ValueError, "`y` must be left out where `x` gives batches"),
    (lambda m: m.fit(batches(), batch_size=3), ValueError, "`batch_size` must be left out"),
    (lambda m: m.fit(batches(), validation_split=0.1), ValueError, "`validation_split` needs arrays"),
    (lambda m: m.fit(iter([])), ValueError, "at least one batch"),
    (lambda m: m.fit(iter([X])), ValueError, "Received: no targets"),
    (lambda m: m.fit(iter([(X, Y, None, None)])), ValueError, "Received: 4 entries"),
    (lambda m: m.fit(iter([(X, Y[:3])])), ValueError, "same number of samples"),
    (lambda m: m.fit(X, Y, steps_per_epoch=0), ValueError, "`steps_per_epoch` must be at least 1"),
    (lambda m: m.fit(X, Y, nb_epoch=3), TypeError, "In place of `nb_epoch` there is `epochs`"),
    (lambda m: m.fit(X, Y, epoch=3), TypeError, "The nearest name is `epochs`"),
    (lambda m: m.compile("sgd", "mse", metric=["mae"]), TypeError, "The nearest name is `metrics`"),
    (lambda m: m.compile("sgd", "mse", steps_per_execution=0), ValueError, "`steps_per_execution`"),
    (lambda m: optimizers.SGD(lr=0.1), TypeError, "In place of `lr` there is `learning_rate`"),
    (lambda m: callbacks.EarlyStopping(patiance=3), TypeError, "The nearest name is `patience`"),
    (lambda m: m.fit(X, Y, validation_data="xy"), TypeError, "`validation_data`"),
    (lambda m: mgconv.Sequential([layers.Dense(2)]).fit(X, Y), ValueError, "`fit` needs a model that was compiled"),
    (lambda m: mgconv.Sequential().predict(X), ValueError, "at least one layer"),
])
def test_errors_say_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call(small())
