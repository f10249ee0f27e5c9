"""A training that was interrupted, saved and resumed ends with the same bits as one that was not."""
import numpy as np
import pytest

import mgconv
from mgconv import callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((50, 8, 1)), RNG.standard_normal((50, 2))
pytestmark = pytest.mark.thread_unsafe(reason="the random seed is the process's")


def trained(folder=None, stop=None, threads=None, frequency="epoch", seed=0, epochs=6, **how):
    """Weights, history and the rate in the end; interrupted after `stop`, (epoch, batch)."""
    mgconv.set_random_seed(seed)
    if threads:
        mgconv.set_num_threads(threads)
    model = mgconv.Sequential([mgconv.Input((8, 1)), layers.Conv1D(6, 3, activation="relu"), layers.Dropout(0.3),
                               layers.Dropout(0.1, seed=3), layers.Flatten(), layers.Dense(2)])
    model.compile(optimizers.Adam(0.02), "mse", metrics=["mae"])
    epoch_now = []

    def interrupt(batch, logs):
        if (epoch_now[-1], batch) == stop:
            raise KeyboardInterrupt
    helpers = [callbacks.BackupAndRestore(folder, frequency)] if folder else []
    helpers += [callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=0.5),
                callbacks.EarlyStopping("loss", patience=40, restore_best_weights=True),
                callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch_now.append(epoch),
                                         on_train_batch_end=interrupt)]
    try:
        history = model.fit(X, Y, batch_size=10, epochs=epochs, verbose=0, validation_split=0.2, callbacks=helpers,
                            **how)
    except KeyboardInterrupt:
        return None
    return model.parameters.tobytes(), history.history, history.epoch, model.optimizer.learning_rate


@pytest.mark.parametrize("how", [{}, {"steps_per_epoch": 2}, {"shuffle": False}])
@pytest.mark.parametrize(("frequency", "stop"), [("epoch", (3, 1)), ("epoch", (0, 0)), (1, (2, 1)), (3, (4, 1))])
def test_the_same_bits_after_an_interruption(tmp_path, frequency, stop, how):
    want = trained(**how)
    folder = tmp_path / "backup"
    before = mgconv.get_num_threads()
    assert trained(folder, stop, 1, frequency, **how) is None
    assert folder.is_dir() or stop == (0, 0)
    # another process: other seed, other number of threads
    got = trained(folder, None, 2, frequency, seed=0 if stop == (0, 0) else 9, **how)
    mgconv.set_num_threads(before)
    assert got == want
    assert not folder.exists()


def test_a_backup_of_something_else_is_refused(tmp_path):
    trained(tmp_path, (2, 0))
    model = mgconv.Sequential([mgconv.Input((8, 1)), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="the optimizer must be that of the backup"):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])


def test_of_a_broken_backup_the_one_before_is_taken(tmp_path):
    want = trained()
    mgconv.set_random_seed(0)
    assert trained(tmp_path, (3, 0)) is None
    (tmp_path / "training.npz.bkp").write_bytes((tmp_path / "training.npz").read_bytes())
    (tmp_path / "training.npz").write_bytes(b"PK broken")
    assert trained(tmp_path) == want
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "training.npz").write_bytes(b"broken")
    with pytest.raises(OSError, match="is no backup of a training"):
        trained(tmp_path)


def test_a_training_that_is_complete_may_keep_its_backup(tmp_path):
    model = mgconv.Sequential([mgconv.Input((8, 1)), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    keeping = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False, double_checkpoint=True)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[keeping])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["training.npz", "training.npz.bkp"]
    assert model.fit(X, Y, epochs=2, verbose=0, callbacks=[keeping]).epoch == [0, 1]
    assert model.optimizer.iterations == 4
    assert len(model.fit(X, Y, epochs=3, verbose=0, callbacks=[keeping]).epoch) == 3
