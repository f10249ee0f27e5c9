"""A training step of three larger nets beside PyTorch, in one process, in turn.

    python benchmarks/networks.py [--threads 2] [--rounds 7] [--peers torch] [--nets residual]

tcn: five causal Conv1D(64, 3) with ReLU and dilations 1, 2, 4, 8, 16 on (32, 256, 1), then Dense(1) at every step; mse.
residual: six residual blocks of two causal Conv1D(64, 3), each with batch normalization, ReLU and dropout, dilations 1
to 32, on (32, 256, 1), then Dense(1) at every step; mse.
lenet: Conv2D(32, 3), max pooling, Conv2D(64, 3), max pooling, Dense(10) on (64, 28, 28, 1); softmax cross-entropy.
All with Adam. Before the timing, the losses of both libraries from the same weights are held together, without
dropout. A ratio above 1 means that mgconv is that many times as fast.
"""
import argparse

import numpy as np
from timing import in_turn, installed

import mgconv
from mgconv import layers, losses

DILATIONS = (1, 2, 4, 8, 16)


RATE = 0.1


def tcn(rate):
    stack = [layers.Conv1D(64, 3, padding="causal", dilation_rate=d, activation="relu") for d in DILATIONS]
    return mgconv.Sequential([mgconv.Input((256, 1)), *stack, layers.Dense(1)]), losses.MeanSquaredError()


def residual(rate):
    def path(d):
        return [layers.Conv1D(64, 3, padding="causal", dilation_rate=d), layers.BatchNormalization(), layers.ReLU(),
                layers.Dropout(rate)]
    blocks = [layers.Residual(path(2 ** i) + path(2 ** i), layers.Conv1D(64, 1) if i == 0 else None) for i in range(6)]
    return mgconv.Sequential([mgconv.Input((256, 1)), *blocks, layers.Dense(1)]), losses.MeanSquaredError()


def lenet(rate):
    stack = [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
             layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)]
    return (mgconv.Sequential([mgconv.Input((28, 28, 1)), *stack]),
            losses.SparseCategoricalCrossentropy(from_logits=True))


def torch_tcn(torch, x, y, rate):
    nn = torch.nn
    stack, channels = [], 1
    for d in DILATIONS:
        stack += [nn.ConstantPad1d((2 * d, 0), 0.0), nn.Conv1d(channels, 64, 3, dilation=d), nn.ReLU()]
        channels = 64
    net = nn.Sequential(*stack, nn.Conv1d(64, 1, 1))
    return net, nn.functional.mse_loss, torch.from_numpy(x).mT.contiguous(), torch.from_numpy(y).mT.contiguous()


def torch_residual(torch, x, y, rate):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, channels, d):
            super().__init__()
            steps = []
            for inputs in (channels, 64):
                steps += [nn.ConstantPad1d((2 * d, 0), 0.0), nn.Conv1d(inputs, 64, 3, dilation=d),
                          nn.BatchNorm1d(64, eps=1e-3, momentum=0.01), nn.ReLU(), nn.Dropout(rate)]
            self.main = nn.Sequential(*steps)
            self.side = nn.Conv1d(channels, 64, 1) if channels != 64 else nn.Identity()

        def forward(self, x):
            return self.main(x) + self.side(x)

    net = nn.Sequential(*(Block(64 if i else 1, 2 ** i) for i in range(6)), nn.Conv1d(64, 1, 1))
    return net, nn.functional.mse_loss, torch.from_numpy(x).mT.contiguous(), torch.from_numpy(y).mT.contiguous()


def torch_lenet(torch, x, y, rate):
    nn = torch.nn
    net = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 10))
    return net, nn.functional.cross_entropy, torch.from_numpy(x).movedim(-1, 1).contiguous(), torch.from_numpy(y)


def copy_weights(torch, name, model, net):
    """Give the net the model's weights: channels first, filters first, and the flattened maps in that order."""
    arrays = [weight.value for weight in model.trainable_weights]
    if name == "lenet":
        arrays[4] = arrays[4].reshape(5, 5, 64, 10).transpose(2, 0, 1, 3).reshape(1600, 10)
    with torch.no_grad():
        for parameter, array in zip(net.parameters(), arrays, strict=True):
            turned = torch.from_numpy(np.moveaxis(array, (-1, -2), (0, 1)) if array.ndim > 1 else array)
            parameter.copy_(turned.reshape(parameter.shape))


def torch_step(torch, name, model, x, y, rate):
    net, loss, x, y = {"tcn": torch_tcn, "residual": torch_residual, "lenet": torch_lenet}[name](torch, x, y, rate)
    copy_weights(torch, name, model, net)
    optimizer = torch.optim.Adam(net.parameters())

    def step():
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value.item()
    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=mgconv.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="*", default=["torch"])
    parser.add_argument("--nets", nargs="*", default=["tcn", "residual", "lenet"])
    arguments = parser.parse_args()
    mgconv.set_num_threads(arguments.threads)
    torch = installed("torch") if "torch" in arguments.peers else None
    if torch:
        torch.set_num_threads(arguments.threads)
    rng = np.random.default_rng(0)
    cases = {"tcn": (tcn, (32, 256, 1), lambda: rng.standard_normal((32, 256, 1)).astype("f4")),
             "residual": (residual, (32, 256, 1), lambda: rng.standard_normal((32, 256, 1)).astype("f4")),
             "lenet": (lenet, (64, 28, 28, 1), lambda: rng.integers(0, 10, 64))}
    for name, (make, shape, target) in cases.items():
        if name not in arguments.nets:
            continue
        x, y = rng.standard_normal(shape).astype("f4"), target()

        def steps_of(rate, name=name, make=make, x=x, y=y):
            mgconv.set_random_seed(0)
            model, loss = make(rate)
            model.compile("adam", loss)
            steps = {"mgconv": lambda: model.train_on_batch(x, y)}
            if torch:
                steps["torch"] = torch_step(torch, name, model, x, y, rate)
            return steps

        first = {who: [step() for _ in range(3)] for who, step in steps_of(0).items()}
        for who, values in first.items():
            assert np.allclose(values, first["mgconv"], rtol=1e-3), f"{name}: {who} has losses {values}"
        steps = steps_of(RATE)
        times = in_turn(steps, arguments.rounds, seconds=0.1)
        ratio = f"   x{times['torch'] / times['mgconv']:.2f}" if torch else ""
        print(f"{name:8s}" + "".join(f"  {who} {seconds * 1e3:7.2f} ms" for who, seconds in times.items()) + ratio,
              flush=True)


if __name__ == "__main__":
    main()
