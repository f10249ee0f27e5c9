"""Callbacks: when they are called, what they see, and the rules of early stopping and learning rates."""
import csv
import io
import sys

import numpy as np
import pytest

import mgconv
from mgconv import callbacks, layers
from mgconv.callbacks.base import HOOKS

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
    history = model.fit(X, Y, epochs=2, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))],
                        verbose=0)
    assert history.history["learning_rate"] == [0.1, 0.05]


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
    assert capsys.readouterr().out.startswith("1 steps - ")


def test_a_terminal_gets_a_bar_an_epoch(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    small().fit(X, Y, epochs=3, batch_size=5)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Epoch")] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    bars = [line for line in lines if "4/4 ━━━━━━━━━━━━━━━━━━━━ 0s" in line]
    assert len(bars) == 3
    assert all("/step - loss: " in bar for bar in bars)
    small().evaluate(X, Y)
    assert "1/1 ━" in capsys.readouterr().out
    small().fit(X, Y, epochs=2, verbose=2)
    assert capsys.readouterr().out.count("\n") == 2


def test_a_terminal_without_the_signs_gets_a_plain_bar(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    out.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", out)
    small().fit(X, Y)
    out.seek(0)
    assert "1/1 ==================== 0s" in out.read()


def test_a_bar_is_no_wider_than_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    small().fit(X, Y)
    assert max(len(part) for part in capsys.readouterr().out.replace("\n", "\r").split("\r")) <= 39


@pytest.mark.parametrize("closed", [False, True])
def test_no_standard_output_is_no_reason_to_fail(monkeypatch, closed):
    out = io.StringIO()
    out.close()
    monkeypatch.setattr(sys, "stdout", out if closed else None)
    model = small()
    model.fit(X, Y, epochs=2, validation_split=0.5)
    model.evaluate(X, Y)
    model.predict(X, batch_size=2)


class Every(callbacks.Callback):
    """Notes each call by its name."""

    def __init__(self):
        self.calls = []


def _noting(name):
    def hook(self, *arguments):
        self.calls.append((name, *arguments[:-1]))
        assert isinstance(arguments[-1], dict)
    return hook


for _name in (*HOOKS, "on_batch_begin", "on_batch_end"):
    if "train_batch" not in _name:
        setattr(Every, _name, _noting(_name))


def test_all_hooks_are_called_in_their_order():
    every, model = Every(), small()
    model.fit(X, Y, batch_size=20, verbose=0, callbacks=[[every]], validation_data=(X, Y))
    model.evaluate(X, Y, batch_size=20, verbose=0, callbacks=every)
    model.predict(X, batch_size=20, verbose=0, callbacks=[every])
    test = [("on_test_begin",), ("on_test_batch_begin", 0), ("on_test_batch_end", 0), ("on_test_end",)]
    assert every.calls == [
        ("on_train_begin",), ("on_epoch_begin", 0), ("on_batch_begin", 0), ("on_batch_end", 0), *test,
        ("on_epoch_end", 0), ("on_train_end",), *test, ("on_predict_begin",), ("on_predict_batch_begin", 0),
        ("on_predict_batch_end", 0), ("on_predict_end",)]


def test_batches_of_a_prediction_are_told_with_their_outputs():
    outputs = []
    spy = callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: outputs.append(logs["outputs"]))
    model = small()
    y = model.predict(X, batch_size=8, verbose=0, callbacks=[spy])
    np.testing.assert_array_equal(np.concatenate(outputs), y)


def test_what_listens_to_nothing_costs_nothing():
    listeners = callbacks.CallbackList([callbacks.Callback(), callbacks.EarlyStopping("loss")], True, True,
                                       verbose=2, epochs=1, steps=1)
    assert listeners.train_batch_begin == listeners.train_batch_end == listeners.test_batch_end == []
    assert len(listeners.epoch_end) == 3
    assert listeners.history is not None


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    model = small()
    first = model.fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path)], validation_split=0.2)
    model.fit(X, Y, epochs=3, initial_epoch=2, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[0] == ["epoch", "loss", "val_loss"]
    assert [row[0] for row in rows[1:]] == ["0", "1", "2"]
    assert [float(row[1]) for row in rows[1:3]] == first.history["loss"]
    assert rows[3][2] == "NA"
    model.fit(X, Y, verbose=0, callbacks=[callbacks.CSVLogger(path, separator=";")])
    assert path.read_text().splitlines()[0] == "epoch;loss;val_loss"


class Shelf(mgconv.Sequential):
    """Notes what it is to save where."""

    def __init__(self, *layers):
        self._saved = []
        super().__init__(*layers)

    def save(self, path, overwrite=True):
        self._saved.append(str(path))

    def save_weights(self, path, overwrite=True):
        self._saved.append(f"weights {path}")


@pytest.mark.parametrize(("settings", "epochs"), [
    ({}, [1, 2, 3, 4, 5]), ({"save_best_only": True}, [1, 2, 5]),
    ({"save_best_only": True, "mode": "max"}, [1, 3, 4]),
    ({"save_best_only": True, "initial_value_threshold": 3.0}, [5]),
    ({"save_weights_only": True, "save_best_only": True}, [1, 2, 5])])
def test_checkpoints(tmp_path, settings, epochs):
    model = Shelf([mgconv.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{val_loss:.1f}.keras", **settings)
    values = [5, 4, 6, 7, 2]
    model.fit(X, Y, epochs=5, verbose=0, callbacks=[Feed(values), checkpoint])
    kind = "weights " if settings.get("save_weights_only") else ""
    assert model._saved == [f"{kind}{tmp_path}/new/{epoch:02d}-{values[epoch - 1]:.1f}.keras" for epoch in epochs]
    assert (tmp_path / "new").is_dir()


def test_checkpoints_after_batches(tmp_path):
    model = Shelf([mgconv.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0,
              callbacks=[callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=3)])
    assert model._saved == [f"{tmp_path}/1-3.keras", f"{tmp_path}/2-2.keras"]
    with pytest.raises(KeyError, match="may name epoch, loss"):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.ModelCheckpoint("{acc}.keras")])
    with pytest.raises(ValueError, match="`save_freq`"):
        callbacks.ModelCheckpoint("x", save_freq=0)


def test_figures_of_which_nobody_knows_whether_they_should_grow():
    with pytest.raises(ValueError, match="needs `mode`"):
        small().fit(X, Y, epochs=3, verbose=0, callbacks=[
            Feed([1, 2, 3], "val_what"), callbacks.EarlyStopping("val_what")])


def test_terminate_on_nan_may_raise():
    with pytest.raises(RuntimeError, match="batch 0: the loss is nan"):
        small().fit(X * np.nan, Y, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])


def test_nan_is_reported_once():
    with pytest.warns(RuntimeWarning) as record:
        history = small().fit(X * np.nan, Y, epochs=4, verbose=0)
    assert len(record) == 1
    assert len(history.epoch) == 4


def test_callbacks_have_names():
    assert isinstance(callbacks.get("early_stopping"), callbacks.EarlyStopping)
    assert isinstance(callbacks.get("ReduceLROnPlateau"), callbacks.ReduceLROnPlateau)


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
