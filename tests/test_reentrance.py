"""Every operation called in the middle of another: from a user's functions, a signal handler, a finalizer, a thread.

Results must have the bits of a quiet call, those of the interrupted call included. On a build with MGCONV_DEBUG=1 the
process ends, too, where scratch memory is taken twice or held while Python runs.
"""
import contextlib
import functools
import gc
import itertools
import signal as signals
import sys
import threading

import numpy as np
import pytest

import mgconv
from mgconv import (
    activations,
    callbacks,
    constraints,
    dde,
    forecast,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
    signal,
)

pytestmark = pytest.mark.thread_unsafe(reason="sets profile functions and signal handlers")


@functools.cache
def numbers(*shape, seed=0, dtype="f4"):
    return np.random.default_rng([*shape, seed]).standard_normal(shape).astype(dtype)


MAP, FILTERS, CHANGE = numbers(2, 20, 20, 16), numbers(3, 3, 16, 16) / 12, numbers(2, 20, 20, 16, seed=1)
LONG, TAPS, LONG_CHANGE = numbers(1, 3000, 2), numbers(200, 2, 3) / 20, numbers(1, 3000, 3)
FEW, STRIDED = numbers(2, 9, 9, 3, dtype="f8"), numbers(3, 3, 3, 5, dtype="f8")
CHANNELWISE, POINTWISE = numbers(3, 3, 16, 1), numbers(1, 1, 16, 8)
SIGNAL, IMAGE, LAPLACE, WIDE = numbers(3000), numbers(150, 150), numbers(3, 3), numbers(17, 17)
SERIES = np.sin(0.3 * np.arange(90.0))


def small_net(middle=(), **options):
    """Its weights depend on no state that a call in between could change."""
    given = {"kernel_initializer": initializers.GlorotUniform(seed=3), **options}
    return mgconv.Sequential([mgconv.Input((24, 2)), layers.Conv1D(6, 3, activation="tanh", **given), *middle,
                              layers.Flatten(), layers.Dense(1, kernel_initializer=initializers.GlorotUniform(seed=4))])


def trained(model, loss="mse", listeners=None, **options):
    model.compile(optimizers.Adam(0.01) if "optimizer" not in options else options.pop("optimizer"), loss, **options)
    x, y = numbers(16, 24, 2), numbers(16, 1)
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=listeners)
    return [*model.get_weights(), model.predict(x, verbose=0), np.array(model.evaluate(x, y, verbose=0))]


def streamed():
    net = mgconv.Sequential([mgconv.Input((None, 2)), layers.Conv1D(3, 3, padding="causal", kernel_initializer="ones")])
    stream = net.stream()
    return np.stack([stream(column) for column in numbers(5, 2)])


def learned():
    tiny = forecast.LinearAutoregression(5).fit(SERIES)
    return [*forecast.windows(SERIES, 4), forecast.one_step(tiny, SERIES, start=20),
            forecast.recursive(tiny, SERIES, 7), forecast.direct(tiny, SERIES)]


OPERATIONS = {
    "average_pool": lambda: ops.average_pool(MAP, 3, strides=1),
    "average_pool_grad_input": lambda: ops.average_pool_grad_input(CHANGE, (2, 60, 60, 16), 3),
    "bias_grad": lambda: ops.bias_grad(numbers(3, 100, 100, 16)),
    "conv": lambda: [ops.conv(MAP, FILTERS, padding="same"), ops.conv(LONG, TAPS), ops.conv(FEW, STRIDED, strides=2)],
    "conv_grad_input": lambda: [ops.conv_grad_input(CHANGE, FILTERS, MAP.shape, padding="same"),
                                ops.conv_grad_input(LONG_CHANGE, TAPS, LONG.shape, padding="same"),
                                ops.conv_grad_input(numbers(2, 4, 4, 5, dtype="f8"), STRIDED, FEW.shape, strides=2)],
    "conv_grad_kernel": lambda: [ops.conv_grad_kernel(MAP, CHANGE, FILTERS.shape, padding="same"),
                                 ops.conv_grad_kernel(LONG, LONG_CHANGE, TAPS.shape, padding="same")],
    "conv_transpose": lambda: ops.conv_transpose(MAP, FILTERS, strides=2),
    "conv_transpose_grad_input": lambda: ops.conv_transpose_grad_input(CHANGE, FILTERS, (2, 18, 18, 16)),
    "conv_transpose_grad_kernel": lambda: ops.conv_transpose_grad_kernel(MAP, numbers(2, 22, 22, 16), FILTERS.shape),
    "depthwise_conv": lambda: ops.depthwise_conv(MAP, CHANNELWISE, padding="same"),
    "depthwise_conv_grad_input": lambda: ops.depthwise_conv_grad_input(CHANGE, CHANNELWISE, MAP.shape, padding="same"),
    "depthwise_conv_grad_kernel": lambda: ops.depthwise_conv_grad_kernel(MAP, CHANGE, CHANNELWISE.shape,
                                                                         padding="same"),
    "max_pool": lambda: [ops.max_pool(MAP, 3, strides=1), ops.max_pool(numbers(1, 200, 200, 16), 2)],
    "max_pool_grad_input": lambda: ops.max_pool_grad_input(MAP, ops.max_pool(MAP, 2), CHANGE[:, :10, :10].copy(), 2),
    "separable_conv": lambda: ops.separable_conv(MAP, CHANNELWISE, POINTWISE, padding="same"),
    "separable_conv_grad_depthwise_kernel": lambda: ops.separable_conv_grad_depthwise_kernel(
        MAP, CHANGE[..., :8], CHANNELWISE.shape, POINTWISE, padding="same"),
    "separable_conv_grad_input": lambda: ops.separable_conv_grad_input(
        CHANGE[..., :8], CHANNELWISE, POINTWISE, MAP.shape, padding="same"),
    "separable_conv_grad_pointwise_kernel": lambda: ops.separable_conv_grad_pointwise_kernel(
        MAP, CHANGE[..., :8], CHANNELWISE, POINTWISE.shape, padding="same"),
    "causal_conv": lambda: signal.causal_conv(SIGNAL[:300], SIGNAL),
    "causal_conv_grad_a": lambda: signal.causal_conv_grad_a(SIGNAL, SIGNAL, 20),
    "causal_conv_grad_x": lambda: signal.causal_conv_grad_x(SIGNAL, SIGNAL[:30]),
    "conv2": lambda: [signal.conv2(IMAGE, WIDE), signal.conv2(SIGNAL[:9], SIGNAL[:7], IMAGE, shape="same")],
    "conv2_grad_A": lambda: signal.conv2_grad_A(IMAGE, LAPLACE, (148, 148)),
    "conv2_grad_B": lambda: signal.conv2_grad_B(IMAGE, IMAGE[:148, :148], (3, 3)),
    "convolve": lambda: [signal.convolve(SIGNAL, SIGNAL[:n], method=method) for n, method in
                         [(31, "direct"), (500, "direct"), (500, "fft"), (7, "auto")]],
    "convolve2d": lambda: [signal.convolve2d(IMAGE, WIDE, boundary="symm"), signal.convolve2d(IMAGE, LAPLACE + 1j)],
    "convolve2d_grad_in1": lambda: signal.convolve2d_grad_in1(IMAGE, LAPLACE, (148, 148), boundary="wrap"),
    "convolve2d_grad_in2": lambda: signal.convolve2d_grad_in2(IMAGE, IMAGE, (3, 3), mode="same", boundary="symm"),
    "convolve_grad_in1": lambda: signal.convolve_grad_in1(SIGNAL, SIGNAL[:501], (2500,)),
    "convolve_grad_in2": lambda: signal.convolve_grad_in2(SIGNAL, SIGNAL[:501], (2500,)),
    "correlate": lambda: [signal.correlate(SIGNAL, SIGNAL[:900]), signal.correlate((9 * SIGNAL).astype("i8"), [1, 2])],
    "correlate2d": lambda: signal.correlate2d(IMAGE, WIDE, mode="same", boundary="wrap"),
    "correlate2d_grad_in1": lambda: signal.correlate2d_grad_in1(IMAGE, LAPLACE, (148, 148)),
    "correlate2d_grad_in2": lambda: signal.correlate2d_grad_in2(IMAGE, IMAGE, (3, 3), mode="same"),
    "correlate_grad_in1": lambda: signal.correlate_grad_in1(SIGNAL, SIGNAL[:501], (2500,)),
    "correlate_grad_in2": lambda: signal.correlate_grad_in2(SIGNAL, SIGNAL[:501], (2500,)),
    "filter2": lambda: signal.filter2(WIDE, IMAGE),
    "filter2_grad_h": lambda: signal.filter2_grad_h(IMAGE, IMAGE, (3, 3)),
    "filter2_grad_x": lambda: signal.filter2_grad_x(IMAGE, LAPLACE, (150, 150)),
    "valid_conv2": lambda: signal.valid_conv2(IMAGE, LAPLACE),
    "fftconvolve": lambda: signal.fftconvolve(SIGNAL, SIGNAL[:500]),
    "oaconvolve": lambda: signal.oaconvolve(IMAGE, WIDE, "same"),
    "correlation_lags": lambda: signal.correlation_lags(20, 7, "same"),
    "valid_conv2_grad_K": lambda: signal.valid_conv2_grad_K(IMAGE[:148, :148], IMAGE),
    "valid_conv2_grad_x": lambda: signal.valid_conv2_grad_x(IMAGE, LAPLACE),
    "series": lambda: [dde.series(dde.System(2.0, 1.0, lambda x: 6 * np.sin(x), lambda x: 6 * np.cos(x)), 20,
                                  history=np.cos), dde.series(dde.Ikeda(2.0, 6.0, 1.0), 20, history=0.1)],
    "mackey_glass": lambda: [dde.mackey_glass(50, history=[0.9, 1.2]), dde.mackey_glass(20, tau=17, dt=0.3)],
    "lyapunov": lambda: np.array(dde.lyapunov(dde.MackeyGlass(tau=17.0), time=600.0, discard=50.0).value),
    "solve": lambda: dde.solve(lambda t, y, z: -z[0], (0, 4), 1.0, 1.0, t_eval=[1, 2, 4]).y,
    "fit": lambda: trained(small_net()),
    "predictor": lambda: small_net().predictor()(numbers(1, 24, 2)),
    "stream": streamed,
    "forecast": learned,
}


def test_every_operation_is_here():
    assert set(ops.__all__) | set(signal.__all__) | {"mackey_glass", "series", "lyapunov", "solve"} <= set(OPERATIONS)


def bits(result):
    return [np.asarray(array).tobytes() for array in (result if isinstance(result, list) else [result])]


@functools.cache
def quiet(name):
    return bits(OPERATIONS[name]())


# ---- a user's functions: each place runs `call` in the middle of something of its own, and returns what comes of that


def g_of_a_system(call):
    slope = dde.System(2.0, 1.0, lambda x: call() or 6 * np.sin(x))
    return dde.series(slope, 6, dt=0.5, history=0.5)


def dg_of_a_system(call):
    system = dde.System(2.0, 1.0, lambda x: 6 * np.sin(x), lambda x: call() or 6 * np.cos(x))
    return [dde.series(system, 6, dt=0.5, history=np.cos),
            np.array(dde.lyapunov(system, time=64.0, discard=2.0, history=0.5).value)]


def right_hand_side(call):
    return dde.solve(lambda t, y, z: call() or -z[0], (0, 1.5), lambda t: call() or 1.0, 1.0, t_eval=[1, 1.5]).y


def initializer(call):
    class Calling(initializers.GlorotUniform):
        def __call__(self, shape, dtype=None):
            call()
            return super().__call__(shape, dtype)
    return trained(small_net(kernel_initializer=Calling(seed=5)))


def layer(call):
    class Twice(layers.Layer):
        def forward(self, x, training):
            call()
            return 2 * x

        def backward(self, dy):
            call()
            return 2 * dy
    return trained(small_net([Twice()]))


def activation(call):
    class Calling(activations.Activation):
        def forward(self, x, y):
            call()
            np.multiply(x, 3, out=y)

        def backward(self, source, dy):
            call()
            dy *= 3
    return trained(small_net([layers.Activation(Calling())]))


def loss(call):
    class Calling(losses.MeanSquaredError):
        def terms(self, *arguments):
            call()
            return super().terms(*arguments)
    return trained(small_net(), Calling())


def metric(call):
    class Calling(metrics.MeanAbsoluteError):
        def update_state(self, *arguments, **options):
            call()
            return super().update_state(*arguments, **options)
    return trained(small_net(), metrics=[Calling()])


def callback(call):
    class Calling(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            call()

        def on_train_batch_begin(self, batch, logs=None):
            call()

        def on_train_batch_end(self, batch, logs=None):
            call()
    return trained(small_net(), listeners=[Calling()])


def schedule(call):
    class Calling(optimizers.schedules.ExponentialDecay):
        def __call__(self, step):
            call()
            return super().__call__(step)
    return trained(small_net(), optimizer=optimizers.SGD(Calling(0.01, 5, 0.9)))


def penalty_and_bound(call):
    class Penalty(regularizers.L2):
        def __call__(self, x):
            call()
            return super().__call__(x)

    class Bound(constraints.MaxNorm):
        def __call__(self, w):
            call()
            return super().__call__(w)
    return trained(small_net(kernel_regularizer=Penalty(0.1), kernel_constraint=Bound(0.5)))


PLACES = [g_of_a_system, dg_of_a_system, right_hand_side, initializer, layer, activation, loss, metric, callback,
          schedule, penalty_and_bound]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_operations_within_a_users_function(place):
    expected = bits(place(lambda: None))
    for name, operation in OPERATIONS.items():
        inner = []

        def call(operation=operation, inner=inner):
            if len(inner) < 4:
                inner.append(bits(operation()))
        assert bits(place(call)) == expected, name
        assert inner, "the place called nothing"
        assert all(found == quiet(name) for found in inner), name


# ---- what comes by itself


@contextlib.contextmanager
def at_every_call(call):
    """Wherever Python calls or returns; a superset of where a signal handler may run."""
    before = sys.getprofile()
    sys.setprofile(lambda *event: call())
    try:
        yield
    finally:
        sys.setprofile(before)


@contextlib.contextmanager
def at_every_collection(call):
    """As finalizers, while memory is allocated."""
    before = gc.get_threshold()
    gc.callbacks.append(lambda phase, info: call())
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.callbacks.pop()


@contextlib.contextmanager
def at_every_tick(call):
    before = signals.signal(signals.SIGALRM, lambda *_: call())
    signals.setitimer(signals.ITIMER_REAL, 1e-4, 3e-4)
    try:
        yield
    finally:
        signals.setitimer(signals.ITIMER_REAL, 0)
        signals.signal(signals.SIGALRM, before)


INTERRUPTIONS = [at_every_call, at_every_collection,
                 pytest.param(at_every_tick, marks=pytest.mark.skipif(not hasattr(signals, "SIGALRM"),
                                                                     reason="no timer signals"))]
INTERRUPTING = {                      # the first slot of scratch memory, the second, the third
    "by sums": lambda: ops.conv(FEW, STRIDED, padding="same"), "by tiles": lambda: ops.conv(MAP[:1], FILTERS),
    "by FFT": lambda: signal.convolve(SIGNAL, SIGNAL[:500], method="fft"), "pooled": lambda: ops.max_pool(FEW, 2)}


@pytest.mark.parametrize("interrupted", INTERRUPTIONS)
def test_operations_within_others(interrupted):
    expected = {name: bits(operation()) for name, operation in INTERRUPTING.items()}
    turns, wrong, busy = itertools.cycle(INTERRUPTING), [], False
    calls = 0

    def call():
        nonlocal busy, calls
        if busy:                      # not within itself
            return
        busy, name = True, next(turns)
        try:
            calls += 1
            if bits(INTERRUPTING[name]()) != expected[name]:
                wrong.append(name)
        finally:
            busy = False
    for name, operation in OPERATIONS.items():
        if name not in ("fit", "solve"):          # thousands of calls, of the same functions
            quiet(name)
            with interrupted(call):
                found = bits(operation())
            assert found == quiet(name), name
    assert calls
    assert not wrong


def test_factors_of_a_transform_are_made_in_peace():
    """Those of a size that no other call needed yet."""
    x, h = numbers(40_000, dtype="f8"), numbers(9000, dtype="f8")
    with at_every_call(lambda: signal.convolve(SIGNAL, SIGNAL[:500], method="fft")):
        found = signal.convolve(x, h, method="fft")
    np.testing.assert_array_equal(found, signal.convolve(x, h, method="fft"))


def test_operations_beside_each_other():
    wrong = []

    def work(names):
        for name in names:
            if bits(OPERATIONS[name]()) != quiet(name):
                wrong.append(name)
    names = list(OPERATIONS)
    for name in names:
        quiet(name)
    threads = [threading.Thread(target=work, args=(names[i:] + names[:i],)) for i in range(0, len(names), 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
