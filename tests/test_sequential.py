"""Sequential: building, data, training, prediction; what Keras users rely on."""
import copy
import pickle

import numpy as np
import pytest

import mgconv
from mgconv import callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 12, 1))
Y = X[:, :3, 0] * 2 - X[:, 3:6, 0]


def small(dtype=None, seed=0, loss="mse", optimizer="adam", metrics=None):
    mgconv.set_random_seed(seed)
    model = mgconv.Sequential([mgconv.Input((12, 1), dtype=dtype), layers.Conv1D(8, 3, activation="relu"),
                               layers.Flatten(), layers.Dense(3)])
    model.compile(optimizer, loss, metrics=metrics)
    return model


def test_weights_are_views_of_one_vector():
    model = small()
    assert model.parameters.size == model.count_params() == 8 * 3 + 8 + 80 * 3 + 3
    assert [w.shape for w in model.get_weights()] == [(3, 1, 8), (8,), (80, 3), (3,)]
    model.parameters[:] = np.arange(model.parameters.size)
    np.testing.assert_array_equal(np.concatenate([w.ravel() for w in model.get_weights()]), model.parameters)
    assert all(w.base is not None for w in (model.layers[0].kernel, model.layers[2].bias))


def test_set_weights():
    one, other = small(seed=1), small(seed=2)
    other.set_weights(one.get_weights())
    np.testing.assert_array_equal(one.parameters, other.parameters)
    np.testing.assert_array_equal(one.predict(X, verbose=0), other.predict(X, verbose=0))
    bad = one.get_weights()
    bad[3] = np.zeros(4)
    with pytest.raises(ValueError, match=r"weight dense/bias must have shape \(3,\). Received: \(4,\)."):
        other.set_weights(bad)
    with pytest.raises(ValueError, match="4 weight arrays. Received: 3."):
        other.set_weights(bad[:3])


def test_initial_biases_are_zero_and_kernels_are_not():
    kernel, bias, dense, _ = small().get_weights()
    assert (bias == 0).all()
    assert kernel.std() > 0.1
    assert abs(dense).max() <= np.sqrt(6 / 83)


def test_learns():
    model = small(optimizer=mgconv.optimizers.Adam(0.01))
    history = model.fit(X, Y, epochs=150, verbose=0)
    assert isinstance(history, callbacks.History)
    assert history.epoch == list(range(150))
    assert history.history["loss"][-1] < 0.05 * history.history["loss"][0]
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(((model.predict(X, verbose=0) - Y) ** 2).mean(), rel=1e-5)


def test_the_loss_of_an_epoch_is_the_mean_over_samples():
    """With a learning rate of 0 it must equal the loss over all, though the last batch is smaller."""
    model = small("float64", optimizer=mgconv.optimizers.SGD(0.0), metrics=["mae"])
    history = model.fit(X, Y, batch_size=32, epochs=1, verbose=0).history
    want = ((model.predict(X, verbose=0) - Y) ** 2).mean()
    assert history["loss"][0] == pytest.approx(want, rel=1e-12)
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(want, rel=1e-12)
    assert history["mae"][0] == pytest.approx(abs(model.predict(X, verbose=0) - Y).mean(), rel=1e-12)


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_a_seed_makes_training_reproducible_for_any_number_of_threads():
    results, before = [], mgconv.get_num_threads()
    for threads in (1, 2):
        mgconv.set_num_threads(threads)
        model = small(seed=5)
        history = model.fit(X, Y, epochs=3, verbose=0, validation_split=0.2)
        results.append((model.parameters.tobytes(), history.history))
    mgconv.set_num_threads(before)
    assert results[0] == results[1]
    other = small(seed=6)
    other.fit(X, Y, epochs=3, verbose=0, validation_split=0.2)
    assert other.parameters.tobytes() != results[0][0]


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_shuffle():
    """In order, one epoch of batches of 10 is the same as ten calls of train_on_batch."""
    one, other, shuffled = small(), small(), small()
    one.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    for i in range(0, 70, 10):
        other.train_on_batch(X[i:i + 10], Y[i:i + 10])
    shuffled.fit(X, Y, batch_size=10, verbose=0)
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert (one.parameters != shuffled.parameters).any()


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_validation_split_takes_the_last_samples():
    x, y = X.copy(), Y.copy()
    x[56:], y[56:] = 0, 3
    model = small(optimizer=mgconv.optimizers.SGD(0.0))
    history = model.fit(x, y, validation_split=0.2, verbose=0)
    assert history.history["val_loss"][0] == pytest.approx(9.0)
    explicit = small(optimizer=mgconv.optimizers.SGD(0.0))
    again = explicit.fit(x[:56], y[:56], validation_data=(x[56:], y[56:]), verbose=0)
    assert again.history == history.history


def test_validation_freq_and_initial_epoch():
    model = small()
    history = model.fit(X, Y, epochs=6, initial_epoch=2, validation_split=0.1, validation_freq=2, verbose=0)
    assert history.epoch == [2, 3, 4, 5]
    assert len(history.history["val_loss"]) == 2


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_a_second_fit_goes_on_where_the_first_ended():
    one, other = small(), small()
    one.fit(X, Y, epochs=4, shuffle=False, verbose=0)
    other.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    other.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    assert other.optimizer.iterations == 12
    np.testing.assert_array_equal(one.parameters, other.parameters)


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_sample_weights_of_zero_take_samples_out():
    weight = np.ones(70)
    weight[35:] = 0
    one, other = small("float64", optimizer="sgd"), small("float64", optimizer="sgd")
    one.train_on_batch(X, Y, weight)
    other.train_on_batch(X[:35], Y[:35])
    np.testing.assert_allclose(one.gradient * 2, other.gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_class_weights():
    x, classes = RNG.standard_normal((60, 4)), RNG.integers(0, 3, 60)

    def gradient(**how):
        mgconv.set_random_seed(0)
        model = mgconv.Sequential([mgconv.Input((4,), dtype="float64"), layers.Dense(3, activation="softmax")])
        target = np.eye(3)[classes] if how.pop("one_hot", False) else classes
        model.compile("sgd", "sparse_categorical_crossentropy" if target.ndim == 1 else "categorical_crossentropy")
        model.train_on_batch(x, target, **how)
        return model.gradient
    want = gradient(sample_weight=np.array([1, 5, 2.0])[classes])
    np.testing.assert_array_equal(gradient(class_weight={1: 5, 2: 2}), want)
    np.testing.assert_allclose(gradient(class_weight={1: 5, 2: 2}, one_hot=True), want, rtol=1e-12)
    with pytest.raises(ValueError, match="only one of"):
        gradient(class_weight={1: 5}, sample_weight=np.ones(60))


def test_class_weights_are_for_training_alone():
    model = mgconv.Sequential([mgconv.Input((4,), dtype="float64"), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, classes = RNG.standard_normal((60, 4)), RNG.integers(0, 3, 60)
    history = model.fit(x, classes, class_weight={1: 5, 2: 2}, validation_split=0.5, verbose=0).history
    assert history["val_loss"] == [pytest.approx(model.evaluate(x[30:], classes[30:], verbose=0))]


def test_classification():
    x = RNG.standard_normal((200, 2))
    classes = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    mgconv.set_random_seed(0)
    model = mgconv.Sequential([layers.Dense(16, activation="tanh"), layers.Dense(3, activation="softmax")])
    model.compile(mgconv.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, classes, epochs=40, verbose=0).history
    assert history["accuracy"][-1] > 0.95
    loss, accuracy = model.evaluate(x, classes, verbose=0)
    assert accuracy == (model.predict(x, verbose=0).argmax(axis=1) == classes).mean()
    assert model.evaluate(x, classes, verbose=0, return_dict=True) == {"loss": loss, "accuracy": accuracy}


def test_predict_is_fresh_and_does_not_depend_on_batches():
    model = small("float64")
    whole = model.predict(X, batch_size=70, verbose=0)
    np.testing.assert_allclose(model.predict(X, batch_size=32, verbose=0), whole, rtol=1e-12, atol=1e-14)
    first = model.predict(X[:1], verbose=0)
    kept = first.copy()
    model.predict(X[1:2], verbose=0)
    np.testing.assert_array_equal(first, kept)
    assert model.predict(X[:0], verbose=0).shape == (0, 3)
    np.testing.assert_array_equal(model.predict_on_batch(X), whole)


def test_predict_takes_lists_integers_and_a_missing_last_axis():
    model = small()
    want = model.predict(np.ones((2, 12, 1)), verbose=0)
    for x in (np.ones((2, 12), int).tolist(), np.ones((2, 12)), np.ones((2, 12, 1), "f2"),
              np.ones((12, 2, 1)).swapaxes(0, 1)):
        np.testing.assert_array_equal(model.predict(x, verbose=0), want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 3])
def test_predictor_equals_predict(dtype, size):
    """Over every kind of layer that prepares its kernel, on data that change from call to call."""
    mgconv.set_random_seed(0)
    model = mgconv.Sequential([
        mgconv.Input((9, 10, 2), dtype=dtype), layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, activation="gelu"), layers.Conv2D(6, 3, strides=2, groups=2),
        layers.MaxPooling2D(2), layers.Dropout(0.5), layers.Flatten(), layers.Dense(5, use_bias=False),
        layers.Activation("softmax")])
    model.parameters += 0.1
    answer = model.predictor(size)
    for x in np.random.default_rng(0).standard_normal((4, size, 9, 10, 2)):
        np.testing.assert_array_equal(answer(x), model.predict(x, verbose=0))


def test_predictor_keeps_the_weights_of_its_day():
    model = small()
    x = X[:1].astype("f4")
    answer, want = model.predictor(), model.predict(x, verbose=0)
    model.parameters += 1
    np.testing.assert_array_equal(answer(x), want)
    assert answer(x) is answer(x)
    assert (model.predict(x, verbose=0) != want).any()
    np.testing.assert_array_equal(model.predictor(2)(X[:2]), model.predict(X[:2], verbose=0))
    for bad in (X[:2], X[0], X[:1, :5]):
        with pytest.raises(ValueError, match="`x` must have shape"):
            answer(bad)
    np.testing.assert_array_equal(answer(memoryview(x)), want)         # it has a shape, but no dtype
    with pytest.raises(TypeError, match="real numbers"):
        answer(x.astype(complex))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_dtype_a_model(dtype):
    model = small(dtype)
    model.fit(X, Y, epochs=1, verbose=0)
    assert {a.dtype for a in (model.parameters, *model.get_weights(), model.predict(X, verbose=0))} == {np.dtype(dtype)}


def test_without_an_input_the_first_data_decide():
    model = mgconv.Sequential([layers.Conv1D(4, 3), layers.Flatten(), layers.Dense(2)])
    assert not model.built
    with pytest.raises(ValueError, match="`get_weights` needs a model that is built"):
        model.get_weights()
    assert model.predict(np.zeros((5, 9, 1)), verbose=0).shape == (5, 2)
    assert model.input_shape == (None, 9, 1)
    with pytest.raises(ValueError, match=r"`x` must have shape \('batch', 9, 1\). Received: \(5, 8, 1\)."):
        model.predict(np.zeros((5, 8, 1)), verbose=0)
    explicit = mgconv.Sequential([layers.Dense(2)])
    explicit.build((None, 3))
    assert explicit.output_shape == (None, 2)


def test_add_and_pop_keep_the_other_weights():
    model = small()
    kernel = model.layers[0].kernel.copy()
    top = model.pop()
    assert model.output_shape == (None, 80)
    model.add(layers.Dense(5))
    assert model.predict(X, verbose=0).shape == (70, 5)
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)
    model.pop()
    model.add(top)
    model.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="longer than the padded input"):
        mgconv.Sequential([mgconv.Input((4, 1)), layers.Conv1D(1, 5)])
    with pytest.raises(ValueError, match="must have shape"):
        model.add(layers.Conv1D(2, 3))
    assert [layer.name for layer in model.layers] == ["conv1d", "flatten", "dense"]
    assert model.predict(X, verbose=0).shape == (70, 3)


def test_names():
    model = mgconv.Sequential([mgconv.Input((9, 1)), layers.Conv1D(1, 3), layers.Conv1D(1, 3, name="top")], name="net")
    assert [layer.name for layer in model.layers] == ["conv1d", "top"]
    assert model.get_layer("top") is model.get_layer(index=1) is model.layers[1]
    with pytest.raises(ValueError, match="the layers are conv1d, top. Received: name='x'."):
        model.get_layer("x")
    with pytest.raises(ValueError, match="must be different"):
        model.add(layers.Conv1D(1, 3, name="top"))
    with pytest.raises(ValueError, match="belongs to a model already"):
        mgconv.Sequential([model.layers[0]])


def test_summary(capsys):
    small().summary()
    text = capsys.readouterr().out
    for part in ("conv1d (Conv1D)", "(None, 10, 8)", "32", "dense (Dense)", "(None, 3)", "243",
                 "Total params: 275"):
        assert part in text
    lines = []
    mgconv.Sequential([layers.Dense(2)]).summary(print_fn=lines.append)
    assert lines[-1] == " Non-trainable params: ?"


def test_a_fixed_batch_size():
    model = mgconv.Sequential([mgconv.Input((3,), batch_size=4), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((8, 3)), np.zeros((8, 1)), verbose=0)
    assert model.predict(np.zeros((8, 3)), verbose=0).shape == (8, 1)
    with pytest.raises(ValueError, match="batch_size=4: every batch must have that many"):
        model.predict(np.zeros((7, 3)), verbose=0)


def test_nan_in_the_data_is_visible():
    x = X.copy()
    x[3, 2] = np.nan
    model = small()
    with pytest.warns(RuntimeWarning, match="the loss of epoch 1 is nan: look for NaN in the data"):
        history = model.fit(x, Y, epochs=3, verbose=0)
    assert np.isnan(history.history["loss"]).all()


@pytest.mark.parametrize(("call", "message"), [
    (lambda m: m.fit(X, Y[:5]), "`x` and `y` must have the same number of samples. Received: 70 and 5."),
    (lambda m: m.fit(X), "`y`, the targets, must be given."),
    (lambda m: m.fit(X, Y[:, :2]), r"must have the shape of the prediction, \('batch', 3\). Received: \(70, 2\)."),
    (lambda m: m.fit(X[:, :5], Y), r"`x` must have shape \('batch', 12, 1\). Received: \(70, 5, 1\)."),
    (lambda m: m.fit(X[:0], Y[:0]), "at least one sample"),
    (lambda m: m.fit(X, Y, batch_size=0), "`batch_size` must be at least 1. Received: batch_size=0."),
    (lambda m: m.fit(X, Y, epochs=-1), "`epochs`"),
    (lambda m: m.fit(X, Y, verbose=3), "`verbose`"),
    (lambda m: m.fit(X, Y, validation_split=1.0), "`validation_split`"),
    (lambda m: m.fit(X[:1], Y[:1], validation_split=0.5), "both sides"),
    (lambda m: m.fit(X, Y, sample_weight=np.ones(3)), "one entry a sample. Received: 3 for 70 samples."),
    (lambda m: m.compile("adamm", "mse"), "the optimizer must be one of adam, .* Received: 'adamm'."),
    (lambda m: m.compile("adam", "mean"), "the loss must be one of"),
    (lambda m: m.compile("adam", "mse", metrics=["what"]), "the metric must be one of"),
    (lambda m: mgconv.Sequential([mgconv.Input((12, 1)), layers.Dense(1)]).fit(X, X), "compile"),
    (lambda m: mgconv.Sequential([mgconv.Input((12, 1)), mgconv.Input((12, 1))]), "must come first"),
    (lambda m: mgconv.Sequential().pop(), "no layer"),
    (lambda m: mgconv.Sequential().build((None, 3)), "at least one layer"),
    (lambda m: mgconv.Input((3, 0)), r"`shape` must hold positive sizes, without the batch. Received: shape=\(3, 0\)."),
    (lambda m: mgconv.Input((3,), dtype="int32"), "`dtype` must be float32 or float64. Received: dtype='int32'."),
    (lambda m: m.build((None, 5, 1)), "takes inputs of shape"),
    (lambda m: m.predictor(0), "`batch_size`"),
    (lambda m: m.fit(X, Y, validation_data=(X[:0], Y[:0])), "at least one sample"),
    (lambda m: m.train_on_batch(X[:0], Y[:0]), "at least one sample"),
    (lambda m: m.test_on_batch(X[:0], Y[:0]), "at least one sample"),
])
def test_bad_values_state_the_rule_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call(small())


@pytest.mark.parametrize("call", [
    lambda m: m.predict("text", verbose=0), lambda m: m.predict([[1], [1, 2]], verbose=0),
    lambda m: m.predict(X * 1j, verbose=0), lambda m: m.add("dense"), lambda m: m.fit(X, Y, batch_size=2.5),
    lambda m: m.fit(X, Y, callbacks=["stop"]), lambda m: m.compile(3), lambda m: m.compile("adam", np.square),
    lambda m: m.fit(X, Y, class_weight=[1, 2]), lambda m: m.fit(X, Y, class_weight={"0": 1.0}),
    lambda m: m.fit(X, Y, validation_data=X), lambda m: m.fit(X, Y, validation_data=(X,)),
    lambda m: m.fit(X, Y * 1j), lambda m: m.fit(X, Y, callbacks=mgconv.callbacks.EarlyStopping),
])
def test_bad_types(call):
    with pytest.raises(TypeError):
        call(small())


@pytest.mark.parametrize("bad", [("sgd", "mse", ["what"]), ("sgd", "what", None)])
def test_a_compile_that_fails_changes_nothing(bad):
    optimizer, loss, metrics = bad
    model = small()
    before = model.optimizer, model.loss, model.metrics
    with pytest.raises(ValueError, match="'what'"):
        model.compile(optimizer, loss, metrics=metrics)
    assert (model.optimizer, model.loss, model.metrics) == before
    model.fit(X, Y, verbose=0)


def test_no_samples_have_no_predictions():
    assert small().predict(X[:0], verbose=0).shape == small().predict_on_batch(X[:0]).shape == (0, 3)


@pytest.mark.parametrize("worked", [False, True])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_a_model_of_its_own(copied, worked):
    model = small()
    if worked:
        model.fit(X, Y, verbose=0)
        model.layers[0](X)
    want = model.predict(X, verbose=0)
    twin = copied(model)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), want)
    assert all(np.shares_memory(layer.kernel, twin.parameters) for layer in twin.layers if layer.weight_names)
    twin.fit(X, Y, verbose=0)
    assert not np.array_equal(twin.predict(X, verbose=0), want)
    np.testing.assert_array_equal(model.predict(X, verbose=0), want)
    layer = copied(model.layers[0])
    np.testing.assert_array_equal(layer(X), model.layers[0](X))
    assert layer.activation is model.layers[0].activation
    assert mgconv.Sequential([mgconv.Input(X.shape[1:]), layer]).built


def test_models_that_share_an_optimizer_move_their_own_weights():
    optimizer = optimizers.SGD(0.1)
    first, second = small(), small()
    first.compile(optimizer, "mse")
    second.compile(optimizer, "mse")
    first.fit(X, Y, verbose=0)
    second.fit(X, Y, verbose=0)
    kept, before = second.parameters.copy(), first.parameters.copy()
    first.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(second.parameters, kept)
    assert not np.array_equal(first.parameters, before)


def test_several_threads_may_predict_at_once():
    from concurrent.futures import ThreadPoolExecutor
    model = small()
    want = [model.predict(X[i:i + 1], verbose=0) for i in range(70)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            got = list(pool.map(lambda i: model.predict(X[i:i + 1], verbose=0), range(70)))
            np.testing.assert_array_equal(got, want)
