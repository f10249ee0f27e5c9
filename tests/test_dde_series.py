"""mackey_glass and series against certified values, closed forms and themselves on other instruction sets."""
import json
from pathlib import Path

import pytest

from mgconv import dde
from mgconv.native import runtime

ROWS = json.loads((Path(__file__).parent / "reference" / "delay.json").read_text())["rows"]


@pytest.mark.parametrize("tau", [17, 30])
def test_series_agrees_with_certified_values(tau):
    x = dde.mackey_glass(1001, tau=tau)
    errors = {row["t"]: abs(x[row["t"]] - float(row["x"])) for row in ROWS if row["tau"] == tau}
    assert max(error for t, error in errors.items() if t <= 100) < 1e-12
    assert errors[1000] < 2e-11


def test_every_instruction_set_gives_the_same_bits():
    before, results = runtime.get_isa(), []
    try:
        for isa in runtime.available_isas():
            runtime.set_isa(isa)
            results.append(dde.mackey_glass(1000).tobytes())
    finally:
        runtime.set_isa(before)
    assert len(set(results)) == 1
