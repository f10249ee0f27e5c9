"""How `compile("adam", "mse")` and `activation="relu"` find what they name."""
import re


def snake_case(name):
    """MeanSquaredError and mean_squared_error are the same name.

    Examples
    --------
    >>> snake_case("MaxPooling1D"), snake_case("RMSprop")
    ('max_pooling1d', 'rmsprop')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def lookup(kind, identifier, table, base):
    """The object that `identifier` means: an entry of `table` by its name, or an instance of `base` as it is.

    A class, in the table or given as `identifier`, is made with its defaults. `kind` ("optimizer") is for the message.
    """
    if isinstance(identifier, str):
        if snake_case(identifier) not in table:
            raise ValueError(f"the {kind} must be one of {', '.join(sorted(table))}. Received: {identifier!r}.")
        identifier = table[snake_case(identifier)]
    if isinstance(identifier, type) and issubclass(identifier, base):
        identifier = identifier()
    if not isinstance(identifier, base):
        raise TypeError(f"the {kind} must be a name or a {base.__module__}.{base.__name__}. Received: {identifier!r}.")
    return identifier
