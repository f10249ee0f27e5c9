"""Callbacks: when they are called, what they see, and the rules of early stopping and learning rates."""
import io
import sys

import numpy as np
import pytest

import mgconv
from mgconv import callbacks, layers

X = np.random.default_rng(0).standard_normal((20, 4))
Y = X.sum(axis=1, keepdims=True)


def small(rate=0.01):
    mgconv.set_random_seed(0)
    model = mgconv.Sequential([mgconv.Input((4,)), layers.Dense(1)])
    model.compile(mgconv.optimizers.SGD(rate), "mse")
    return model


class Feed(callbacks.Callback):
    """Puts figures of a script in place of the real ones."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def test_order_of_calls():
    calls = []

    def note(name):
        return lambda *a: calls.append((name, *a[:1]) if name not in ("begin", "end") else name)
    spy = callbacks.LambdaCallback(
        on_train_begin=note("begin"), on_train_end=note("end"), on_epoch_begin=note("epoch"), on_epoch_end=note("done"),
        on_train_batch_begin=note("batch"), on_train_batch_end=note("batch done"))
    small().fit(X, Y, batch_size=10, epochs=2, callbacks=[spy], verbose=0)
    epoch = [("batch", 0), ("batch done", 0), ("batch", 1), ("batch done", 1)]
    assert calls == ["begin", ("epoch", 0), *epoch, ("done", 0), ("epoch", 1), *epoch, ("done", 1), "end"]


def test_callbacks_know_model_and_parameters():
    callback = callbacks.Callback()
    model = small()
    model.fit(X, Y, batch_size=8, epochs=3, callbacks=[callback], verbose=0)
    assert callback.model is model
    assert callback.params == {"epochs": 3, "steps": 3, "verbose": 0}


@pytest.mark.parametrize(("values", "settings", "epochs", "best"), [
    ([5, 4, 4, 4, 4, 4], {"patience": 2}, 4, 1),
    ([5, 4, 3, 3.5, 2, 2.5], {"patience": 2}, 6, 4),
    ([5, 4.95, 4.9, 4.85, 4.8, 4.75], {"patience": 2, "min_delta": 0.3}, 3, 0),
    ([5, 6, 4, 6, 6, 6], {}, 2, 0),
    ([1, 2, 3, 3, 3, 3], {"patience": 2, "mode": "max"}, 5, 2),
    ([5, 5, 5, 1, 2, 2], {"patience": 1, "start_from_epoch": 3}, 5, 3),
    ([5, 4, 3, 3, 3, 3], {"patience": 2, "baseline": 2}, 4, 2),
])
def test_early_stopping(values, settings, epochs, best):
    stop = callbacks.EarlyStopping(**settings)
    history = small().fit(X, Y, epochs=6, callbacks=[Feed(values), stop], verbose=0)
    assert len(history.epoch) == epochs
    assert stop.best_epoch == best


def test_accuracies_grow():
    stop = callbacks.EarlyStopping("val_accuracy", patience=1)
    history = small().fit(X, Y, epochs=6, callbacks=[Feed([1, 2, 3, 4, 4, 4], "val_accuracy"), stop], verbose=0)
    assert len(history.epoch) == 5


@pytest.mark.parametrize("stops", [True, False])
def test_the_best_weights_come_back(stops):
    seen = []
    spy = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0].copy()))
    stop = callbacks.EarlyStopping(patience=2 if stops else 9, restore_best_weights=True)
    model = small()
    model.fit(X, Y, epochs=6, callbacks=[Feed([5, 3, 4, 4, 4, 4]), spy, stop], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], seen[1])


def test_a_missing_figure_warns():
    with pytest.warns(RuntimeWarning, match="EarlyStopping cannot see `monitor`='val_loss'; there are: loss."):
        small().fit(X, Y, callbacks=[callbacks.EarlyStopping()], verbose=0)


def test_learning_rate_scheduler(capsys):
    model = small(0.1)
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    history = model.fit(X, Y, epochs=3, callbacks=[schedule], verbose=0)
    assert history.history["learning_rate"] == [0.05, 0.025, 0.0125]
    assert "Epoch 3: the learning rate is 0.0125" in capsys.readouterr().out


def test_reduce_on_plateau():
    model = small(0.1)
    plateau = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.02)
    values = [5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]
    history = model.fit(X, Y, epochs=12, callbacks=[Feed(values), plateau], verbose=0)
    assert history.history["learning_rate"] == [0.1] * 4 + [0.05] * 2 + [0.025] * 2 + [0.02] * 4
    with pytest.raises(ValueError, match="`factor`"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_terminate_on_nan(capsys):
    model = small()
    with pytest.warns(RuntimeWarning, match="the loss of epoch 1 is nan"):
        history = model.fit(X * np.nan, Y, epochs=5, batch_size=5, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    assert len(history.epoch) == 1
    assert model.optimizer.iterations == 1
    assert "Batch 0" in capsys.readouterr().out


def test_training_ends_properly_after_an_error():
    ended = []

    def fail(epoch, logs):
        raise KeyboardInterrupt
    spy = callbacks.LambdaCallback(on_epoch_end=fail, on_train_end=lambda logs: ended.append(True))
    model = small()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, callbacks=[spy], verbose=0)
    assert ended == [True]
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
def test_a_log_file_gets_a_line_an_epoch(verbose, capsys):
    small().fit(X, Y, epochs=3, verbose=verbose, validation_split=0.2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"Epoch {number}/3 - ")
        assert "- loss: " in line
        assert "- val_loss: " in line


def test_silence(capsys):
    model = small()
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_evaluate_prints_a_line(capsys):
    small().evaluate(X, Y)
    assert capsys.readouterr().out.startswith("20 samples - ")


def test_a_terminal_gets_one_bar(monkeypatch, capsys):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    small().fit(X, Y, epochs=3)
    text = capsys.readouterr().out
    assert "Epoch 3/3" in text
    assert "3/3 [" in text
    assert "loss: " in text
    assert text.count("\n") == 1
    small().fit(X, Y, epochs=2, verbose=2)
    assert capsys.readouterr().out.count("\n") == 2


def test_bad_mode():
    with pytest.raises(ValueError, match="`mode` must be one of auto, min, max"):
        callbacks.EarlyStopping(mode="least")
    with pytest.raises(ValueError, match="`patience`"):
        callbacks.EarlyStopping(patience=-1)


class _Closed(io.StringIO):
    """A stdout whose reader has gone."""

    def isatty(self):
        raise ValueError("I/O operation on closed file")

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("stdout", [None, _Closed(), object()], ids=["none", "closed", "no file"])
def test_nobody_reads(stdout, monkeypatch):
    """As under pythonw, in a service, or behind a pipe whose end is closed."""
    x, y = np.ones((200, 3)), np.ones(200)
    model = mgconv.Sequential([mgconv.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    monkeypatch.setattr(sys, "stdout", stdout)
    for verbose in ("auto", 1, 2):
        model.fit(x, y, epochs=2, verbose=verbose, callbacks=[callbacks.EarlyStopping("loss", patience=0, verbose=1)])
        model.evaluate(x, y, verbose=verbose)
        model.predict(x, batch_size=10, verbose=verbose)
