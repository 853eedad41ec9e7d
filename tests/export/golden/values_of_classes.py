"""The graph of a notebook with 2 nodes, exported by emitnb 0.1.0."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Any, NamedTuple, TypedDict

import msgspec
from emitnb import Router, run_command

router = Router(home=__name__)


class Color(Enum):
    RED = auto()
    BLUE = auto()


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True)
class Point:
    x: int
    color: Color = Color.RED
    tags: list[str] = field(default_factory=list)


class Pair(NamedTuple):
    a: int
    b: Size = Size.SMALL


class Row(TypedDict):
    n: int


class Price(msgspec.Struct):
    cents: int


@dataclass
class Made:
    point: Point
    pair: Pair
    row: dict
    price: Price


@router.node(Made, entry_point=True)
def make(msg):
    return Point(msg.n, Color.BLUE), Pair(msg.n, Size.LARGE), Row(n=msg.n), Price(msg.n)


@router.node(
    {"color": Any, "size": int},
    subscribe_to="make",
    when=lambda msg: msg.point.color is Color.BLUE,
)
def look(msg):
    match msg.point:
        case Point(x=7, color=Color.BLUE):
            return Color.RED, Size.SMALL
    return msg.point.color, msg.pair.b


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: f1a6c6154bcec35396242427913a296d8918b8c7eceb4aee66296980d19d1bff
