"""Training and asking a small conv predictor of Mackey-Glass 30, as a user of each library would write it.

    python benchmarks/fit.py [--libraries mgconv torch keras-jax keras-torch] [--rounds 3] [--epochs 100]

The net: 32 samples in, two Conv1D(32, 5) with ReLU, Dense(14); Adam, mean squared error, batches of 32 windows of the
samples 1-800. Every library runs in a process of its own, in turn; the table has the median over the rounds. Libraries
that are not installed are left out.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

LAGS, STEPS, BATCH = 32, 14, 32


def windows():
    """(windows, 32, 1) and (windows, 14) from one series, the same for all, and the last window."""
    import numpy as np
    tenth, delay = 0.1, 300
    x = np.full(300 + 11_140, 1.2)
    for i in range(delay, len(x) - 1):
        past = x[i - delay]
        x[i + 1] = x[i] + tenth * (0.2 * past / (1 + past ** 10) - 0.1 * x[i])
    series = x[-8_140::10][:814].astype("float32")
    cut = np.lib.stride_tricks.sliding_window_view(series[:800], LAGS + STEPS)
    return cut[:, :LAGS, None].copy(), cut[:, LAGS:].copy(), series[None, 800 - LAGS:800, None].copy()


def run_keras_like(lib, x, y, last, epochs):
    model = lib.Sequential([lib.Input((LAGS, 1)), lib.layers.Conv1D(32, 5, activation="relu"),
                            lib.layers.Conv1D(32, 5, activation="relu"), lib.layers.Flatten(), lib.layers.Dense(STEPS)])
    model.compile("adam", "mse")
    start = time.perf_counter()
    history = model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    ask = {"predict": lambda: model.predict(last, verbose=0)}
    if hasattr(model, "predictor"):
        answer = model.predictor()
        ask["predictor"] = lambda: answer(last)
    return seconds, history.history["loss"][-1], ask


def run_torch(torch, x, y, last, epochs):
    nn = torch.nn
    net = nn.Sequential(nn.Conv1d(1, 32, 5), nn.ReLU(), nn.Conv1d(32, 32, 5), nn.ReLU(), nn.Flatten(),
                        nn.Linear(32 * (LAGS - 8), STEPS))
    optimizer = torch.optim.Adam(net.parameters())
    x, y, last = torch.from_numpy(x).mT.contiguous(), torch.from_numpy(y), torch.from_numpy(last).mT.contiguous()
    start = time.perf_counter()
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
    seconds = time.perf_counter() - start

    def predict():
        with torch.inference_mode():
            return net(last).numpy()
    return seconds, float(total) / len(x), {"predict": predict}


def measure(name, epochs):
    """All figures of one library, in this process."""
    import numpy as np  # noqa: F401  (not part of any library's import time)
    start = time.perf_counter()
    if name == "mgconv":
        import mgconv as lib
        _ = lib.Sequential
        run = run_keras_like
    elif name == "torch":
        import torch as lib
        run = run_torch
    else:
        os.environ["KERAS_BACKEND"] = name.partition("-")[2]
        import keras as lib
        run = run_keras_like
    imported = time.perf_counter() - start
    x, y, last = windows()
    seconds, loss, ask = run(lib, x, y, last, epochs)
    figures = {"import": imported, "step": seconds / (epochs * -(-len(x) // BATCH)), "loss": loss}
    for what, function in ask.items():
        times = []
        for _ in range(300):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        figures[what] = statistics.median(times)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", nargs="+", default=["mgconv", "torch", "keras-jax", "keras-torch"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.epochs)))
        return
    rounds = {}
    for _ in range(arguments.rounds):
        for name in arguments.libraries:
            run = subprocess.run([sys.executable, __file__, "--one", name, "--epochs", str(arguments.epochs)],
                                 capture_output=True, text=True)
            if run.returncode:
                print(f"{name} is left out: {run.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            rounds.setdefault(name, []).append(json.loads(run.stdout.splitlines()[-1]))
    medians = {name: {key: statistics.median(one[key] for one in found) for key in found[0]}
               for name, found in rounds.items()}
    print(f"{'':12s} {'import ms':>10s} {'step us':>10s} {'predict us':>11s} {'predictor us':>13s} {'last loss':>10s}")
    for name, m in medians.items():
        print(f"{name:12s} {m['import'] * 1e3:10.0f} {m['step'] * 1e6:10.0f} {m['predict'] * 1e6:11.1f} "
              f"{m['predictor'] * 1e6 if 'predictor' in m else float('nan'):13.1f} {m['loss']:10.2e}")
    peers = [m["step"] for name, m in medians.items() if name != "mgconv"]
    if "mgconv" in medians and peers:
        ratio = min(peers) / medians["mgconv"]["step"]
        print(f"a training step of mgconv is {ratio:.1f} times as fast as the fastest of the others")


if __name__ == "__main__":
    main()
