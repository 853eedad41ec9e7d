"""The dask backend: nodes run on a ``dask.distributed`` cluster.

Dask distributes, recomputes and schedules; what is here turns a plan into futures (``graphs``),
takes batches in and out in order (``session``), and says what goes on (``clusters``). What runs
on the workers is in ``tasks``.
"""

from emitnb.backends.dask.backend import Dask, open_backend

__all__ = ["Dask", "open_backend"]
