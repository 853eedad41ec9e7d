"""Preflight: what a node takes along to a cluster, and whether it can run there at all.

Nothing runs and nothing is sent: the code is read (:mod:`.changing`), and what it captured
(:mod:`.captured`) is pickled, once to be measured and once to be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import CodeType

from emitnb.backends.pickling import dumps, measure
from emitnb.backends.preflight import wording
from emitnb.backends.preflight.captured import Capture, Captured, class_name, code_of, peeled
from emitnb.backends.preflight.changing import Change, changes
from emitnb.backends.preflight.findings import LARGE, Check, Found, Variable
from emitnb.backends.preflight.places import place_of
from emitnb.backends.preflight.reached import UNKNOWN
from emitnb.errors import DeclarationError
from emitnb.node import Node

__all__ = ["LARGE", "Check", "Variable", "check", "pickled", "refuse"]


def check(node: Node) -> Check:
    """Return what a node would take along to a cluster, and what is wrong with that.

    >>> from emitnb.node import Options, declare
    >>> limit = 3
    >>> node = declare(lambda msg: msg.n > limit, Options(fields="big", name="big"))
    >>> check(node).problems
    ()
    """
    found = list(_found(node))
    unsendable = [one for one in found if one.variable.problem]
    changed = [one for one in found if one.variable.change]
    problems = [wording.cannot_be_sent(node, one) for one in unsendable]
    blob = None
    if not problems:
        try:
            blob = _dumps(node)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the user's objects say how they are pickled
            problems.append(wording.cannot_be_pickled(node, error))
    if not node.allow_shared:
        problems += [wording.would_be_wrong(node, one) for one in changed]
    variables = tuple(one.variable for one in found)
    notes = (
        *wording.taken_along(variables),
        *(wording.is_shared(one) for one in changed if node.allow_shared),
    )
    return Check(node.name, variables, blob, tuple(problems), notes)


def refuse(checks: Iterable[Check]) -> None:
    """Raise DeclarationError with all that is wrong, if anything is."""
    problems = [problem for one in checks for problem in one.problems]
    if problems:
        raise DeclarationError("\n".join(problems))


def pickled(node: Node) -> bytes | None:
    """Return a node as it travels, with what it reads now; None where it cannot."""
    try:
        return _dumps(node)
    except KeyboardInterrupt:
        raise
    except BaseException:  # the user's objects say how they are pickled; `check` says why not
        return None


def _dumps(node: Node) -> bytes:
    return dumps((node.function, node.when, node.new_state, node.record, dict(node.types)))


def _found(node: Node) -> Iterable[Found]:
    captured = Captured(node)
    changed: dict[tuple[str, str], list[Change]] = {}
    for change in changes(node, captured):
        changed.setdefault((change.kind, change.name), []).append(change)
    own = code_of(peeled(node.function)[0])
    for capture in captured.captures:
        hows = changed.pop((capture.kind, capture.name), [])
        size, problem = _measured(capture) if capture.travels else (None, "")
        if hows or size is not None or problem:
            yield _one(capture, size, problem, _how(hows, own))
    for (kind, name), hows in changed.items():
        # An attribute that is not there yet, say, or a global of a module that a worker imports.
        capture = Capture(name, kind, hows[0].value, hows[0].place, travels=False)
        yield _one(capture, None, "", _how(hows, own))


def _one(capture: Capture, size: int | None, problem: str, change: str) -> Found:
    kind = class_name(capture.value) if capture.value is not UNKNOWN else ""
    place = place_of(capture)
    return Found(capture.kind, Variable(capture.name, kind, size, problem, place, change))


def _measured(capture: Capture) -> tuple[int | None, str]:
    """The size of a variable, or why it cannot be sent; neither if only a name travels."""
    try:
        size, module = measure(capture.value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's objects say how they are pickled
        return None, wording.reason(error)
    if module == "__main__":
        return None, "it is pickled by its name in the notebook, which a worker does not know"
    return (None if module else size), ""


def _how(found: Sequence[Change], own: CodeType | None) -> str:
    """The lines that change a variable, as text; those of the node's own code need no name."""
    lines = []
    for change in found:
        code = change.place.code
        where = "" if code is None or _is_within(code, own) else f" of {code.co_name}"
        lines.append(f"{change.how}, line {change.line}{where}")
    return "; ".join(dict.fromkeys(lines))


def _is_within(code: CodeType, outer: CodeType | None) -> bool:
    if outer is None or code is outer:
        return code is outer
    inner = (one for one in outer.co_consts if isinstance(one, CodeType))
    return any(_is_within(code, one) for one in inner)
