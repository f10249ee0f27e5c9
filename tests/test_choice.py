"""The choice of algorithms, a pure function of shape, operation and machine; on each machine whose costs are known."""
import math
import re

import numpy as np
import pytest

from mgconv import ops
from mgconv.geometry import conv_geometry
from mgconv.native import choice, costs, runtime
from mgconv.native.fft_conv import FFTConv
from mgconv.native.winograd import WinogradConv

VECTOR_BYTES = {"baseline": 16, "avx2": 32, "avx512": 64}
MACHINES = {f"{isa}, {processor}, {'float64' if wide else 'float32'}": choice.Machine(
    VECTOR_BYTES[isa] // (8 if wide else 4), 8 if wide else 4, tables[wide], choice.MARGIN)
    for (isa, processor), tables in costs.MEASURED.items() for wide in (False, True)}
every_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def series(taps, channels, filters, steps=4096, batch=4, **how):
    return conv_geometry((batch, steps, channels), (taps, channels, filters), **how)


def chosen(geometry, machine):
    """The class of each operation's algorithm, None for plain sums."""
    ways = [choice.best_way(geometry, operation, machine) for operation in choice.OPERATIONS]
    return [way and way[0] for way in ways]


@every_machine
@pytest.mark.parametrize("taps", [1, 2, 3, 5, 7])
@pytest.mark.parametrize(("channels", "filters"), [(1, 1), (2, 1), (1, 4), (2, 2), (8, 8)])
def test_few_taps_never_meet_an_fft(machine, taps, channels, filters):
    for steps in (10, 450, 1675, 10_000, 10**6, 10**8):
        assert FFTConv not in chosen(series(taps, channels, filters, steps, 1), machine)


@every_machine
def test_not_even_where_an_fft_would_cost_nothing(machine):
    free = {name: dict.fromkeys(table, 0) if name.startswith("fft") else table for name, table in machine.costs.items()}
    machine = machine._replace(costs=free)
    assert chosen(series(choice.LEAST_TAPS - 1, 1, 1), machine) == [None] * 3
    assert chosen(series(choice.LEAST_TAPS, 1, 1), machine) == [FFTConv] * 3


@every_machine
@pytest.mark.parametrize("taps", [2, 3, 5, 9, 16])
def test_a_short_kernel_on_one_channel_is_plain_sums(machine, taps):
    for geometry in (series(taps, 1, 1), series(taps, 1, 1, strides=2), conv_geometry((4, 28, 28, 1), (3, 3, 1, 1))):
        assert chosen(geometry, machine)[0] is None


@every_machine
def test_what_saves_most_multiplications_is_taken(machine):
    assert chosen(series(1024, 8, 8, 16384, 1), machine) == [FFTConv] * 3
    assert chosen(conv_geometry((4, 56, 56, 64), (3, 3, 64, 64), padding="same"), machine) == [WinogradConv] * 3
    assert chosen(series(1, 64, 64), machine) == [None] * 3


@every_machine
@pytest.mark.parametrize("operation", choice.OPERATIONS)
@pytest.mark.parametrize("make", [lambda n: series(9, 4, 8, 200, n),
                                  lambda n: conv_geometry((n, 14, 14, 16), (3, 3, 16, 16))], ids=["1-D", "2-D"])
def test_a_larger_batch_costs_more(machine, operation, make):
    for plain, large in zip([(None, make(4)), *choice.ways(make(4), machine.size)],
                            [(None, make(400)), *choice.ways(make(400), machine.size)]):
        if plain[0] is None or choice.serves(plain, operation):
            assert 0 < choice.cost_of(plain, operation, machine) < choice.cost_of(large, operation, machine)


@every_machine
def test_a_larger_margin_takes_fewer_other_ways(machine):
    geometries = [series(taps, channels, filters) for taps in (3, 9, 33) for channels in (1, 4, 24)
                  for filters in (1, 4, 24)]
    careful = machine._replace(margin=choice.MARGIN_ELSEWHERE)
    for geometry in geometries:
        for usual, other in zip(chosen(geometry, machine), chosen(geometry, careful)):
            assert other in (None, usual)
    assert chosen(geometries[0], machine._replace(margin=math.inf)) == [None] * 3


def test_costs_belong_to_what_estimates_count():
    """A name that is spelt otherwise in one of the two would count for nothing."""
    machine = next(iter(MACHINES.values()))
    counted = {}
    shapes = [series(taps, channels, filters, steps, 4, **how) for taps in (2, 9, 32) for steps in (64, 20_000)
              for channels in (1, 2, 32, 33) for filters in (1, 3, 32, 33)
              for how in ({}, {"strides": 3}, {"padding": "same"})]
    shapes += [conv_geometry((4, 9, 9, channels), (3, 3, channels, filters), strides) for channels in (1, 4, 32)
               for filters in (1, 3, 32) for strides in (1, 2)]
    for geometry in shapes:
        for way in [(None, geometry), *choice.ways(geometry, machine.size)]:
            for operation in choice.OPERATIONS:
                if way[0] is None or choice.serves(way, operation):
                    terms = choice.ESTIMATES[way[0]](operation, machine.lanes, machine.size, *way[1:])
                    counted.setdefault(choice.table_of(way[0], operation), set()).update(terms or ())
    for machine in MACHINES.values():
        assert machine.costs.keys() == counted.keys()
        for name, table in machine.costs.items():
            assert table.keys() <= counted[name]


@pytest.mark.parametrize("wide", [False, True])
def test_who_was_not_measured_takes_what_is_nearest(wide):
    for (isa, processor), tables in costs.MEASURED.items():
        assert costs.costs_of(isa, processor, wide) == (tables[wide], True)
        assert costs.costs_of(isa, "a processor of tomorrow", wide)[1] is False
    baseline = next(tables for (isa, _), tables in costs.MEASURED.items() if isa == "baseline")
    assert costs.costs_of("neon", "", wide) == (baseline[wide], False)


def test_the_processor_is_known_by_its_family_and_cache():
    assert re.fullmatch(r"|\w+ \d+, \d+ KB", runtime.processor())


@pytest.mark.parametrize("isa", runtime.available_isas())
def test_three_taps_on_one_channel_stay_exact(isa):
    before = runtime.get_isa()
    runtime.set_isa(isa)
    try:
        x, kernel = np.ones((1, 10_000, 1), "float32"), np.ones((3, 1, 1), "float32")
        assert (ops.conv(x, kernel) == 3).all()
        x[0, 2500] = np.nan
        assert np.isnan(ops.conv(x, kernel)).sum() == 3
    finally:
        runtime.set_isa(before)
