"""What nodes emitted: a columnar log with lineage, and the frames made of it."""

from emitnb.emissions.frames import LINEAGE, node_frame, sources_of, whole_frame
from emitnb.emissions.log import KeptRows, Log, Track
from emitnb.emissions.picking import picked, picked_frame
from emitnb.emissions.tracing import trace_frame

__all__ = [
    "LINEAGE",
    "KeptRows",
    "Log",
    "Track",
    "node_frame",
    "picked",
    "picked_frame",
    "sources_of",
    "trace_frame",
    "whole_frame",
]
