"""A user's g as a compiled function: the address behind a LowLevelCallable, a numba cfunc or a ctypes function."""
from __future__ import annotations

import ctypes
from typing import Any

_Function: Any = ctypes.CFUNCTYPE(None).__base__          # of all functions of ctypes


def compiled_address(function):
    """The pair (address, user data) of a compiled function, None for any other object.

    The function is called once an interval with no Python in between, as
    `void f(ptrdiff_t n, const double *x, double *g, double *dg, void *user_data)`; those that take no user data may
    leave out the last parameter. `dg` is NULL where the system was made without derivative.
    """
    user_data = 0
    if type(function).__name__ == "LowLevelCallable":
        signature = function.signature
        if not signature.startswith("void") or signature.count(",") not in (3, 4):
            raise ValueError("a compiled g must be `void (ptrdiff_t, const double *, double *, double *, void *)`. "
                             f"Received: {signature!r}.")
        data = function.user_data
        user_data = ctypes.cast(data, ctypes.c_void_p).value or 0 if data is not None else 0
        function = function.function
        if type(function).__name__ == "PyCapsule":
            return _capsule_pointer(function, signature), user_data
    if isinstance(function, _Function):
        return ctypes.cast(function, ctypes.c_void_p).value, user_data
    address = getattr(function, "address", None)                  # numba
    return (address, user_data) if isinstance(address, int) else None


def _capsule_pointer(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name.encode())
