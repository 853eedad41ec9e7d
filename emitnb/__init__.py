"""emitnb: turn a Jupyter notebook into a live dataflow.

In a notebook::

    %load_ext emitnb

In a script::

    from emitnb import Router

Names are loaded when they are first asked for, so that ``import emitnb`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from emitnb.command import run_command
    from emitnb.errors import (
        BackendError,
        DeclarationError,
        EmitError,
        ExportError,
        LoopError,
        RecordFullError,
        RecordLostError,
        ResultError,
        RunInterrupted,
        RunStoppedError,
        SourceError,
        TransportError,
        UnknownEdgeError,
        UnknownNodeError,
        UnknownRowError,
        WaitInterrupted,
        WorkerCrashError,
    )
    from emitnb.message import Message, NoResult
    from emitnb.router import Router
    from emitnb.run import Run

__version__ = "0.1.0"

_HOMES = {
    "WaitInterrupted": "emitnb.errors",
    "WorkerCrashError": "emitnb.errors",
    "TransportError": "emitnb.errors",
    "BackendError": "emitnb.errors",
    "DeclarationError": "emitnb.errors",
    "EmitError": "emitnb.errors",
    "ExportError": "emitnb.errors",
    "LoopError": "emitnb.errors",
    "Message": "emitnb.message",
    "NoResult": "emitnb.message",
    "RecordFullError": "emitnb.errors",
    "RecordLostError": "emitnb.errors",
    "ResultError": "emitnb.errors",
    "Router": "emitnb.router",
    "Run": "emitnb.run",
    "RunInterrupted": "emitnb.errors",
    "RunStoppedError": "emitnb.errors",
    "SourceError": "emitnb.errors",
    "UnknownEdgeError": "emitnb.errors",
    "UnknownNodeError": "emitnb.errors",
    "UnknownRowError": "emitnb.errors",
    "run_command": "emitnb.command",
}

__all__ = [
    "BackendError",
    "DeclarationError",
    "EmitError",
    "ExportError",
    "LoopError",
    "Message",
    "NoResult",
    "RecordFullError",
    "RecordLostError",
    "ResultError",
    "Router",
    "Run",
    "RunInterrupted",
    "RunStoppedError",
    "SourceError",
    "TransportError",
    "UnknownEdgeError",
    "UnknownNodeError",
    "UnknownRowError",
    "WaitInterrupted",
    "WorkerCrashError",
    "__version__",
    "run_command",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Run ``%load_ext emitnb``: a router named ``router`` appears in the notebook."""
    import_module("emitnb.notebook").load(shell)
