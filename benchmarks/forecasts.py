"""How far `ConvForecaster` reaches on Mackey-Glass series, from 800 samples.

    python benchmarks/forecasts.py [--series 5]

Each series begins at a history of its own and is taken after 1000 units of time; errors are over 100 later windows,
NRMSE of the last step over the training samples' standard deviation: the median and the worst over the series. Nothing
is chosen by these windows.
"""
import argparse
import time

import numpy as np

import mgconv
from mgconv.forecast import ConvForecaster, LinearAutoregression

TRAINING, WINDOWS, LAST = 800, 100, 84
KINDS = [("MG30, interval 1", 30, 1, 0.0, (14, 84)), ("MG17, interval 1", 17, 1, 0.0, (14, 84)),
         ("MG30, interval 6", 30, 6, 0.0, (14,)), ("MG17, interval 6", 17, 6, 0.0, (14,)),
         ("MG30, 1 % noise", 30, 1, 0.01, (14, 84)), ("MG30, 5 % noise", 30, 1, 0.05, (14, 84))]


def loop(line, pasts, steps):
    """The closed loop of a predictor of one step, for many starts."""
    path = pasts
    for _ in range(steps):
        path = np.column_stack([path, line.predict(path[:, -line.lags:])])
    return path[:, pasts.shape[1]:]


def main(count):
    print(f"{'NRMSE at the last step':24}{'steps':>6}{'median':>10}{'worst':>10}{'a line':>10}{'fit, s':>8}  family")
    for title, tau, interval, noise, horizons in KINDS:
        errors, lines, seconds, families = [], [], [], set()
        for i in range(count):
            rng = np.random.default_rng(i)
            truth = mgconv.dde.mackey_glass(TRAINING + WINDOWS * 5 + LAST, tau=tau, dt=interval, discard=1000,
                                            history=0.7 + 0.11 * i)
            scale = truth[:TRAINING].std()
            seen = truth + noise * scale * rng.standard_normal(len(truth))
            begin = time.perf_counter()
            net = ConvForecaster().fit(seen[:TRAINING])
            seconds.append(time.perf_counter() - begin)
            families.add(net.family_)
            starts = np.linspace(TRAINING, len(truth) - LAST, WINDOWS).astype(int)
            after = np.stack([truth[start:start + LAST] for start in starts])

            def nrmse(answer, after=after, scale=scale):
                return np.sqrt(np.mean((answer - after) ** 2, axis=0)) / scale

            errors.append(nrmse(net.predict(LAST, np.stack([seen[start - net.lags_:start] for start in starts]))))
            line = LinearAutoregression(32).fit(seen[:TRAINING])
            lines.append(nrmse(loop(line, np.stack([seen[start - 32:start] for start in starts]), LAST)))
        for steps in horizons:
            ours = [error[steps - 1] for error in errors]
            print(f"{title:24}{steps:6}{np.median(ours):10.1e}{max(ours):10.1e}"
                  f"{np.median([error[steps - 1] for error in lines]):10.2g}{np.median(seconds):8.2f}"
                  f"  {', '.join(sorted(families))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=5, help="how many series of each kind (default: %(default)s)")
    main(parser.parse_args().series)
