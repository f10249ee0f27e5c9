"""An instance of every registered class: what constructors need, and models of one layer of each kind."""
import mgconv
from mgconv._support.registry import constructor_parameters

# What constructors ask for, by the argument's name; a layer may need something else by the same name.
REQUIRED = {
    "activation": "tanh", "boundaries": [10], "branches": [[{"class_name": "Dense", "config": {"units": 2}}]],
    "cropping": 1, "decay_rate": 0.5, "decay_steps": 10, "dims": [2, 1], "end_learning_rate": 0.1,
    "factor": 0.5, "filename": "a.csv", "filepath": "a.keras", "backup_dir": "a", "filters": 3,
    "first_decay_steps": 4,
    "initial_learning_rate": 0.1, "kernel_size": 3, "layer": {"class_name": "Dense", "config": {"units": 2}},
    "layers": [{"class_name": "Dense", "config": {"units": 2}}], "loss": "huber", "n": 2, "num_classes": 3,
    "pool_size": 2,
    "precision": 0.5, "rate": 0.25, "recall": 0.5, "scale": 0.5, "sensitivity": 0.5, "shape": [4, 2],
    "specificity": 0.5, "stddev": 0.5, "target_class_ids": [1], "target_shape": [4, 2], "units": 2,
    "values": [0.1, 0.01], "size": 2}
# Blocks that Keras does not have, or means otherwise.
OURS = {"Residual", "Concatenate", "Sequential"}
# Arguments that fit any input of models_of_one_layer.
FITTING = {"Reshape": {"target_shape": (-1,)}, "GroupNormalization": {"groups": 2}}
# Plain functions have no configuration.
OF_FUNCTIONS = {"FunctionLoss", "MeanMetricWrapper", "Lambda", "LambdaCallback", "LearningRateScheduler", "LambdaLayer"}


def registered(room):
    """The classes of a module by name, without those of functions."""
    classes = {}
    for entry in room.registry.named.values():
        cls = entry if isinstance(entry, type) else type(entry)
        if cls.__name__ not in OF_FUNCTIONS:
            classes[cls.__name__] = cls
    return classes


def needed(cls):
    """Arguments that make an instance."""
    if cls.__name__ == "InputLayer":               # a shape, one way or the other
        return {"batch_shape": (None, 4, 2)}
    return {name: REQUIRED[name] for name, parameter in constructor_parameters(cls).items()
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD}


def models_of_one_layer(library=mgconv):
    """A model for each kind of layer, of inputs that it takes, by the class's name; of `library`'s layers."""
    for name, cls in registered(mgconv.layers).items():
        foreign = library is not mgconv and (name in OURS or not hasattr(library.layers, name))
        if name in ("InputLayer", "Sequential") or foreign:
            continue
        for shape in ((6, 6, 2), (6, 2), (6,)):
            arguments = needed(cls) | FITTING.get(name, {})
            try:
                model = mgconv.Sequential([mgconv.Input(shape), cls(**arguments)])
            except (ValueError, TypeError):
                continue
            if library is not mgconv:
                model = library.Sequential([library.Input(shape), getattr(library.layers, name)(**arguments)])
            yield name, model
            break
        else:
            raise AssertionError(f"no shape is right for {name}")
