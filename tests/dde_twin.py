"""An independent solution of delay equations: the method of steps, each interval by SciPy's order 8."""
import numpy as np
from scipy.integrate import solve_ivp


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
