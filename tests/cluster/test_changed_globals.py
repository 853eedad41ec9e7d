"""What nodes read changes between two pushes: a cluster takes it as it is then, as memory does."""

from __future__ import annotations

import pytest
from cluster.cells import Cells
from cluster.same import assert_same

from emitnb import DeclarationError

NODE = """
    @router.node("value", entry_point=True)
    def made(msg):
        return {value}
    """
CHANGES = {
    "a constant": ("factor = 2", "msg.n * factor", "factor = 3"),
    "a helper": ("def by(n): return n * 2", "by(msg.n)", "def by(n): return n * 3"),
    "a helper's constant": (
        "factor = 2\ndef by(n): return n * factor",
        "by(msg.n)",
        "factor = 3",
    ),
    "a list, in place": ("seen = [1]", "msg.n + len(seen)", "seen.append(2)"),
    "an item": ("table = {1: 2}", "table.get(msg.n, 0)", "table[2] = 5"),
    "a table of a helper's, in place": (
        "table = {1: 2}\ndef look(n): return table.get(n, 0)",
        "look(msg.n)",
        "table.update({0: 7})",
    ),
    "a method": (
        "class By:\n    def of(self, n): return n * 2\nby = By()",
        "by.of(msg.n)",
        "By.of = lambda self, n: n * 3",
    ),
    "a frame": (
        "import pandas as pd\nprices = pd.DataFrame({'price': [1, 2]})",
        "int(prices['price'].sum())",
        "prices.loc[0, 'price'] = 40",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_next_push_takes_what_nodes_read_as_it_is_by_then(cluster_of, what):
    before, value, change = CHANGES[what]
    found, expected = Cells(), Cells()
    found.router.use("dask", cluster_of(2))
    for cells in (found, expected):
        cells.run(before)
        cells.run(NODE.format(value=value))
        cells.router.push([{"n": n} for n in range(4)])
        first = cells.router.frame("made")["value"].tolist()
        cells.run(change)
        cells.router.push([{"n": n} for n in range(4)])
        assert cells.router.frame("made")["value"].tolist()[4:] != first
    assert_same(found.router, expected.router)


def pushed(client, before, value):
    """Cells with one message pushed through a node on a cluster."""
    cells = Cells()
    cells.router.use("dask", client)
    cells.run(before)
    cells.run(NODE.format(value=value))
    cells.router.push([{"n": 1}])
    return cells


def test_a_replay_takes_it_too(cluster_of):
    cells = pushed(cluster_of(2), "factor = 2", "msg.n * factor")
    cells.router.push([{"n": n} for n in range(3)])
    cells.run("factor = 3")
    cells.router.replay("made")
    assert cells.router.frame("made")["value"].tolist() == [3, 0, 3, 6]


def test_a_helper_that_would_count_wrong_by_now_is_refused(cluster_of):
    cells = pushed(cluster_of(2), "counts = {}\ndef count(n): return n", "count(msg.n)")
    cells.run("def count(n):\n    counts[n] = counts.get(n, 0) + 1\n    return counts[n]")
    with pytest.raises(DeclarationError, match="made changes the global counts"):
        cells.router.push([{"n": 1}])
    assert len(cells.router.frame("made")) == 1


def test_a_helper_that_can_no_longer_be_sent_is_refused(cluster_of):
    cells = pushed(cluster_of(2), "import threading\nlock = None", "str(lock)")
    cells.run("lock = threading.Lock()")
    with pytest.raises(DeclarationError, match="made cannot run on a cluster: the global lock"):
        cells.router.push([{"n": 1}])
    cells.run("lock = 7")
    cells.router.push([{"n": 1}])
    assert cells.router.frame("made")["value"].tolist() == ["None", "7"]
