"""Messages with values of classes of the module."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import msgspec

from emitnb import Router

router = Router()


class Kind(Enum):
    SQUARE = "square"
    LINE = "line"


@dataclass(frozen=True)
class Size:
    width: float
    height: float


class Point(NamedTuple):
    x: float
    y: float


class Corner(msgspec.Struct):
    point: Point
    note: str


@router.node({"kind": Kind, "size": Size}, entry_point=True, name="measure")
def measure(msg):
    kind = Kind.SQUARE if msg.width == msg.height else Kind.LINE
    return kind, Size(msg.width, msg.height)


@router.node({"corner": Corner}, "measure", name="corners")
def corners(msg):
    for x in (0.5, msg.size.width):
        yield Corner(Point(x, msg.size.height), f"corner of {msg.kind.value}")


@router.node("x", "corners", name="right")
def right(msg):
    return msg.corner.point.x + 1
