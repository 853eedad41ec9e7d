"""One of the modules that are compared: its nodes, and the pieces that they read by name."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from emitnb.errors import EmitError
from emitnb.export import edit_of, settings_of
from emitnb.export.scopes import names_of
from emitnb.importing.cells import parameters
from emitnb.importing.declared import number, options, texts
from emitnb.importing.parts import DEFINITIONS, Kind, Part, declares_nodes, node_calls, parts
from emitnb.subscription import subscriptions
from emitnb.text import one_line

_WIDTH = 40
"""Letters that are shown of a statement without a name."""

_KINDS = {Kind.IMPORT: "import", Kind.HELPER: "helper", Kind.NODE: "helper"}


@dataclass(frozen=True)
class Piece:
    """A statement that makes a name what it is; ``code`` is the same where it does the same."""

    kind: str
    text: str
    code: str
    reads: frozenset[str]
    declares: bool = False


@dataclass(frozen=True)
class Declared:
    """A node: what its decorator says, what it does, and what both read."""

    options: Mapping[str, str]
    decorator: str
    text: str
    code: str
    reads: frozenset[str] = field(default_factory=frozenset)


class Side:
    """A module's text, taken apart. Raises EmitError, naming the file, for what is no module."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.nodes: dict[str, Declared] = {}
        self.pieces: dict[str, list[Piece]] = {}
        self.settings: dict[str, str] = {}
        found = parts(text, name)
        self.parameters = parameters(found)
        for part in found:
            if part.kind not in (Kind.DOCSTRING, Kind.MAIN):
                for statement in part.statements:
                    if edit_of(statement):
                        raise EmitError(
                            f"{name}, line {part.line}: `{one_line(part.text, _WIDTH)}` changes "
                            "what a decorator says, and only that is compared; say it there"
                        )
                    self._take(part, statement)
        for part in found:
            if part.kind is Kind.CODE:
                for statement in part.statements:
                    self._declared_by_function(part, statement)

    def needed(self, node: str) -> list[str]:
        """Return the names of the module that a node needs, in alphabetical order."""
        return sorted(self._reached(self.nodes[node].reads))

    def _reached(self, names: Iterable[str]) -> set[str]:
        waiting, seen = [*names], set[str]()
        while waiting:
            name = waiting.pop()
            if name in self.pieces and name not in seen:
                seen.add(name)
                waiting += [read for piece in self.pieces[name] for read in piece.reads]
        return seen

    def _take(self, part: Part, statement: ast.stmt) -> None:
        self.settings |= _settings(statement)
        text = part.text if len(part.statements) == 1 else ast.unparse(statement)
        names = names_of(text, statement)
        for place, call in enumerate(node_calls(statement)):
            self._node(call, statement, text, place)
        kind = _KINDS.get(part.kind, "constant")
        declares = part.kind is Kind.HELPER and declares_nodes(statement)
        if part.kind is Kind.ROUTER:
            return  # each module has one, whether it says where it is at home or not
        for name in names.binds | (_changed(statement) & set(self.pieces)):
            piece = Piece(kind, text, _code_for(name, statement), names.reads, declares)
            self.pieces.setdefault(name, []).append(piece)

    def _node(self, call: ast.Call, statement: ast.stmt, text: str, place: int) -> None:
        said = options(call)
        name = _node_name(said or {}, statement) or f"{ast.unparse(call)} ({place + 1})"
        if name in self.nodes:
            raise EmitError(f"{self.name} declares the node {name} twice; rename one of them")
        body = _function_of(statement)
        names = names_of(text, statement)
        self.nodes[name] = Declared(
            {"all": ast.dump(call)} if said is None else _normal(said),
            f"@{ast.unparse(call)}",
            ast.unparse(body),
            ast.dump(_without_docstrings(body)),
            names.reads - names.binds,
        )

    def _declared_by_function(self, part: Part, statement: ast.stmt) -> None:
        """Take in what calls a helper that declares nodes: which, only running it could tell."""
        text = part.text if len(part.statements) == 1 else ast.unparse(statement)
        names = names_of(text, statement)
        if "router" in names.binds or not any(
            piece.declares for name in self._reached(names.now) for piece in self.pieces[name]
        ):
            return
        name = ", ".join(sorted(names.binds)) or one_line(text, _WIDTH)
        code = ast.dump(statement)
        self.nodes[name] = Declared({}, "", text, code, names.reads - names.binds)


def _settings(statement: ast.stmt) -> dict[str, str]:
    """What a statement sets of the router, as it says it."""
    return dict.fromkeys(settings_of(statement), ast.unparse(statement))


def _node_name(said: Mapping[str, ast.expr], statement: ast.stmt) -> str:
    given = texts(said["name"]) if "name" in said else None
    if given:
        return given[0]
    if isinstance(statement, DEFINITIONS):
        return statement.name
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


def _normal(said: Mapping[str, ast.expr]) -> dict[str, str]:
    """Return the options as texts that are the same where they mean the same."""
    found = {}
    for name, value in said.items():
        listed = texts(value)
        if listed is not None and name in ("subscribe_to", "ignore"):
            found[name] = ", ".join(map(str, subscriptions(listed)))
        elif listed is not None:
            found[name] = ", ".join(listed)
        elif (amount := number(value)) is not None:
            found[name] = repr(float(amount))
        elif name == "resources" and isinstance(value, ast.Dict):
            pairs = zip(map(_dump, value.keys), map(_amount, value.values), strict=True)
            found[name] = repr(sorted(pairs))
        else:
            found[name] = ast.dump(value)
    return found


def _dump(value: ast.expr | None) -> str:
    return "" if value is None else ast.dump(value)


def _amount(value: ast.expr) -> str:
    amount = number(value)
    return ast.dump(value) if amount is None else repr(float(amount))


def _function_of(statement: ast.stmt) -> ast.stmt:
    """Return a node's statement without the decorator that declares it."""
    if not isinstance(statement, DEFINITIONS):
        return statement
    body = copy.copy(statement)
    calls = node_calls(statement)
    body.decorator_list = [mark for mark in body.decorator_list if mark not in calls]
    return body


def _code_for(name: str, statement: ast.stmt) -> str:
    """Return what a statement does, for one of the names that it binds."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        origin = getattr(statement, "module", None), getattr(statement, "level", 0)
        found = [
            ast.dump(alias)
            for alias in statement.names
            if (alias.asname or alias.name.partition(".")[0]) == name
        ]
        return f"{origin} {found}"
    return ast.dump(_without_docstrings(_function_of(statement)))


def _changed(statement: ast.stmt) -> set[str]:
    """The names of things that a statement at the top changes in place."""
    if isinstance(statement, ast.Expr):
        called = [one.func for one in ast.walk(statement) if isinstance(one, ast.Call)]
        found = [one for one in ast.walk(statement) if isinstance(one, ast.Name)]
        return {one.id for one in found if one not in called} - {"router"}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign | ast.Delete):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        targets = [statement.target]
    # What is set on a router is no business of a node's.
    return {root for target in targets for root in _roots(target)} - {"router"}


def _roots(target: ast.expr) -> Iterator[str]:
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    if isinstance(target, ast.Name):
        yield target.id


class _Docstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(node, DEFINITIONS) and body:
            first = body[0]
            is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if is_text and isinstance(first.value.value, str):
                node.body = body[1:]
        return node


def _without_docstrings(tree: ast.stmt) -> ast.AST:
    found: ast.AST = _Docstrings().visit(copy.deepcopy(tree))
    return found
