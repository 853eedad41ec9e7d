"""What emitnb raises.

::

    Exception
    └── EmitError
        ├── DeclarationError     a node, field, key or pattern that cannot be declared
        ├── UnknownNodeError     a name that no node has (also a LookupError)
        ├── UnknownEdgeError     an edge over which a node receives nothing (also a LookupError)
        ├── UnknownRowError      a row that a node does not have (also a LookupError)
        ├── SourceError          data that cannot be pushed
        ├── ResultError          a node returned what does not fit its fields
        ├── LoopError            a message went round a loop too often
        ├── TransportError       a value that cannot be pickled, and so not travel to a cluster
        ├── WorkerCrashError     a message that killed the process it was processed in
        ├── ExportError          a graph that cannot leave the notebook, or a module no way back
        ├── BackendError         a backend that cannot be had, or cannot do what is asked
        ├── RecordFullError      no room in files for what is beyond the budget of memory
        ├── RecordLostError      what was kept in a file is gone (also a LookupError)
        └── RunStoppedError      a run that ended before its source did; ``.run`` resumes it
    KeyboardInterrupt
    ├── RunInterrupted           a run interrupted between two commits; ``.run`` resumes it
    └── WaitInterrupted          waiting for a run was interrupted; the run goes on

Every message says what happened, to which named thing, and what to do next.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable
from typing import Any


class EmitError(Exception):
    """Base of everything emitnb raises on its own account."""

    def _render_traceback_(self) -> list[str]:
        """Show the message alone in a notebook: the frames below it are emitnb's own."""
        return [f"{type(self).__name__}: {self}"]


class DeclarationError(EmitError, ValueError):
    """A node, field, key, predicate or pattern that cannot be declared."""


class UnknownNodeError(EmitError, LookupError):
    """A name that no node has."""


class UnknownEdgeError(EmitError, LookupError):
    """An edge that the graph does not have, and never had."""


class UnknownRowError(EmitError, LookupError):
    """A row that a node does not have."""


class SourceError(EmitError, ValueError):
    """Data that cannot be pushed."""


class ResultError(EmitError, TypeError):
    """A node returned what does not fit its fields."""


class LoopError(EmitError, RuntimeError):
    """A message went round a loop more often than the hop limit allows."""


class TransportError(EmitError, TypeError):
    """A value that cannot be pickled, and so cannot travel to a cluster or home from it."""


class WorkerCrashError(EmitError, RuntimeError):
    """A message that killed the process in which it was processed."""


class BackendError(EmitError, RuntimeError):
    """A backend that cannot be had, or that cannot do what it is asked to do."""


class ExportError(EmitError, ValueError):
    """A graph that cannot leave the notebook as a module, or a module that cannot come back."""

    def _render_traceback_(self) -> list[str]:
        """Show the message in short lines: a page would break long ones in the middle of a word."""
        return [_wrapped(line) for line in f"{type(self).__name__}: {self}".splitlines()]


class RecordFullError(EmitError, RuntimeError):
    """No room in files for what is recorded beyond the budget of memory: disk full, folder gone."""


class RecordLostError(EmitError, LookupError):
    """What was kept in a file is gone: somebody emptied the folder."""


class RunStoppedError(EmitError, RuntimeError):
    """A run that ended before its source did. ``run`` is the :class:`emitnb.Run`, to be resumed."""

    def __init__(self, message: str, run: Any) -> None:
        super().__init__(message)
        self.run = run


class RunInterrupted(KeyboardInterrupt):
    """A run interrupted between two commits. ``run`` is the :class:`emitnb.Run`, to be resumed."""

    def __init__(self, message: str, run: Any) -> None:
        super().__init__(message)
        self.run = run

    def _render_traceback_(self) -> list[str]:
        return [f"Interrupted: {self}"]


class StandIn(Exception):  # noqa: N818 - never raised
    """Stands for an exception that is not at hand: it has its type's ``name`` and its ``text``."""

    def __init__(self, name: str, text: str, *more: Any) -> None:
        super().__init__(name, text, *more)
        self.name = name
        self.text = text


def error_words(error: BaseException) -> tuple[str, str]:
    """Return the name of an exception's type, and its message with its notes.

    Never raises, whatever its class does.

    >>> error_words(KeyError("word"))
    ('KeyError', "'word'")
    """
    if isinstance(error, StandIn):
        return error.name, error.text
    name = type(error).__name__
    try:
        notes = getattr(error, "__notes__", ())
        text = "; ".join([str(error), *map(str, notes)])
        # Half a surrogate pair, which damaged text may hold, is escaped: no frame takes it.
        return name, text.encode(errors="backslashreplace").decode()
    except Exception as broken:
        return name, f"(its message cannot be shown: {type(broken).__name__})"


def file_words(error: OSError) -> str:
    """Return what is wrong with which file, without the number of the error.

    >>> file_words(FileNotFoundError(2, "No such file or directory", "none.py"))
    'none.py: No such file or directory'
    """
    if error.filename is None or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}"


class WaitInterrupted(KeyboardInterrupt):
    """Waiting for runs in the background was interrupted; they go on."""

    def _render_traceback_(self) -> list[str]:
        return [f"Interrupted: {self}"]


def _wrapped(line: str, width: int = 70) -> str:
    """A line in lines of some width; one of code or of a difference stays as it is."""
    if line[:1] in tuple("+-@") or line.startswith("    "):
        return line
    more = "    " if line.startswith(" ") else ""
    return textwrap.fill(
        line, width, subsequent_indent=more, break_long_words=False, break_on_hyphens=False
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean `tokenize`?`` for the closest known name, or an empty string.

    >>> did_you_mean("tokenise", ["tokenize", "count"])
    ' Did you mean `tokenize`?'
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean `{close[0]}`?" if close else ""
