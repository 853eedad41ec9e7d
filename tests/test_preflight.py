"""What a node would take along to a cluster: captured variables, what cannot travel, what would
silently be wrong."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import pickle
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from checking import cell, changed, found, node_of, variable
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from emitnb.backends.preflight import LARGE, check
from emitnb.node import Options, declare

ROOT = Path(__file__).parents[1]


def run_elsewhere(blob: bytes, tmp_path: Path, message: dict[str, Any]) -> Any:
    """Load a node in a process that knows nothing of this one; return what it makes of a message.

    What it returns comes back as text: numbers as they are, all else as Python shows it.
    """
    (tmp_path / "blob").write_bytes(blob)
    code = """
        import json, pickle, sys
        from emitnb.message import message_type
        function, *rest = pickle.loads(open("blob", "rb").read())
        values = json.loads(sys.argv[1])
        message = message_type("words", tuple(values))(*values.values())
        print(json.dumps(function(message), default=repr))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), json.dumps(message)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[ModuleType]:
    """A module of the user's that workers can import."""
    file = tmp_path / "own_tasks.py"
    file.write_text(
        textwrap.dedent("""\
            import threading
            COUNTS = {}
            LOCK = threading.Lock()

            def bump(word):
                with LOCK:
                    COUNTS[word] = COUNTS.get(word, 0) + 1

            def count(msg):
                bump(msg.word)
                return COUNTS[msg.word]

            def clean(msg):
                with LOCK:
                    return msg.word.strip()
        """)
    )
    spec = importlib.util.spec_from_file_location("own_tasks", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_tasks"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["own_tasks"]


# -- what is captured ---------------------------------------------------------------------------


def test_a_node_that_captured_nothing():
    checked = found("def node(msg): return len(msg.word)")
    assert (checked.node, checked.variables, checked.problems, checked.notes) == (
        "node",
        (),
        (),
        (),
    )
    assert checked.blob is not None


def test_globals_of_the_function_and_of_all_that_it_uses():
    checked = found("""
        import json
        from json import dumps
        limit, unused = 3, 4
        separator = "/"
        table = {"a": 1}
        offset = 7
        default = (1, 2)

        class Reader:
            form = ["csv"]
            def read(self, text):
                return [table[part] for part in text.split(separator)]

        def helper(text):
            return Reader().read(text)

        async def fetch(msg, extra=default):
            def inner():
                return offset
            return inner()

        def node(msg):
            return json.dumps(helper(msg.text)), dumps, len, limit, fetch
    """)
    names = {one.name for one in checked.variables}
    assert names == {
        "limit",
        "separator",
        "table",
        "offset",
        "extra",
        "Reader.form",
    }
    assert variable(checked, "table").kind == "dict"
    assert variable(checked, "extra").kind == "tuple"


def test_closures_defaults_partials_and_the_predicate():
    namespace = cell("""
        import functools
        threshold = 5
        def make(words):
            def node(table, msg, *, base=10, sign="+"):
                return words, table, base
            return node
        made = functools.partial(make(["a"]), {"b": 1}, sign="-")
        def wanted(msg):
            return msg.n > threshold
    """)
    node = declare(namespace["made"], Options(fields="x", name="node", when=namespace["wanted"]))
    kinds = {one.name: one.kind for one in check(node).variables if one.kind != "str"}
    assert kinds == {"words": "list", "table": "dict", "base": "int", "threshold": "int"}


def test_attributes_of_a_callable_object_and_of_the_object_of_a_method():
    source = """
        import functools
        class Counter:
            __slots__ = ("words", "__dict__")
            def __init__(self):
                self.words, self.model = ["a"], b"model"
            def __call__(self, msg): return 1
            def other(self, msg): return 2
        node = Counter
        method = Counter().other
    """
    for name in ("node", "method"):
        checked = check(node_of(source, name))
        assert {one.name for one in checked.variables} == {"self.words", "self.model"}


def test_an_object_that_says_itself_what_of_it_is_pickled_is_one_variable():
    checked = found("""
        import threading
        class node:
            def __init__(self): self.lock = threading.Lock()
            def __getstate__(self): return {}
            def __call__(self, msg): return 1
    """)
    assert [one.name for one in checked.variables] == ["self"]
    assert checked.problems == () and checked.blob is not None


def test_functions_in_a_table_of_handlers_are_followed():
    checked = found("""
        limit = 3
        def small(msg): return msg.n < limit
        HANDLERS = {"small": small}
        def node(msg): return HANDLERS[msg.kind](msg)
    """)
    assert {one.name for one in checked.variables} == {"HANDLERS", "limit"}


def test_what_is_found_by_name_on_a_worker_is_no_variable():
    checked = found("""
        import os.path, numpy as np
        from numpy import sqrt
        from emitnb import NoResult
        def node(msg): return np.mean(sqrt(msg.n)), os.path, NoResult, ValueError
    """)
    assert checked.variables == ()


def test_what_a_library_puts_around_a_function_is_one_variable():
    checked = found("""
        import contextlib
        offset = 7
        @contextlib.contextmanager
        def opened():
            yield offset
        def node(msg):
            with opened() as n:
                return n
    """)
    assert {one.name for one in checked.variables} == {"opened", "offset"}


# -- sizes and notes ----------------------------------------------------------------------------


def test_sizes_are_near_the_truth():
    namespace = {
        "__name__": "__main__",
        "array": np.zeros(10_000_000, np.uint8),
        "frame": pd.DataFrame({"n": np.arange(250_000), "word": ["word"] * 250_000}),
        "text": "x" * 1_000,
        "numbers": list(range(1_000)),
    }
    cell("def node(msg): return array, frame, text, numbers", namespace)
    checked = check(declare(namespace["node"], Options(fields="x", name="node")))
    for name in ("array", "frame", "text", "numbers"):
        size = variable(checked, name).size
        assert size == pytest.approx(len(pickle.dumps(namespace[name], 5)), rel=0.05), name
    assert checked.blob is not None and len(checked.blob) > 10_000_000


def test_a_large_array_is_measured_where_it_lies():
    from emitnb.backends.pickling import measure

    array = np.zeros(50_000_000, np.uint8)
    measure(array[:10])
    tracemalloc.start()
    try:
        size, _ = measure({"array": array})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 50_000_000
    assert peak < 1_000_000


def test_every_object_is_pickled_once_to_measure_it_and_once_to_keep_it():
    namespace = cell("""
        pickled = []
        class Model:
            def __reduce__(self):
                pickled.append(1)
                return Model, ()
        model = Model()
        def node(msg): return model
    """)
    check(declare(namespace["node"], Options(fields="x", name="node")))
    assert len(namespace["pickled"]) == 2


def test_notes_say_what_is_large_and_what_is_taken_along():
    namespace = {"__name__": "__main__", "model": bytes(12_345_678), "limit": 3, "word": "a"}
    cell("def node(msg): return model, limit, word", namespace)
    checked = check(declare(namespace["node"], Options(fields="x", name="node")))
    assert checked.notes == (
        "takes `model` along: 12.3 MB, sent once to each worker",
        "takes along `limit` (5 B), `word` (16 B)",
    )
    assert variable(checked, "model").size >= LARGE > variable(checked, "word").size


# -- what cannot travel -------------------------------------------------------------------------

UNPICKLABLE = {
    "lock": ("import threading", "threading.Lock()", "lock", "_thread.lock"),
    "connection": ("import sqlite3", "sqlite3.connect(':memory:')", "Connection", "sqlite3"),
    "generator": ("", "(n for n in [1])", "generator", "generator"),
    "text file": ("", "open(__import__('os').devnull)", "TextIOWrapper", "open file"),
    "binary file": ("", "open(__import__('os').devnull, 'wb')", "BufferedWriter", "BufferedWriter"),
}


@pytest.mark.parametrize("which", UNPICKLABLE)
def test_what_cannot_be_pickled_is_named_with_its_type_node_and_cell(which):
    setup, made, kind, reason = UNPICKLABLE[which]
    namespace = cell(f"{setup}\nhandle = {made}")
    namespace["In"] = ["", "limit = 3", f"{setup}\nhandle = {made}", "def node(msg): ..."]
    try:
        cell("def node(msg): return handle", namespace)
        checked = check(declare(namespace["node"], Options(fields="x", name="use_it")))
    finally:
        getattr(namespace["handle"], "close", lambda: None)()
    (problem,) = checked.problems
    assert problem.startswith("use_it cannot run on a cluster: ")
    assert f"the global handle ({kind}, In [2])" in problem
    assert reason in problem and "inside the node" in problem
    one = variable(checked, "handle")
    assert (one.kind, one.size, one.cell) == (kind, None, "In [2]")
    assert reason in one.problem
    assert checked.blob is None


def test_what_is_deep_inside_a_variable_an_attribute_or_a_closure():
    checked = found("""
        import threading
        class Model:
            def __init__(self): self.lock = threading.Lock()
        def make(model):
            class Node:
                def __init__(self): self.lock = threading.RLock()
                def __call__(self, msg): return model
            return Node()
        node = make({"m": [Model()]})
    """)
    named = {one.name for one in checked.variables if one.problem}
    assert named == {"model", "self.lock"}
    assert len(checked.problems) == 2
    assert any("its attribute self.lock (RLock, In" in problem for problem in checked.problems)


def test_where_no_variable_is_the_culprit_it_says_what_cloudpickle_said():
    node = node_of("def node(msg): return 1")
    node.function.__annotations__["msg"] = threading.Lock()
    checked = check(node)
    assert checked.blob is None
    (problem,) = checked.problems
    assert "node cannot run on a cluster" in problem and "cannot pickle '_thread.lock'" in problem


ODD = {
    "reduce": "def __reduce__(self): raise RuntimeError('no reduce')",
    "getattribute": "def __getattribute__(self, name): raise RuntimeError('no ' + name)",
    "exit": "def __reduce__(self): raise SystemExit",
    "silent": """
        def __reduce__(self):
            class Silent(Exception):
                def __str__(self): raise ValueError
            raise Silent""",
}


@pytest.mark.parametrize("which", ODD)
def test_an_odd_object_is_a_problem_and_no_crash(which):
    checked = found(
        f"class Odd:\n{textwrap.indent(textwrap.dedent(ODD[which]), '    ')}\n"
        "odd = Odd()\n"
        "def node(msg): return odd.size[0].add(msg)"
    )
    assert [one.name for one in checked.variables if one.problem] == ["odd"]
    assert checked.blob is None


@pytest.mark.parametrize("used", ["Odd", "odd", "odd.x(1)", "Odd.x"])
def test_a_class_whose_class_raises_is_a_problem_and_no_crash(used):
    checked = found(f"""
        class Meta(type):
            def __getattribute__(cls, name): raise RuntimeError(name)
        class Odd(metaclass=Meta): pass
        odd = Odd()
        def node(msg): return {used}
    """)
    assert len(checked.problems) == 1 and checked.blob is None


def test_an_object_that_raises_when_it_is_looked_at_still_travels():
    checked = found("""
        class Odd:
            def __len__(self): raise RuntimeError
            __bool__ = __iter__ = __repr__ = __hash__ = __len__
            def __eq__(self, other): raise RuntimeError
            def __getattr__(self, name): raise AttributeError(name)
        odd = Odd()
        def node(msg): return odd
    """)
    assert checked.problems == () and checked.blob is not None


def test_an_endless_nesting_is_a_problem_and_no_crash():
    checked = found("""
        deep = []
        for _ in range(100_000):
            deep = [deep]
        def node(msg): return deep
    """)
    assert "recursion" in variable(checked, "deep").problem


# -- nodes of modules ---------------------------------------------------------------------------


def test_a_node_of_a_module_takes_nothing_along_but_may_not_change_it_either(tasks):
    checked = check(declare(tasks.clean, Options(fields="x")))
    assert (checked.variables, checked.problems) == ((), ())
    checked = check(declare(tasks.count, Options(fields="x")))
    (problem,) = checked.problems
    assert "COUNTS[...] = …, line 7 of bump" in problem
    one = variable(checked, "COUNTS")
    assert (one.size, one.problem, one.cell) == (None, "", "own_tasks.py, line 2")


def test_a_module_of_the_users_changed_from_a_notebook(tasks):
    source = "import own_tasks\ndef node(msg):\n    own_tasks.COUNTS[1] = 2\n    return 1"
    assert changed(source) == {"own_tasks.COUNTS": "own_tasks.COUNTS[...] = …, line 3"}


@pytest.mark.parametrize("function", [json.loads, len, str.upper, functools.reduce])
def test_a_function_of_a_library_is_no_concern(function):
    checked = check(declare(functools.partial(function), Options(fields="x", name="node")))
    assert (checked.variables, checked.problems) == ((), ())


@pytest.mark.parametrize(
    "name", ["argparse", "difflib", "configparser", "asyncio.tasks", "tarfile"]
)
def test_all_kinds_of_code_can_be_read(name):
    """A whole module of Python's, run as if it were a notebook."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    namespace = {"__name__": "a_notebook", "__package__": name.rpartition(".")[0]}
    source = Path(spec.origin).read_text(encoding="utf-8")
    exec(compile(source, "<cell>", "exec"), namespace)
    own = [n for n, one in namespace.items() if getattr(one, "__module__", "") == "a_notebook"]
    used = [n for n in own if n.isidentifier()]
    exec(f"def node(msg): return {', '.join(used)}", namespace)
    assert len(used) > 3
    checked = check(declare(namespace["node"], Options(fields="x", name="node")))
    assert all(one.name for one in checked.variables)


# -- the pickle ---------------------------------------------------------------------------------


def test_the_blob_runs_in_a_fresh_process(tmp_path):
    checked = found("""
        import numpy as np
        table = {"a": 1}
        weights = np.arange(4)
        def helper(word): return table[word]
        def node(msg): return helper(msg.word) + int(weights.sum())
    """)
    assert run_elsewhere(checked.blob, tmp_path, {"word": "a"}) == 7


def test_what_was_captured_is_fixed_by_the_check(tmp_path):
    namespace = cell("""
        limit = 3
        table = {"a": 1}
        def node(msg): return [limit, table["a"]]
    """)
    checked = check(declare(namespace["node"], Options(fields="x", name="node")))
    namespace["limit"] = 99
    namespace["table"]["a"] = 99
    assert run_elsewhere(checked.blob, tmp_path, {"word": "a"}) == [3, 1]


def test_the_blob_holds_function_predicate_state_record_and_types():
    namespace = cell("""
        import dataclasses
        @dataclasses.dataclass
        class Row:
            n: int
        class Words(dict):
            pass
        def node(msg, state: Words): return Row(1)
        def wanted(msg): return msg.n > 3
    """)
    node = declare(
        namespace["node"],
        Options(fields=namespace["Row"], name="node", when=namespace["wanted"]),
    )
    function, when, new_state, record, types = pickle.loads(check(node).blob)
    assert function.__code__ == node.function.__code__
    assert when.__code__ == namespace["wanted"].__code__
    assert (new_state, record, types) == (namespace["Words"], namespace["Row"], {"n": int})


def test_cached_functions_of_a_notebook_travel(tmp_path):
    checked = found("""
        import functools
        @functools.lru_cache(maxsize=None)
        def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
        def node(msg): return [fibonacci(msg.n), fibonacci.cache_info().misses]
    """)
    assert run_elsewhere(checked.blob, tmp_path, {"n": 60}) == [1548008755920, 61]


def test_struct_classes_of_a_notebook_travel_whole(tmp_path):
    namespace = cell("""
        import msgspec, typing
        class Base(msgspec.Struct, frozen=True, tag=True):
            word: str
            tags: list = msgspec.field(default_factory=list, name="labels")
            limit: typing.ClassVar[int] = 5
            def __post_init__(self):
                if not self.word: raise ValueError("empty")
            def again(self): return Row(self.word, n=self.limit)
        class Row(Base, kw_only=True, frozen=True):
            n: int = 3
            def __post_init__(self): super().__post_init__()
        def node(msg):
            try:
                Row("")
            except ValueError as error:
                text = str(error)
            row = msgspec.json.decode(b'{"type": "Row", "word": "a", "labels": [1]}', type=Row)
            return [row, row.again(), row == Row("a", [1]), text]
    """)
    node = declare(namespace["node"], Options(fields=namespace["Row"], name="node"))
    blob = check(node).blob
    assert blob is not None
    assert pickle.loads(blob)[3] is namespace["Row"]
    assert run_elsewhere(blob, tmp_path, {"n": 1}) == [
        "Row(word='a', tags=[1], n=3)",
        "Row(word='a', tags=[], n=5)",
        True,
        "empty",
    ]


def test_two_nodes_share_a_struct_class_where_they_run():
    """In a process of their own, as the notebook's own class would be found here."""
    namespace = cell("""
        import msgspec
        class Row(msgspec.Struct): n: int
        def node(msg): return Row(1)
        def other(msg): return isinstance(msg, Row)
    """)
    blobs = [
        check(declare(namespace[name], Options(fields="x", name=name))).blob
        for name in ("node", "other")
    ]
    code = "import pickle, sys; a, b = pickle.load(sys.stdin.buffer); "
    code += "print(pickle.loads(b)[0](pickle.loads(a)[0](None)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(blobs),
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        check=True,
    )
    assert done.stdout.split() == [b"True"]


# -- where things are ---------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    config = Config()
    config.HistoryManager.enabled = False
    main = sys.modules["__main__"]
    made = InteractiveShell.instance(config=config, ipython_dir=str(tmp_path / "ipython"))
    yield made
    atexit.unregister(made.atexit_operations)
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


def test_cells_of_a_notebook_are_known_by_its_history(shell):
    shell.run_cell("limit = 1\nmodel = [1]", store_history=True)
    shell.run_cell("%%time\nlimit = 2", store_history=True)
    shell.run_cell("for word in ['a']: pass", store_history=True)
    shell.run_cell("def node(msg, table=()): return limit, model, word", store_history=True)
    checked = check(declare(shell.user_ns["node"], Options(fields="x", name="node")))
    assert {one.name: one.cell for one in checked.variables} == {
        "limit": "In [2]",
        "model": "In [1]",
        "word": "In [3]",
        "table": "In [4]",
    }


def test_nobody_can_tell_where_code_without_a_file_is():
    namespace = {"__name__": "__main__", "limit": 3}
    exec("def node(msg): return limit", namespace)
    checked = check(declare(namespace["node"], Options(fields="x", name="node")))
    assert variable(checked, "limit").cell == ""


def test_preflight_does_not_load_dask():
    code = """
        import sys
        import emitnb.backends.preflight
        print([name for name in ("dask", "distributed") if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
