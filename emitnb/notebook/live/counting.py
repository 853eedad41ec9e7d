"""The numbers of the widget: what went through each box and over each edge, as bytes.

Little endian float64: the version of the shape and the time in seconds; then, for each box, what
:data:`PER_NODE` names; then the messages of each edge.
"""

from __future__ import annotations

import numpy as np

from emitnb.figures import Totals
from emitnb.notebook.live.shape import Shape
from emitnb.reading import Reader

PER_NODE = ("received", "emitted", "dropped", "failed", "kept", "stale", "seconds")
"""``kept`` are failures that wait for a retry, ``stale`` rows from an older revision."""


def stats(router: Reader, shape: Shape, seconds: float) -> bytes:
    """Return the numbers of a router, for the boxes and edges of ``shape``."""
    figures, stale, kept = router.figures, router.stale(), router.failing()
    over = router.traffic()
    values = [float(shape.version), seconds]
    for name in shape.names:
        done = figures.get(name, Totals())
        values += (done.received, done.emitted, done.dropped, done.failed)
        values += (kept.get(name, 0), stale.get(name, 0), done.seconds)
    values += (over.get(route, 0) for route in shape.routes)
    return np.array(values, dtype="<f8").tobytes()
