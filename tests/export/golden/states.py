"""The graph of a notebook with 4 nodes, exported by emitnb 0.1.0."""

from collections import Counter, defaultdict
from typing import Any

from emitnb import Router, run_command

router = Router(home=__name__)

START = 10


class Seen:
    def __init__(self):
        self.n = START


@router.node("word", entry_point=True)
def words(msg):
    yield from msg.document.split()


@router.node({"word": Any, "n": int}, subscribe_to="words")
def counted(msg, state: Counter):
    state[msg.word] += 1
    return msg.word, state[msg.word]


@router.node({"word": Any, "n": int}, subscribe_to="words", key="word")
def seen(msg, seen: Seen):
    seen.n += 1
    return msg.word, seen.n


@router.node(("word", "n"), subscribe_to="words", key=["word"])
def last(msg, state: defaultdict[str, int]):
    state["n"] = state.get("n", 0) + 1
    return {"n": state["n"], "word": msg.word}


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: 6a222019e4acce2da4d85d24f5cac3b5db6cdb6c95293ddb0449bf76d5a557ee
