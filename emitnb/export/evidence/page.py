"""The text of a test file, as it would have been written by hand."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from emitnb.export.evidence.cases import ALSO, Case, Cases
from emitnb.export.evidence.layout import WIDTH, laid_out, quoted
from emitnb.export.evidence.sample import Pushes, WholeRun
from emitnb.export.evidence.writing import Writer
from emitnb.graph import Graph
from emitnb.testing import default_origin

LONGEST_CASE, LONGEST_TEXT = 600, 72
"""Characters of a case, and of a text in it, that stand in the code; others are stored."""

GRAPH = "whole-graph"
"""The name of the stored case of the whole graph; no node can have it."""

_MODULES = ("datetime", "decimal", "fractions", "pathlib", "uuid", "zoneinfo")
_USED = re.compile(rf"\b(?:{'|'.join(_MODULES)}|np)\.")
_TEXTS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")


class Page:
    """A test file of one module, with the cases that are stored beside it."""

    def __init__(self, module: str, router: str, graph: Graph, writer: Writer) -> None:
        self._module = module
        self._router = router
        self._graph = graph
        self._writer = writer
        self._parts: list[str] = []
        self._stored: list[bytes] = []
        self._imports: set[str] = set()
        self._helpers: set[str] = set()
        self._names: set[str] = set()
        self._classes: set[str] = set()
        self._has_frame = False

    def add_node(self, cases: Cases) -> None:
        """Add the test of one node, or a comment that says why there is none."""
        if not cases.kept:
            self._note(cases.notes())
            return
        # Of several origins another one may come first in the module.
        graph = self._graph
        usual = {default_origin(graph, cases.node)} if len(graph.origins(cases.node)) < 2 else None
        origins = any(set(case.origins) != usual for case in cases.kept)
        also = [case for case in cases.kept if case.label.startswith(ALSO)]
        named = [case for case in cases.kept if not case.label.startswith(ALSO)]
        test = self._node_test(cases.node, named, origins)
        self._parts.append("\n".join([*_comments(cases.notes()), *test]))
        if also:
            self._parts.append("\n".join(self._stored_test(cases.node, also, origins)))

    def add_graph(self, run: WholeRun | str, nodes: Sequence[str]) -> None:
        """Add the test of the whole graph, or of its nodes alone."""
        listed = f"{{{', '.join(map(repr, nodes))}}}"
        if isinstance(run, str):
            lines = [
                *_comments([f"The whole graph is not run on a sample: {run}."]),
                f"def {self._test_name('the_nodes')}():",
                '    """The module has the nodes that it was written with."""',
                self._line(listed, before=f"assert set({self._router}.nodes) == "),
            ]
            self._parts.append("\n".join(lines))
            return
        frame = "again.frame()"
        notes = []
        if run.left_out:
            names = ", ".join(run.left_out)
            notes = [f"Values that cannot be written down are not compared: {names}."]
            frame += f".drop(columns={laid_out(repr(list(run.left_out)))})"
        self._helpers |= {"assert_frame", "fresh"}
        self._has_frame = True
        name = self._test_name("the_whole_graph")
        lines = [
            *_comments(notes),
            f"def {name}():",
            '    """Some of the messages that were recorded give the frame that they gave."""',
            f"    again = fresh({self._router})",
            self._line(listed, before="assert set(again.nodes) == "),
            *self._pushed(run.pushes),
            self._line(f"assert_frame({frame}, {self._beside(self.frame_name(run), run.frame)})"),
            self._line(repr(run.failing), before="assert again.failing() == "),
        ]
        self._parts.append("\n".join(lines))

    def frame_name(self, run: WholeRun) -> str:
        """Return the name of the file with the frame of the whole graph."""
        return f"test_{self._module}-frame{run.suffix}"

    @property
    def stored(self) -> bytes:
        """The file of stored cases."""
        return b"".join(self._stored)

    @property
    def stored_name(self) -> str:
        """The name of the file of stored cases."""
        return f"test_{self._module}.jsonl"

    def text(self) -> str:
        """Return the text of the test file."""
        head = f'"""Tests of {self._module}.py, made of messages that were recorded."""'
        body = "\n\n\n".join(self._parts)
        # Ruff wants one empty line between imports and a comment that stands by itself.
        is_note = all(line.startswith("#") for line in self._parts[0].split("\n"))
        gap = "\n\n" if is_note else "\n\n\n"
        return f"{head}\n\n{self._head()}{gap}{body}\n"

    def _head(self) -> str:
        paths = ["from pathlib import Path"] if self._stored or self._has_frame else []
        modules = [f"import {name}" for name in _MODULES if name in self._imports]
        others = ["import numpy as np"] if "np" in self._imports else []
        others += ["import pytest"] if "pytest" in self._imports else []
        helpers = self._helpers | ({"load_cases"} if self._stored else set())
        others += [f"from emitnb.testing import {', '.join(sorted(helpers))}"] if helpers else []
        constants = ["HERE = Path(__file__).parent"] if paths else []
        if self._stored:
            beside = self._beside(self.stored_name, self.stored)
            constants.append(laid_out(f"load_cases({beside})", before="STORED = "))
        groups = [
            modules + paths,
            others,
            [self._import_of(sorted({*self._classes, self._router}, key=_import_order))],
        ]
        return "\n\n".join("\n".join(group) for group in [*groups, constants] if group)

    def _import_of(self, names: Sequence[str]) -> str:
        line = f"from {self._module} import {', '.join(names)}"
        lines = (f"    {name},\n" for name in names)
        return line if len(line) <= WIDTH else f"from {self._module} import (\n{''.join(lines)})"

    def _note(self, notes: Sequence[str] | Iterator[str]) -> None:
        self._parts.append("\n".join(_comments(notes)))

    def _node_test(self, node: str, cases: Sequence[Case], origins: bool) -> Iterator[str]:
        names = (*(("origin",) if origins else ()), "messages", "expected")
        params = ", ".join(
            self._placed(f"{node}-{case.label}", _values(case, origins)) for case in cases
        )
        self._imports.add("pytest")
        self._helpers.add("emitted")
        yield laid_out(f"pytest.mark.parametrize({names!r}, [{params}])", before="@")
        yield f"def {self._test_name(node)}({', '.join(names)}):"
        yield f'    """What {node} emits for messages that it received."""'
        call = f"emitted({self._router}, {node!r}, messages{', origin=origin' if origins else ''})"
        if all(map(self._is_plain, cases)):
            line = self._line(call, before="assert ", after=" == expected")
            if "\n" in line:
                yield self._line(call, before="found = ")
                line = "    assert found == expected"
            yield line
        else:
            self._helpers.add("same")
            yield self._line(f"same({call}, expected)", before="assert ")

    def _stored_test(self, node: str, cases: Sequence[Case], origins: bool) -> Iterator[str]:
        """The test of cases that are all stored: one for each type, for they have one cause."""
        named = [(f"{node}-{case.label}", _values(case, origins)) for case in cases]
        for name, values in named:
            self._store(name, values)
        types = list(dict.fromkeys(name.rpartition("-")[0] for name, _ in named))
        self._helpers.add("assert_stored")
        yield laid_out(f"pytest.mark.parametrize('cases', {types!r})", before="@")
        yield f"def {self._test_name(f'{node}_fixed')}(cases):"
        yield f'    """What {node} emits for all others on which it failed before it was fixed."""'
        yield self._line(f"assert_stored({self._router}, {node!r}, STORED, cases)")

    def _placed(self, name: str, values: Sequence[object]) -> str:
        """What a case is in the code: its values, or where they are stored."""
        texts = list(map(self._writer.text, values))
        if _is_short(texts):
            self._use(texts)
            return f"pytest.param({', '.join(texts)}, id={name!r})"
        self._store(name, values)
        return f"pytest.param(*STORED[{name!r}], id={name!r})"

    def _pushed(self, pushes: Pushes) -> Iterator[str]:
        texts = [self._writer.text(messages) for _, messages in pushes]
        if len(pushes) == 1 and pushes[0][0] is None and _is_short(texts):
            self._use(texts)
            yield self._line(f"again.push({texts[0]})")
        elif all(to is None for to, _ in pushes):
            self._store(GRAPH, [one for _, part in pushes for one in part])
            yield f'    again.push(STORED["{GRAPH}"])'
        else:
            self._store(GRAPH, [[to, part] for to, part in pushes])
            yield f'    for to, messages in STORED["{GRAPH}"]:'
            yield "        again.push(messages, to=to)"

    def _is_plain(self, case: Case) -> bool:
        """Whether ``==`` tells that it is as expected: not where there is a NaN, or an array."""
        try:
            return bool(case.expected == self._writer.value(self._writer.text(case.expected)))
        except Exception:
            return False

    def _store(self, name: str, values: Sequence[object]) -> None:
        self._stored.append(self._writer.line({"case": name, "values": list(values)}))

    def _use(self, texts: Sequence[str]) -> None:
        """Import what some values are written with."""
        bare = _TEXTS.sub("", " ".join(texts))
        self._imports |= {found.rstrip(".") for found in _USED.findall(bare)}
        self._classes.update(self._writer.named(bare))

    def _beside(self, name: str, data: bytes) -> str:
        """What names a file beside the module, and the classes of the values in it."""
        classes = [] if name.endswith(".parquet") else self._writer.named(data.decode())
        self._classes.update(classes)
        return ", ".join([f"HERE / {quoted(name)}", *classes])

    def _line(self, text: str, before: str = "", after: str = "") -> str:
        return laid_out(text, 1, before, after)

    def _test_name(self, node: str) -> str:
        name = name_of = f"test_{node.replace('.', '_')}"
        number = 2
        while name in self._names:
            name, number = f"{name_of}_{number}", number + 1
        self._names.add(name)
        return name


def _values(case: Case, origins: bool) -> list[object]:
    """What a test takes for a case."""
    one = case.origins[0]
    origin = one if set(case.origins) == {one} else list(case.origins)
    return [*([origin] if origins else []), case.messages, case.expected]


def _import_order(name: str) -> tuple[bool, bool, str]:
    """Constants, classes, others, each by the alphabet: as isort has them."""
    is_constant = len(name) > 1 and name.isupper()
    return not is_constant, not name[0].isupper(), name.lower()


def _is_short(texts: Sequence[str]) -> bool:
    """Whether values are to be read in the code: pandas' own are not, for it has no types."""
    quoted_texts = [found for text in texts for found in _TEXTS.findall(text)]
    bare = _TEXTS.sub("", " ".join(texts))
    longest = max(map(len, quoted_texts), default=0)
    return sum(map(len, texts)) <= LONGEST_CASE and longest <= LONGEST_TEXT and "pd." not in bare


def _comments(notes: Sequence[str] | Iterator[str]) -> list[str]:
    return [
        line
        for note in notes
        for line in textwrap.wrap(note, WIDTH, initial_indent="# ", subsequent_indent="# ")
    ]
