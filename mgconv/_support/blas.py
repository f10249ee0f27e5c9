"""NumPy's own threads."""
from contextlib import contextmanager


@contextmanager
def one_blas_thread():
    """A block in which NumPy's linear algebra keeps to one thread, where threadpoolctl (the extra "forecast") is there.

    Its threads wait for one another by yielding: on small matrices that gains nothing, and where other programs want
    the cores it takes up to sixty times as long.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield
