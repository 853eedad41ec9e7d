"""The graph as a text tree and as DOT."""

from __future__ import annotations

import re

from emitnb import Router
from emitnb.dot import MAX_DEPTH, back_edges, dot, pattern_routes, tree
from emitnb.graph import Graph
from emitnb.node import Options, declare


def graph_of(**origins):
    """Return a graph of nodes with the given origins (``None``: an entry point)."""
    graph = Graph()
    for name, names in origins.items():
        options = Options("x", names, entry_point=names is None, name=name)
        graph = graph.with_node(declare(lambda msg: None, options))
    return graph


def chain(length):
    """Return a chain of nodes."""
    return graph_of(n0=None, **{f"n{i}": f"n{i - 1}" for i in range(1, length)})


# --- The tree -------------------------------------------------------------------------------------


def test_nodes_stand_below_what_they_listen_to():
    graph = graph_of(lines=None, words="lines", shout="words", pages=None)
    assert tree(graph) == (
        "__entry_point\n├─ lines(x)\n│  └─ words(x)\n│     └─ shout(x)\n└─ pages(x)"
    )


def test_a_predicate_is_shown_as_it_is_written():
    router = Router()
    router.node("w", entry_point=True, name="long", when=lambda msg: (
        msg.größe  # with a comment
        not in {"ä"}))(lambda msg: 1)  # fmt: skip
    router.node("w", entry_point=True, name="odd", when=eval("lambda msg: msg.n"))(lambda msg: 1)
    text = str(router)
    assert "long(w) · when msg.größe not in {'ä'}\n" in text
    assert text.endswith("odd(w) · when")


def test_print_shows_the_tree(capsys):
    router = Router()
    router.node("word", entry_point=True, name="words")(lambda msg: None)
    print(router)
    assert capsys.readouterr().out == "__entry_point\n└─ words(word)\n"


def test_a_line_has_fields_types_and_what_else_matters():
    router = Router()
    for fields in ("word", {"word": str, "count": int | None}):
        router.node(fields, name="count", key=("word", "lang"))(lambda msg, state: None)
    router.node((), "count", name="big", when=lambda msg: msg.count > 3, batch=True)(lambda f: None)

    async def look_up(msg):
        yield msg.word

    router.node("answer", "count", name="look_up")(look_up)
    text = str(router)
    assert "look_up(answer) · async" in text
    assert "count(word: str, count: int | None) · key=word,lang · revision 2" in text
    assert "big() · when msg.count > 3 · batch" in text


def test_many_fields_are_counted():
    router = Router()
    router.node([f"field{i}" for i in range(40)], name="wide", entry_point=True)(lambda msg: None)
    assert "field5, and 34 more)" in str(router)
    assert max(map(len, str(router).splitlines())) < 100


def test_a_node_with_several_origins_is_in_full_once():
    graph = graph_of(a=None, b="a", c="a", d=["a", "b", "c"])
    text = tree(graph)
    assert text.count("d(x)") == 1
    assert text.count("d ↑") == 2
    assert text.endswith("↑ shown above")


def test_loops_are_marked():
    text = tree(graph_of(a=None, b=["a", "d"], c="b", d=["c", "d"]))
    assert [line.strip("│├└─ ") for line in text.splitlines()] == [
        "__entry_point",
        "a(x)",
        "b(x)",
        "c(x)",
        "d(x)",
        "b ↻",
        "d ↻",
        "",
        "↻ closes a loop",
    ]


def test_what_is_not_reached_is_at_the_end():
    text = tree(graph_of(stray=[], early="late", a=None, ring1="ring2", ring2="ring1"))
    reached, apart = text.split("\n\nnot reached from __entry_point:\n")
    assert reached == "__entry_point\n└─ a(x)"
    assert apart.splitlines()[:5] == [
        "stray(x)",
        "early(x) · waits for late",
        "ring1(x)",
        "└─ ring2(x)",
        "   └─ ring1 ↻",
    ]


def test_no_entry_point_at_all():
    assert tree(graph_of(a=[])).splitlines()[0] == "__entry_point (no node listens to it)"


def test_an_empty_graph_says_how_to_declare_the_first_node():
    text = tree(graph_of())
    assert "No nodes yet" in text
    assert "%%emit_node word --entry\ndef words(msg):" in text


def test_a_chain_of_a_thousand_nodes_has_short_lines():
    lines = tree(chain(1000)).splitlines()
    full = [line.strip("└─ ") for line in lines if line.endswith("(x)")]
    assert sorted(set(full), key=full.index) == [f"n{i}(x)" for i in range(1000)]
    assert max(map(len, lines)) < 10 + 3 * MAX_DEPTH
    assert "↓ goes on below" in lines[-1]


def test_a_fan_of_a_thousand_nodes():
    graph = graph_of(a=None, **{f"n{i}": "a" for i in range(1000)}, last="n.*")
    text = tree(graph)
    assert text.count("last(x)") == 1
    assert text.count("last ↑") == 999


# --- DOT ------------------------------------------------------------------------------------------


def test_dot_has_every_node_and_route():
    text = dot(graph_of(a=None, b=["a", "c"], c="b", apart=[]))
    assert text.startswith("digraph emitnb {\n")
    assert text.endswith("}\n")
    statements = {line.strip() for line in text.splitlines()[3:-1]}
    assert statements == {
        '"__entry_point" [shape=plaintext];',
        '"a" [label="a\\nx"];',
        '"b" [label="b\\nx"];',
        '"c" [label="c\\nx"];',
        '"apart" [label="apart\\nx"];',
        '"__entry_point" -> "a";',
        '"a" -> "b";',
        '"b" -> "c";',
        '"c" -> "b" [style=dashed];',
    }


def test_an_empty_graph_is_valid_dot():
    statements = dot(graph_of()).splitlines()[3:-1]
    assert statements == ['  "__entry_point" [shape=plaintext];']


def test_quotes_backslashes_and_line_ends_are_escaped():
    router = Router()

    def odd(msg):
        return msg.x

    odd.__name__ = 'msg.x != "\\n"\n'
    router.node("x", name="a", when=odd)(lambda msg: None)
    (statement,) = [line for line in router.dot().splitlines() if '"a"' in line]
    label = re.fullmatch(r'  "a" \[label="((?:[^"\\]|\\.)*)"\];', statement)[1]
    assert label == 'a\\nx\\nwhen msg.x != \\"\\\\n\\"\\n'


def test_long_chains_are_no_problem():
    assert dot(chain(1000)).count(" -> ") == 1000


# --- Loops ----------------------------------------------------------------------------------------


def test_without_its_back_edges_a_graph_has_no_loop():
    graph = graph_of(a=None, b=["a", "c"], c=["b", "d"], d=["c", "a", "d"], e=["f"], f=["e"])
    back = back_edges(graph)
    assert back == {("c", "b"), ("d", "c"), ("d", "d"), ("f", "e")}
    assert back_edges(graph_of(a=None, b="a", c=["a", "b"])) == set()


# --- Patterns -------------------------------------------------------------------------------------


def test_routes_that_only_a_pattern_gives():
    graph = graph_of(a=None, b="a", both=["a", "a|b"], all=".*", failing=["a!", ".*!"])
    assert pattern_routes(graph) == {
        ("b", "both"),
        *((origin, "all") for origin in ("__entry_point", "a", "b", "both", "failing")),
        *((origin, "failing") for origin in ("b!", "both!", "all!")),
    }


def test_an_entry_flag_a_short_name_and_what_is_ignored_are_no_routes_by_pattern():
    router = Router()
    router.node("x", entry_point=True, name="tasks.a")(lambda msg: None)
    router.node("x", ["a", ".*"], entry_point=True, name="b")(lambda msg: None)
    router.node("x", [".*"], ignore="a", name="c")(lambda msg: None)
    assert pattern_routes(router.graph) == {
        ("c", "b"),
        ("__entry_point", "c"),
        ("b", "c"),
    }
