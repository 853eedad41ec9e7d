"""Batch nodes, on columns."""

import numpy as np

from emitnb import Router

router = Router()


@router.node(
    {"x": float, "root": float},
    entry_point=True,
    batch=True,
    when=lambda msg: msg.x > -5,
    name="roots",
)
def roots(frame):
    frame = frame[frame.x != 4]
    with np.errstate(invalid="ignore"):
        return frame.assign(root=np.sqrt(frame.x))[["x", "root"]]


@router.node({"shifted": float}, "roots", batch=True, name="shifted")
def shifted(frame):
    return {"shifted": (frame.root + 1).to_numpy()}
