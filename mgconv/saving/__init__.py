"""Models and weights in files: Keras's `.keras` and `.weights.h5`, and NumPy's `.npz`.

A file is written whole or not at all. One that is read may come from anywhere: it runs no code, is not asked for more
memory than it has numbers for, and if it cannot be read, ValueError says why.
"""
from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mgconv._support.files import whole_file
from mgconv.layers.weights import waiting_for_values
from mgconv.saving import layout, npz, weights_h5
from mgconv.saving.archive import Archive, parse_json, write_archive

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]

WEIGHTS, CONFIG, METADATA = "model.weights.h5", "config.json", "metadata.json"
OLDEST_KERAS = "3.0.5"               # whose files these are


def save_model(model: Any, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model: layers, weights, what it was compiled with, and the state of its optimizer.

    Parameters
    ----------
    model : mgconv.Sequential
        Built.
    filepath : str or os.PathLike
        Ends in ".keras" (a file for Keras from 3.0.5 on; needs h5py) or ".npz" (for mgconv alone).
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    ValueError
        If the path ends otherwise, the model is not built, or something in it has no configuration.
    FileExistsError
        If there is a file, which must not be replaced.
    ImportError
        If ".keras" is wanted without h5py.

    Warns
    -----
    UserWarning
        If the model has what Keras does not know: then only mgconv reads the file.
    """
    from mgconv.saving.config import model_json
    path = _path_to_write(model, filepath, overwrite, "save")
    if path.endswith(".keras"):
        config, weights = json.dumps(model_json(model)), weights_h5.to_h5(layout.contents(model))
        metadata = {"keras_version": OLDEST_KERAS, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
        write_archive(path, {METADATA: json.dumps(metadata).encode(), CONFIG: config.encode(), WEIGHTS: weights})
    elif path.endswith(".npz"):
        npz.write_npz(path, layout.contents(model), json.dumps(model_json(model)).encode())
    else:
        raise ValueError(f'`filepath` must end in ".keras" or ".npz". Received: filepath={path!r}.')


def save_weights(model: Any, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model, and the state of its optimizer if it is compiled.

    Parameters
    ----------
    model : mgconv.Sequential
        Built.
    filepath : str or os.PathLike
        Ends in ".weights.h5" (as Keras's; needs h5py) or ".npz".
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    ValueError, FileExistsError, ImportError
        As in `save_model`.
    """
    path = _path_to_write(model, filepath, overwrite, "save_weights")
    if path.endswith(".weights.h5"):
        data = weights_h5.to_h5(layout.contents(model))
        with whole_file(path) as file:
            file.write(data)
    elif path.endswith(".npz"):
        npz.write_npz(path, layout.contents(model))
    else:
        raise ValueError(f'`filepath` must end in ".weights.h5" or ".npz". Received: filepath={path!r}.')


def load_model(filepath: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None,
               compile: bool = True, safe_mode: bool = True) -> Any:
    """The model in a file.

    Parameters
    ----------
    filepath : str or os.PathLike
        A file that `save_model` or Keras 3 wrote (".keras"; ".npz"), or a whole model of tf.keras 2 (".h5"): a
        Sequential, or a Functional model that is a plain chain of layers.
    custom_objects : dict of str to class or function, optional
        What is meant by names that mgconv does not know.
    compile : bool
        Whether to compile the model as it was, and to let the optimizer go on where it was.
    safe_mode : bool
        Must be True: code in a file is never run.

    Returns
    -------
    mgconv.Sequential

    Raises
    ------
    ValueError
        If the file is none of these, damaged, or has what mgconv does not: the message says what.
    ImportError
        If h5py is needed and not installed.

    Examples
    --------
    >>> import mgconv, os, tempfile
    >>> model = mgconv.Sequential([mgconv.Input((4,)), mgconv.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.npz")
    ...     model.save(path)
    ...     again = mgconv.load_model(path)
    >>> bool((again.get_weights()[0] == model.get_weights()[0]).all())
    True
    """
    if not safe_mode:
        raise ValueError("`safe_mode` must be True: code in a file is never run. Received: safe_mode=False.")
    with _reading(filepath) as file:
        start = file.read(8)
        file.seek(0)
        if start == b"\x89HDF\r\n\x1a\n":
            from mgconv.saving.legacy_h5 import read_legacy
            return read_legacy(file, dict(custom_objects or {}), compile)
        if start[:4] != b"PK\x03\x04":
            raise ValueError("it is neither a zip archive nor an HDF5 file.")
        archive = Archive(file)
        if f"{npz.ARCHITECTURE}.npy" in archive.names:
            stored = npz.stored_in_npz(file)
            config = parse_json(stored.pop(npz.ARCHITECTURE).read().tobytes(), npz.ARCHITECTURE)
            return _whole_model(config, stored, custom_objects, compile)
        config = archive.read_json(CONFIG)
        with weights_h5.opened(archive.read(WEIGHTS)) as weights:
            return _whole_model(config, weights_h5.stored_in(weights), custom_objects, compile)


def load_weights(model: Any, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
    """Copy weights from a file into a model, and the state of the optimizer if both have one.

    Parameters
    ----------
    model : mgconv.Sequential
        Built.
    filepath : str or os.PathLike
        A file that `save_weights` or Keras 3 wrote, or a whole model's. Layers are known by class and place; in those
        of tf.keras 2 (".h5") by their names.
    skip_mismatch : bool
        Whether to leave layers that do not fit as they are, with a warning.

    Raises
    ------
    ValueError
        If the file does not fit the model or cannot be read; then no weight is changed.
    """
    model._check_built("load_weights")
    with _reading(filepath) as file:
        if file.read(4) != b"PK\x03\x04":
            with weights_h5.opened(os.fspath(filepath)) as weights:
                root = weights.get("model_weights", weights)
                if "layer_names" in root.attrs:
                    from mgconv.saving.legacy_h5 import by_place
                    return layout.restore(model, by_place(model, root), skip_mismatch)
                _restore(model, weights_h5.stored_in(weights), skip_mismatch)
        elif WEIGHTS in (archive := Archive(file)).names:
            with weights_h5.opened(archive.read(WEIGHTS)) as weights:
                _restore(model, weights_h5.stored_in(weights), skip_mismatch)
        else:
            _restore(model, npz.stored_in_npz(file), skip_mismatch)
    return None


def _whole_model(config, stored, custom_objects, compile):
    from mgconv.saving.objects import Reader
    reader = Reader(dict(custom_objects or {}))
    with waiting_for_values(layout.total(stored)):
        model = reader.model(config)
    if not model.built:
        raise ValueError("the shape of the model's input is not known.")
    layout.restore(model, stored)
    if compile and config.get("compile_config"):
        from mgconv.saving.compiled import compile_as
        compile_as(model, config["compile_config"], reader)
        layout.restore_optimizer(model, stored)
    return model


def _restore(model, stored, skip_mismatch):
    layout.restore(model, stored, skip_mismatch)
    if model.optimizer is not None:
        layout.restore_optimizer(model, stored)


def _path_to_write(model, filepath, overwrite, wish):
    path = os.fspath(filepath)
    model._check_built(wish)
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} is there already, and overwrite=False.")
    return path


@contextmanager
def _reading(filepath: Any) -> Iterator[Any]:
    """An open file. Whatever is wrong with what it holds is a ValueError that names it."""
    path = os.fspath(filepath)
    with open(path, "rb") as file:
        try:
            yield file
        except (ImportError, KeyboardInterrupt):
            raise
        except KeyError as error:
            raise ValueError(f"{path} cannot be loaded: it lacks {error}.") from error
        except Exception as error:       # a damaged file may trip any step of any library
            raise ValueError(f"{path} cannot be loaded: {str(error) or type(error).__name__}") from error
