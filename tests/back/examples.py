"""Modules as emitnb exports them, and what is to be compared of routers."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from emitnb import Router
from emitnb.loading import module_of

WORDCOUNT = '''\
"""The graph of wordcount.ipynb, exported by emitnb 0.1.0."""

import re

from emitnb import Router, run_command

router = Router(home=__name__)

# Of all words.
rate = 0.5
STOP = {"the", "a"}


def clean(text):
    return text.lower()


@router.node("word", entry_point=True)
def words(msg):
    """Cut documents into words."""
    yield from re.findall(r"\\w+", clean(msg.document))


# A state for each word.
@router.node(
    {"word": str, "count": int},
    subscribe_to="words",
    key="word",
    when=lambda msg: msg.word not in STOP,
)
def count_word(msg, state):
    state["n"] = state.get("n", 0) + rate
    return msg.word, int(state["n"])


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments, parameters={"rate": "share of the words"})


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: 9f86d08
'''

RICH = '''\
"""What came in, and from where.

Made for the tests; it has all that a line can say.
"""

from __future__ import annotations

import re as regex
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from emitnb import NoResult, Router, run_command

try:
    import this_is_nowhere
except ImportError:
    this_is_nowhere = None

if TYPE_CHECKING:
    from pathlib import Path

router = Router(home=__name__)
router.max_failures = 7

LANGUAGES = ("de", "en")  # in this order
TEXT = """
%%emit_node no --entry
>>> cell
!ls
"""; COUNT = len(TEXT)

PAIR = {
    "a": 1,
}


@dataclass
class Line:
    number: int
    text: str


# Two decorators,
# and two lines.
def twice(function):
    def inner(*args):
        return function(*args)

    return inner
    # to be named


def halve(factor, msg):
    return msg.number // factor


@router.node(Line, entry_point=True)
def lines(msg):
    """Cut a document into lines,
    one after the other.
    """
    for number, text in enumerate(msg.document.splitlines()):
        yield number, text


@router.node(
    {"text": str, "lang": Literal["de", "en"] | None, "more": dict[str, list[int]], "any": Any},
    subscribe_to=["lines"],
    when=lambda msg: (
        msg.number >= 0
        and msg.text != 'it"s'
    ),
    retries=2,
    backoff=0.25,
)
@twice
def spoken(msg):
    # The first.
    if not msg.text:
        return NoResult
    return msg.text, LANGUAGES[0], {"": []}, None


@router.node(
    ("lang", "seen"), "/spoken|.*[ \\'].*/", key=("lang",), priority=-1, workers=["w1", "tcp://b:1"]
)
def seen(msg, state: Counter):
    state[msg.lang] += 1
    return msg.lang, state[msg.lang]


@router.node(
    "number",
    subscribe_to=("lines", "spoken!"),
    ignore="spo.*!",
    name="numbers",
    resources={"GPU": 1, "MEMORY": 2e9},
    allow_shared=True,
)  # told
def number_of(msg):
    return msg.number


@router.node("number", subscribe_to="lines", when=lambda msg: msg.text not in "'" + '"')
def unquoted(msg):
    return msg.number


@router.node("last", subscribe_to=regex.compile("lines"), batch=True)
def last(frame):
    return frame[["number"]].rename(columns={"number": "last"})


@router.node("text", subscribe_to="lines", timeout=10, batch=False)
async def slow(msg):
    return msg.text


@router.node("size", subscribe_to="lines", when=lambda msg: msg.text)
class Size:
    def __call__(self, msg):
        return len(msg.text)


halved = router.node("half", subscribe_to="lines", name="halved")(partial(halve, 2))


def main(arguments: list[str] | None = None) -> int:
    return run_command(router, globals(), arguments, parameters={})


if __name__ == "__main__":
    raise SystemExit(main())
'''

DOCUMENTS = ["The rain\nin Spain it's\n\nstays", 'a rain\n"mainly" in', ""]


def written(folder: Path, name: str, text: str) -> Path:
    """Write a module into a folder."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def imported(path: Path) -> ModuleType:
    """Import a module from its file, as if it never had been."""
    sys.modules.pop(path.stem, None)
    return module_of(path)


def declared(router: Router) -> dict[str, Any]:
    """What the nodes of a router are, but for their functions."""
    return {
        name: (
            *(node.fields, dict(node.types), node.form, node.key, node.batch, node.when is None),
            *(list(map(str, node.subscriptions)), list(map(str, node.ignores)), node.entry_point),
            *(node.retries, node.backoff, node.timeout, node.placement, node.allow_shared),
            router.graph.origins(name),
        )
        for name, node in router.nodes.items()
    }


def frames(router: Router, documents: list[str] = DOCUMENTS) -> dict[str, list[Any]]:
    """What the nodes of a router make of documents: rows and failures."""
    router.push(documents, progress=False)
    made = {name: router.frame(name).to_dict("records") for name in router.nodes}
    return {**made, "failures": router.failures()["node"].tolist()}
