"""Independent solutions of delay equations: the method of steps by SciPy, and the integrator's method done slowly."""
import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import KroghInterpolator


def method_of_steps(f, history, tau, end, y0=None):
    """The solution of y' = f(y, y(t - tau)) as a function on [-tau, end], good to about 1e-10."""
    pieces = [(-tau, history)]
    start, y = 0.0, float(history(0.0) if y0 is None else y0)
    while start < end:
        past = pieces[-1][1]
        run = solve_ivp(lambda t, y, past=past: f(y, past(t - tau)), (start, start + tau), [y], method="DOP853",
                        rtol=1e-11, atol=1e-12, dense_output=True)
        pieces.append((start, lambda t, sol=run.sol: float(sol(t)[0])))
        start, y = start + tau, run.y[0, -1]

    def solution(t):
        index = min(int(np.floor(t / tau + 1e-12)) + 1, len(pieces) - 1)
        return pieces[index][1](t)
    return solution


def exponential_quadrature(g, dg, tau, b, start, nodes, intervals):
    """The integrator's method step by step: x at all nodes from x(t <= 0) = start, by SciPy's interpolation.

    Each integral is Gauss-Legendre's over the polynomial through G (and dG/dt, unless `dg` is None) at the nearest 4
    (8) nodes of the interval.
    """
    h, width, copies = tau / nodes, 8 if dg is None else 4, 1 if dg is None else 2
    points, weights = np.polynomial.legendre.leggauss(24)
    s = (points + 1) / 2
    x, slope, solution = np.full(nodes + 1, start), np.zeros(nodes + 1), [start]
    for _ in range(intervals):
        forcing = g(x)
        data = np.repeat(forcing, copies)
        if dg is not None:
            data[1::2] = dg(x) * slope * h
        new = [solution[-1]]
        for i in range(nodes):
            first = min(max(i - (width // 2 - 1), 0), nodes + 1 - width)
            at = np.repeat(np.arange(first, first + width) - i, copies)
            polynomial = KroghInterpolator(at, data[copies * first:copies * (first + width)])
            integral = h / 2 * np.sum(weights * np.exp(-b * h * (1 - s)) * polynomial(s))
            new.append(np.exp(-b * h) * new[-1] + integral)
        x = np.array(new)
        slope = forcing - b * x
        solution += new[1:]
    return np.array(solution)
