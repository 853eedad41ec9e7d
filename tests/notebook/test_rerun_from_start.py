"""``%%emit_route --from-start``."""

from __future__ import annotations


def test_a_route_from_the_start_replays_what_would_have_come(notebook):
    notebook.run("%%emit_node n --entry\ndef double(msg):\n    return msg.n * 2")
    notebook.run("%%emit_node total\ndef total(msg, state):\n    return msg.n")
    notebook.run('%emit_push [{"n": 1}, {"n": 2}]')
    notebook.run("%%emit_route --from-start\ndouble -> total")
    assert notebook.router.frame("total")["total"].tolist() == [2, 4]
