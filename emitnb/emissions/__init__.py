"""What nodes emitted: a columnar log with lineage, and the frames made of it."""

from emitnb.emissions.descent import arrivals_of, sources_of, sources_of_inputs, waves_of
from emitnb.emissions.frames import LINEAGE, node_frame, whole_frame
from emitnb.emissions.lineage import counted_by_origin
from emitnb.emissions.log import KeptRows, Log, Track
from emitnb.emissions.orphans import children_of, orphaned
from emitnb.emissions.picking import picked, picked_frame
from emitnb.emissions.recorded import recorded
from emitnb.emissions.tracing import trace_frame

__all__ = [
    "LINEAGE",
    "KeptRows",
    "Log",
    "Track",
    "arrivals_of",
    "children_of",
    "counted_by_origin",
    "node_frame",
    "orphaned",
    "picked",
    "picked_frame",
    "recorded",
    "sources_of",
    "sources_of_inputs",
    "trace_frame",
    "waves_of",
    "whole_frame",
]
