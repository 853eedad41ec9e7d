"""The graph as a static picture, for pages that are saved and for files of their own."""

from emitnb.picture.drawing import (
    COLOURS,
    MOST_NODES,
    MOST_ROUTES,
    Count,
    Counts,
    picture,
    why_no_picture,
)

__all__ = [
    "COLOURS",
    "MOST_NODES",
    "MOST_ROUTES",
    "Count",
    "Counts",
    "picture",
    "why_no_picture",
]
