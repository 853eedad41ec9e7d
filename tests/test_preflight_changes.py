"""What a node changes of what it captured: found, and refused, with the form that is right."""

from __future__ import annotations

import dataclasses
import textwrap

import pytest
from checking import changed, found, node_of

from emitnb.backends.preflight import check, refuse
from emitnb.errors import DeclarationError

CHANGES = {
    "item": ("COUNTS = {}", "COUNTS[msg.word] = 1", "COUNTS", "COUNTS[...] = …"),
    "augmented": ("COUNTS = {}", "COUNTS[msg.word] += 1", "COUNTS", "COUNTS[...] += …"),
    "slice": ("last = [1]", "last[:] = [msg.word]", "last", "last[...] = …"),
    "append": ("seen = []", "seen.append(msg.word)", "seen", "seen.append(...)"),
    "add": ("seen = set()", "seen.add(msg.word)", "seen", "seen.add(...)"),
    "update": ("seen = {}", "seen.update(n=msg.n)", "seen", "seen.update(...)"),
    "pop": ("stock = [1]", "x = stock.pop()", "stock", "stock.pop(...)"),
    "default": ("d = {}", "x = d.setdefault(msg.n, 3) + 1", "d", "d.setdefault(...)"),
    "counter": (
        "import collections\nc = collections.Counter()",
        "c.update(msg.words)",
        "c",
        "c.update(...)",
    ),
    "deque": (
        "import collections\nd = collections.deque()",
        "d.appendleft(1)",
        "d",
        "d.appendleft(...)",
    ),
    "array": ("import numpy as np\nA = np.zeros(3)", "A[msg.n] += 1", "A", "A[...] += …"),
    "out": (
        "import numpy as np\nA = np.zeros(3)",
        "np.add(A, 1, out=A)",
        "A",
        "np.add(..., out=A)",
    ),
    "frame": (
        "import pandas as pd\nF = pd.DataFrame({'a': [1]})",
        "F.loc[0, 'a'] = 2",
        "F",
        "F.loc[...] = …",
    ),
    "in place": (
        "import pandas as pd\nF = pd.DataFrame({'a': [1]})",
        "F.drop(columns='a', inplace=True)",
        "F",
        "F.drop(..., inplace=…)",
    ),
    "del": ("seen = {}", "del seen[msg.word]", "seen", "del seen[...]"),
    "global": ("n = 0", "global n; n += 1", "n", "n += …"),
    "new global": ("", "global n; n = 1", "n", "n = …"),
    "del global": ("n = 0", "global n; del n", "n", "del n"),
    "globals()": ("", "globals()['n'] = 1", "globals()", "globals()[...] = …"),
    "attribute": ("class C: pass\nc = C()", "c.n = 1", "c", "c.n = …"),
    "setattr": ("class C: pass\nc = C()", "setattr(c, 'n', 1)", "c", "setattr(c, ...)"),
    "nested": ("d = {'a': {}}", "d['a']['b'] = 1", "d", "d[...][...] = …"),
    "item method": ("d = {'a': []}", "d['a'].append(1)", "d", "d[...].append(...)"),
    "path": ("class C: pass\nc = C(); c.log = []", "c.log.append(1)", "c", "c.log.append(...)"),
    "class attribute": ("class C:\n    n = 0", "C.n += 1", "C.n", "C.n += …"),
    "heap": ("import heapq\nH = []", "heapq.heappush(H, 1)", "H", "heapq.heappush(H, ...)"),
    "shuffle": (
        "import random\nD = [1]",
        "random.shuffle(D)",
        "D",
        "random.shuffle(D)",
    ),
    "next": ("ids = iter([1])", "x = next(ids)", "ids", "next(ids)"),
    "bound": ("seen = []\nadd = seen.append", "add(1)", "add", "add(...)"),
    "unpacked": ("a, b = [], []", "a[0], b = 1, 2", "a", "a[...] = …"),
    "alias": ("COUNTS = {}", "c = COUNTS; c[1] = 2", "COUNTS", "COUNTS[...] = …"),
    "alias of an item": ("d = {'a': []}", "x = d['a']; x.append(1)", "d", "d[...].append(...)"),
    "augmented alias": ("L = []", "x = L; x += [1]", "L", "L += …"),
    "walrus": ("L = []", "(x := L).append(1)", "L", "L.append(...)"),
    "either": ("L = []", "(L if msg.n else []).append(1)", "L", "L.append(...)"),
    "boolean argument": ("L = []", "L.append(msg.n or msg.m)", "L", "L.append(...)"),
    "starred": ("d = {}", "d.update(*msg.pairs, **msg.rest)", "d", "d.update(...)"),
    "comprehension": ("L = []", "x = [L.append(w) for w in msg.words]", "L", "L.append(...)"),
    "generator expression": ("S = set()", "x = any(S.add(w) for w in msg.w)", "S", "S.add(...)"),
    "items in a comprehension": (
        "R = [[1]]",
        "x = [row.append(1) for row in R]",
        "R",
        "R[...].append(...)",
    ),
    "loop": ("R = [[1]]", "for row in R: row.append(1)", "R", "R[...].append(...)"),
    "enumerate": (
        "R = [[1]]",
        "for i, r in enumerate(R): r.append(1)",
        "R",
        "R[...].append(...)",
    ),
    "items": (
        "G = {'a': set()}",
        "for k, g in G.items(): g.add(k)",
        "G",
        "G[...].add(...)",
    ),
    "values": ("G = {'a': set()}", "for g in G.values(): g.add(1)", "G", "G[...].add(...)"),
    "lambda": ("L = []", "f = lambda w: L.append(w); f(1)", "L", "L.append(...)"),
    "condition": ("d = {}", "if msg.n not in d: d[msg.n] = 1", "d", "d[...] = …"),
    "inner": (
        "L = []",
        "def add(into, w): into.append(w)\n    add(L, 1)",
        "L",
        "L.append(...)",
    ),
    "handler": (
        "d = {}",
        "try: x = d[1]\n    except KeyError: d[1] = 2",
        "d",
        "d[...] = …",
    ),
    "with": ("d = {}", "with msg.lock: d[1] = 2", "d", "d[...] = …"),
    "match": (
        "d = {}",
        "match msg.n:\n        case {'a': x}: d.update(x)",
        "d",
        "d.update(...)",
    ),
}


@pytest.mark.parametrize("which", CHANGES)
def test_a_change_of_a_captured_variable_is_found(which):
    setup, line, name, how = CHANGES[which]
    changes = changed(f"{setup}\ndef node(msg):\n    {line}\n    return 1")
    assert changes.keys() == {name}
    assert changes[name].startswith(f"{how}, line "), changes[name]


LOCAL = {
    "local": "COUNTS = {}\n    COUNTS[1] = 2",
    "parameter of an inner function": "def f(COUNTS): COUNTS[1] = 2\n    f({})",
    "variable around an inner function": "COUNTS = {}\n    def f(): COUNTS[1] = 2\n    f()",
    "nonlocal of its own": "n = 0\n    def f():\n        nonlocal n; n += 1\n    f()",
    "loop variable": "for COUNTS in [{}]: COUNTS[1] = 2",
    "comprehension variable": "x = [COUNTS.update(a=1) for COUNTS in [{}]]",
    "rebound alias": "c = COUNTS\n    c = {}\n    c[1] = 2",
    "copy": "c = dict(COUNTS)\n    c[1] = 2\n    d = COUNTS.copy()\n    d.clear()",
    "sorted copy": "c = sorted(COUNTS)\n    c.append(1)\n    d = list(COUNTS)\n    d.pop()",
    "slice": "c = NUMBERS[1:]\n    c.append(1)\n    c += [2]",
    "sum": "c = NUMBERS + [1]\n    c += [2]\n    c.append(3)",
    "text": "t = TEXT\n    t += 'b'\n    x = TEXT.replace('a', 'b')",
    "number": "n = LIMIT\n    n += 1",
    "item of a table": "n = COUNTS.get('a', 0)\n    n += 1",
    "first": "x = next(iter(COUNTS.values()))",
    "reading": "x = [COUNTS[k] for k in COUNTS if COUNTS.get(k) and not COUNTS.items()]",
    "frame": "x = FRAME.add(1)\n    y = FRAME.drop(columns='a')\n    z = FRAME.sort_values('a')",
    "random numbers": "import random as r\n    random.seed(1); x = random.random()",
    "random arrays": "np.random.seed(1); x = np.random.random(); r = RNG.normal()",
    "settings of a library": "os.environ['A'] = 'b'; sys.path.append('c'); sys.stdout.write('')",
    "message": "msg.tags.append(1); msg.table['a'] = 2",
    "helper with a local": "bump({})",
    "own object": "t = Tally()\n    t.add()\n    t.words.append(1)",
    "not there": "NOT_THERE.append(1)",
    "function in a module": "json.JSONEncoder().default.__doc__",
}


@pytest.mark.parametrize("which", LOCAL)
def test_what_stays_in_the_node_is_not_a_change(which):
    source = f"""
import json, os, random, sys
import numpy as np, pandas as pd
COUNTS, NUMBERS, TEXT, LIMIT = {{"a": 1}}, [1], "a", 3
FRAME = pd.DataFrame({{"a": [1]}})
RNG = np.random.default_rng(1)
def bump(counts):
    counts["a"] = 1
class Tally:
    def __init__(self): self.n, self.words = 0, []
    def add(self): self.n += 1
def node(msg):
    {LOCAL[which]}
    return 1
"""
    checked = found(source)
    assert checked.problems == ()
    assert [one for one in checked.variables if one.change] == []


WHOLE = {
    "nonlocal": (
        """
        def make():
            n = 0
            def node(msg):
                nonlocal n
                n += 1
                return n
            return node
        node = make()
        """,
        {"n": "n += …, line 6"},
    ),
    "closure": (
        """
        def make(seen):
            return lambda msg: seen.add(msg.word)
        node = make(set())
        """,
        {"seen": "seen.add(...), line 3"},
    ),
    "default value": (
        """
        def node(msg, seen=[], *, table={}):
            seen.append(1)
            table[1] = 2
            return 1
        """,
        {"seen": "seen.append(...), line 3", "table": "table[...] = …, line 4"},
    ),
    "augmented default value": (
        "def node(msg, seen=[], n=0):\n    seen += [1]\n    n += 1\n    return n",
        {"seen": "seen += …, line 2"},
    ),
    "partial": (
        """
        import functools
        def count(table, msg):
            table[msg.word] = 1
            return 1
        node = functools.partial(count, {})
        """,
        {"table": "table[...] = …, line 4"},
    ),
    "generator": (
        "L = []\ndef node(msg):\n    for w in msg.words:\n        L.append(w)\n        yield w",
        {"L": "L.append(...), line 4"},
    ),
    "async": (
        """
        L = []
        async def node(msg):
            async with msg.lock:
                L.append(await msg.read())
            return 1
        """,
        {"L": "L.append(...), line 5"},
    ),
    "async generator": (
        """
        L = []
        async def node(msg):
            async for line in msg.lines:
                L.append(line)
                yield line
        """,
        {"L": "L.append(...), line 5"},
    ),
    "object": (
        """
        class node:
            def __init__(self): self.count, self.words = 0, []
            def __call__(self, msg):
                self.count += 1
                self.note(msg)
                return [self.note(w) for w in msg.words]
            def note(self, word):
                self.words.append(word)
        """,
        {
            "self.count": "self.count += …, line 5",
            "self.words": "self.words.append(...), line 9 of note",
        },
    ),
    "new attribute": (
        "class node:\n    def __call__(self, msg):\n        self.last = msg\n        return 1",
        {"self.last": "self.last = …, line 3"},
    ),
    "method of a base": (
        """
        class Base:
            def __init__(self): self.n = 0
            def __call__(self, msg):
                self.n += 1
                return self.n
        class node(Base):
            def __call__(self, msg):
                return super().__call__(msg)
        """,
        {"self.n": "self.n += …, line 5 of __call__"},
    ),
    "class of the object": (
        """
        class node:
            total = 0
            def __call__(self, msg):
                type(self).total += 1
                return self.total
        """,
        {"node.total": "node.total += …, line 5"},
    ),
    "method of a global": (
        """
        class Tally:
            def __init__(self): self.n = 0
            def add(self): self.n += 1
        tally = Tally()
        def node(msg):
            tally.add()
            return tally.n
        """,
        {"tally": "tally.n += …, line 4 of add"},
    ),
    "class method": (
        """
        class Tally:
            n = 0
            @classmethod
            def add(cls): cls.n += 1
        def node(msg):
            Tally.add()
            return 1
        """,
        {"Tally.n": "Tally.n += …, line 5 of add"},
    ),
    "attribute of a function": (
        "def node(msg):\n    node.calls += 1\n    return 1\nnode.calls = 0",
        {"node.calls": "node.calls += …, line 2"},
    ),
    "helper": (
        """
        COUNTS = {}
        def bump(word): COUNTS[word] = 1
        def deeper(word): bump(word)
        def node(msg):
            deeper(msg.word)
            return 1
        """,
        {"COUNTS": "COUNTS[...] = …, line 3 of bump"},
    ),
    "helper that is given it": (
        """
        COUNTS = {}
        def bump(word, counts): counts[word] = 1
        def node(msg):
            bump(msg.word, counts=COUNTS)
            return 1
        """,
        {"COUNTS": "COUNTS[...] = …, line 3 of bump"},
    ),
    "helper with a default value": (
        """
        def remember(word, seen=[]): seen.append(word)
        def node(msg):
            remember(msg.word, [])
            remember(msg.word)
            return 1
        """,
        {"seen": "seen.append(...), line 2 of remember"},
    ),
    "helper passed on": (
        """
        L = []
        def keep(word): L.append(word)
        def node(msg): return list(map(keep, msg.words))
        """,
        {"L": "L.append(...), line 3 of keep"},
    ),
    "cached helper": (
        """
        import functools
        L = []
        @functools.lru_cache
        def square(n):
            L.append(n)
            return n * n
        def node(msg): return square(msg.n)
        """,
        {"L": "L.append(...), line 6 of square"},
    ),
    "decorator": (
        """
        import functools
        calls = []
        def logged(function):
            @functools.wraps(function)
            def wrapper(*args):
                calls.append(args)
                return function(*args)
            return wrapper
        @logged
        def node(msg): return 1
        """,
        {"calls": "calls.append(...), line 7"},
    ),
    "several lines": (
        "seen = []\ndef node(msg):\n    seen.append(1)\n    seen.clear()\n    return 1",
        {"seen": "seen.append(...), line 3; seen.clear(...), line 4"},
    ),
    "endless recursion": (
        """
        class Tree: pass
        tree = Tree()
        tree.left = tree.right = None
        def visit(tree):
            visit(tree.left); visit(tree.right)
            tree.seen = True
        def node(msg):
            visit(tree)
            return 1
        """,
        {"tree": None},
    ),
}


@pytest.mark.parametrize("which", WHOLE)
def test_a_change_is_found_wherever_it_is_made(which):
    source, expected = WHOLE[which]
    changes = changed(textwrap.dedent(source))
    assert changes.keys() == expected.keys()
    for name, how in expected.items():
        assert how is None or changes[name] == how


def test_a_state_may_change_and_a_predicate_may_not():
    source = """
        seen = []
        def wanted(msg):
            seen.append(1)
            return True
        class Words(dict):
            def __init__(self): self.n = 0
            def count(self, word):
                self.n += 1
                self[word] = self.n
        def node(msg, state: Words):
            state.count(msg.word)
            state.last = msg.word
            return 1
    """
    node = node_of(source, key="word")
    assert check(node).problems == ()
    node = dataclasses.replace(node, when=node_of(source, "wanted").function)
    (problem,) = check(node).problems
    assert "seen.append(...), line 4 of wanted" in problem


def test_a_refusal_says_which_form_would_be_right():
    (problem,) = found("""
        COUNTS = {}
        def node(msg):
            COUNTS[msg.word] = COUNTS.get(msg.word, 0) + 1
            return COUNTS[msg.word]
    """).problems
    assert problem.startswith("node changes the global COUNTS")
    assert "COUNTS[...] = …, line 4" in problem
    assert "silently be wrong" in problem
    assert "%%emit_node … --key word and def node(msg, state): …" in problem
    assert "allow_shared=True (--allow-shared)" in problem


def test_the_form_fits_the_node():
    source = "L = []\n{} node({}):\n    L.append(msg.n + msg.m)\n    return 1"
    assert "async def node(msg, state)" in found(source.format("async def", "msg")).problems[0]
    assert "--key FIELD" in found(source.format("def", "msg")).problems[0]
    assert "without --batch" in found(source.format("def", "msg"), batch=True).problems[0]
    assert "in the state that the node has" in found(source.format("def", "msg, s")).problems[0]
    source = "class node:\n    def __call__(self, msg):\n        self.n = 1\n        return 1"
    assert "def __call__(self, msg, state)" in found(source).problems[0]


def test_allow_shared_makes_a_note_of_a_change():
    source = "seen = []\ndef node(msg):\n    seen.append(msg.word)\n    return 1"
    checked = found(source, allow_shared=True)
    assert checked.problems == () and checked.blob is not None
    assert checked.notes[-1] == (
        "changes `seen` in each worker's own copy: seen.append(...), line 3"
    )


def test_allow_shared_does_not_let_pass_what_cannot_be_pickled():
    source = "import threading\nlock = threading.Lock()\ndef node(msg):\n    return lock"
    assert len(found(source, allow_shared=True).problems) == 1


def test_refuse_tells_all_problems_of_all_nodes():
    bad = [
        found("n = 0\ndef node(msg):\n    global n\n    n += 1\n    return n", name="one"),
        found("def node(msg): return 1", name="two"),
        found("g = (n for n in [])\ndef node(msg):\n    g.x = 1\n    return 1", name="three"),
    ]
    with pytest.raises(DeclarationError) as caught:
        refuse(iter(bad))
    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines] == ["one", "three", "three"]
    refuse([bad[1]])
