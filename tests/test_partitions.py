"""Keys in partitions: whatever is cut apart and put together is what the whole would have been."""

from __future__ import annotations

import datetime
import enum
import subprocess
import sys
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import graphs, messages, router_of
from test_properties import examples, run_model

from emitnb.emissions import Log, whole_frame
from emitnb.plan import Plan, make_plan
from emitnb.process import Outcome, Streams, entering, process, process_plan
from emitnb.process.hashing import partition_of, partitions_of, stable_hash
from emitnb.process.partitions import merge, split
from emitnb.table import RecordTable, Table


def in_partitions(plan: Plan, table: Table, states: dict[Any, Any], count: int) -> Outcome:
    """Take a batch through a plan with keyed stages cut into partitions; ``states`` go on."""
    streams = Streams(entering(table))
    nodes = []
    for number, stage in enumerate(plan.stages):
        if stage.keyed is None:
            made = process(stage, streams, states.get((number, 0), {}))
            states[number, 0] = _after(states.get((number, 0), {}), made)
            done = made.nodes
        else:
            layout, pieces = split(stage, streams, count)
            parts = []
            for part, piece in enumerate(pieces):
                made = process(stage, piece, states.get((number, part), {}))
                states[number, part] = _after(states.get((number, part), {}), made)
                parts.append(made.nodes)
            done = merge(stage, layout, parts)
        streams.add(done)
        nodes += done
    return Outcome(tuple(sorted(nodes, key=lambda node: node.rank)))


def _after(states: Any, outcome: Outcome) -> Any:
    touched = {node: (dict(more), *states.get(node, ())) for node, more in outcome.states.items()}
    return {**states, **touched}


def shown(log: Log, router: Any) -> pd.DataFrame:
    order = [name for part in router.graph.order for name in part.members]
    frame = whole_frame(log, router.nodes, order, lineage=True)
    return frame.drop(columns="time", errors="ignore")


@examples(150)
@given(st.data())
def test_partitions_make_what_the_whole_makes(data):
    specs = data.draw(graphs(plural=True))
    pushes = data.draw(st.lists(messages(specs), min_size=1, max_size=3))
    count = data.draw(st.integers(2, 5))
    run_model(specs, pushes)  # gives up what grows without bound
    router = router_of(specs)
    plan = make_plan(router.graph)
    assume(any(stage.keyed for stage in plan.stages))
    whole, parted = Log(), Log()
    whole_states: dict[str, Any] = {}
    parted_states: dict[Any, Any] = {}
    for rows in pushes:
        table = RecordTable(rows)
        one = process_plan(plan, table, whole_states)
        whole_states = _after(whole_states, one)
        two = in_partitions(plan, table, parted_states, count)
        whole, parted = whole.with_batch(table, one.nodes), parted.with_batch(table, two.nodes)
        for mine, other in zip(two.nodes, one.nodes, strict=True):
            assert (mine.node, mine.received, mine.dropped) == (
                other.node,
                other.received,
                other.dropped,
            )
            assert [(f.position, f.message) for f in mine.failures] == [
                (f.position, f.message) for f in other.failures
            ]
            assert mine.sources.tolist() == other.sources.tolist()
            for node in (mine, other):
                assert sum(one.inputs for one in node.times) == node.received
                assert sum(one.rows for one in node.times) == len(node.table)
                assert sum(one.ns for one in node.times) == round(node.seconds * 1e9)
    pd.testing.assert_frame_equal(shown(parted, router), shown(whole, router))


# --- the hash -----------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


UTC = datetime.UTC
EAST = datetime.timezone(datetime.timedelta(hours=2))
MOMENT = datetime.datetime(2026, 3, 1, 12, 0, 0, 5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0.5, Fraction(1, 2)),
        (0.5, Decimal("0.50")),
        (2, 2 + 0j),
        (0.0, -0.0),
        (1, np.int64(1)),
        (0.1, np.float64(0.1)),
        (1, Level.LOW),
        ("rain", np.str_("rain")),
        ((1, "a"), (1.0, "a")),
        (frozenset({1, 2}), frozenset({2.0, 1.0})),
        (MOMENT, pd.Timestamp(MOMENT)),
        (MOMENT.replace(hour=10, tzinfo=UTC), MOMENT.replace(tzinfo=EAST)),
        (float("inf"), Decimal("Infinity")),
    ],
)
def test_equal_keys_have_equal_hashes(one, other):
    assert one == other
    assert stable_hash(one) == stable_hash(other)


def test_keys_of_a_type_nobody_knows_are_kept_together():
    class Odd:
        """Equal or not: who knows."""

    assert {partition_of(Odd(), 7) for _ in range(20)} == {0}


def test_the_hash_is_the_same_in_every_process():
    keys = [
        "rain",
        b"rain",
        17,
        1.5,
        None,
        ("a", 2),
        MOMENT,
        MOMENT.date(),
        uuid.UUID(int=7),
        "\ud800",
    ]
    expected = [stable_hash(key) for key in keys]
    program = (
        "import datetime, uuid\n"
        "from emitnb.process.hashing import stable_hash\n"
        f"keys = {keys!r}\n".replace("UUID(", "uuid.UUID(")
        + "print([stable_hash(key) for key in keys])"
    )
    for seed in ("1", "2"):
        made = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert made.stdout.strip() == repr(expected)


@given(st.lists(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans())))
def test_many_keys_go_where_each_goes(keys):
    assert partitions_of(keys, 5).tolist() == [partition_of(key, 5) for key in keys]


def test_keys_are_spread():
    found = np.bincount(partitions_of((f"station {n}" for n in range(10_000)), 8), minlength=8)
    assert found.min() > 1_000
