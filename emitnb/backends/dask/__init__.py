"""The dask backend: nodes run on a ``dask.distributed`` cluster.

Dask distributes, recomputes and schedules; what is here turns a plan into futures (``graphs``),
takes batches in and out in order (``session``), and says what goes on (``backend``, ``clusters``).
What runs on the workers is in ``tasks``. Nothing is imported here: a process that runs one stage
(``shelter``) is started quickly.
"""
