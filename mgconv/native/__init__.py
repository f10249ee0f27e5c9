"""Compiled modules: typed-memoryview loops over the kernels of src_c."""
