"""What code reaches outside of itself, as dotted names: ``("numpy", "random", "seed")``.

Not only attributes of modules have such a name: a variable of the environment is
``("os", "environ", "HOME")``, an attribute of a value that nobody knows is ``(".sample",)``, and
what has no name in the code at all is one of the traits below.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from emitnb.export.cells import Statement
from emitnb.export.imports import Import
from emitnb.export.outside import READING

Dotted = tuple[str, ...]
Imports = Mapping[str, Dotted]

RECURSION: Dotted = ("<a function that calls itself>",)
FILES: Dotted = ("<a file>",)
SHOWN_TABLE: Dotted = ("<a table as text>",)

ENVIRONMENT: Dotted = ("os", "environ")

CONTEXTS = ("getcontext", "localcontext", "get_context")
"""Functions that give what a whole module looks at."""

_ON_DISK = READING - {"input", "getenv", "getpass"} | {
    *("exists", "is_file", "is_dir", "stat", "resolve", "absolute", "abspath", "realpath", "mkdir"),
    *("to_csv", "to_parquet", "to_json", "to_excel", "write_text", "write_bytes", "savetxt"),
}
"""Functions and methods that look at the folder in which a process runs."""

_TABLES = {"DataFrame", "Series", "Index", "concat", "merge", "array", "asarray", "arange", "zeros"}
_AS_TEXT = {"to_string", "to_html", "to_latex"}


def imported(statements: Iterable[Statement]) -> dict[str, Dotted]:
    """Return what imported names stand for, as dotted names; also within functions.

    ``env = os.environ`` and ``context = getcontext()`` are but other names for what is imported.
    """
    found: dict[str, Dotted] = {}
    for statement in statements:
        tree = statement.tree
        if isinstance(tree, ast.Assign) and len(tree.targets) == 1:
            is_alias = isinstance(tree.value, ast.Attribute) or called(tree.value) in CONTEXTS
            whole = dotted(tree.value, found) if is_alias else ()
            if whole and isinstance(tree.targets[0], ast.Name):
                found[tree.targets[0].id] = whole
        for part in ast.walk(tree):
            if isinstance(part, ast.Import | ast.ImportFrom):
                for alias in part.names:
                    found.update(_bound(part, alias))
    return found


def _bound(part: ast.Import | ast.ImportFrom, alias: ast.alias) -> dict[str, Dotted]:
    kind = (
        ast.Import([alias])
        if isinstance(part, ast.Import)
        else ast.ImportFrom(part.module, [alias], part.level)
    )
    one = Import.of(kind)
    whole = (*one.module.split("."), *([one.name] if one.name else []))
    if one.bound or one.name:
        return {one.bound or one.name: whole}
    return {whole[0]: whole[:1]}


def dotted(part: ast.AST, imports: Imports) -> Dotted:
    """Return the whole name of ``module.attribute``, whatever is called or looked up on the way."""
    if isinstance(part, ast.Name):
        return imports.get(part.id, ())
    if isinstance(part, ast.Attribute):
        owner = dotted(part.value, imports)
        return (*owner, part.attr) if owner else ()
    if isinstance(part, ast.Subscript):
        return dotted(part.value, imports)
    return dotted(part.func, imports) if isinstance(part, ast.Call) else ()


def reads(tree: ast.AST, imports: Imports) -> Iterator[Dotted]:
    """Yield all that a statement reads, now or when what it defines is called."""
    if isinstance(tree, ast.Import | ast.ImportFrom):
        return
    yield from _traits(tree, imports)
    told = set[int]()
    for part in ast.walk(tree):  # what is around comes before what is in it
        variable, place = _variable(part, imports)
        if variable and place is not None:
            yield variable
            told.update(map(id, ast.walk(place)))
        elif isinstance(part, ast.Name | ast.Attribute) and id(part) not in told:
            path = dotted(part, imports)
            if path:
                yield path
                told.update(map(id, ast.walk(part)))  # of `os.environ` not `os` as well
            elif isinstance(part, ast.Attribute):
                yield (f".{part.attr}",)
        elif isinstance(part, ast.Call) and any(w.arg == "random_state" for w in part.keywords):
            told.add(id(part.func))


def _variable(part: ast.AST, imports: Imports) -> tuple[Dotted, ast.AST | None]:
    """A variable of the environment that an expression reads, and the part that says so."""
    if isinstance(part, ast.Subscript) and dotted(part.value, imports) == ENVIRONMENT:
        return named(ENVIRONMENT, part.slice), part.value
    if isinstance(part, ast.Compare) and dotted(part.comparators[-1], imports) == ENVIRONMENT:
        return named(ENVIRONMENT, part.left), part.comparators[-1]
    if isinstance(part, ast.Call):
        path = dotted(part.func, imports)
        if path in (("os", "getenv"), (*ENVIRONMENT, "get"), (*ENVIRONMENT, "__getitem__")):
            return named(ENVIRONMENT, *part.args[:1]), part.func
    return (), None


def named(owner: Dotted, *keys: ast.AST | None) -> Dotted:
    """Return the name of an item of ``owner``; that of ``owner`` itself if nobody knows which."""
    texts = [key.value for key in keys if isinstance(key, ast.Constant)]
    return (*owner, str(texts[0])) if texts and isinstance(texts[0], str) else owner


def called(part: ast.AST) -> str:
    """Return the bare name of the function that a call calls; "" if it is no call."""
    function = getattr(part, "func", None)
    return str(getattr(function, "id", "") or getattr(function, "attr", ""))


# -- what has no name in the code --------------------------------------------------------------


def _traits(tree: ast.AST, imports: Imports) -> Iterator[Dotted]:
    for part in ast.walk(tree):
        function = getattr(part, "name", "")
        if function and any(called(inner) == function for inner in ast.walk(part)):
            yield RECURSION
        name = called(part)
        if name in _ON_DISK or name.startswith("read_"):
            yield FILES
        if name in _AS_TEXT:
            yield SHOWN_TABLE
    if any(_is_table(one, tree, imports) for one in rendered(tree)):
        yield SHOWN_TABLE


def call_themselves(statements: Iterable[Statement]) -> set[Statement]:
    """Return the definitions that come back to themselves by way of others."""
    makers = {name: one for one in statements if one.is_definition for name in one.names.binds}
    calls = {
        one: {makers[name] for name in one.names.reads if name in makers} for one in statements
    }
    return {one for one in calls if one in _reached(calls, one)}


def _reached(calls: Mapping[Statement, set[Statement]], start: Statement) -> set[Statement]:
    found = set[Statement]()
    waiting = list(calls[start])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += calls.get(one, ())
    return found


def rendered(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what becomes a text: the ``x`` of ``str(x)``, ``f"{x}"`` and ``"{}".format(x)``."""
    for part in ast.walk(tree):
        if isinstance(part, ast.FormattedValue):
            yield part.value
        elif isinstance(part, ast.Call) and called(part) in ("str", "repr", "format", "ascii"):
            yield from part.args[:1] if isinstance(part.func, ast.Name) else part.args


def _is_table(part: ast.AST, tree: ast.AST, imports: Imports) -> bool:
    """Whether an expression is a frame or an array that the same statement makes."""
    if isinstance(part, ast.Name):
        return any(
            isinstance(other, ast.Assign)
            and any(getattr(target, "id", "") == part.id for target in other.targets)
            and not isinstance(other.value, ast.Name)
            and _is_table(other.value, tree, imports)
            for other in ast.walk(tree)
        )
    name = called(part)
    is_made = name in _TABLES or name.startswith("read_")
    return is_made and dotted(part, imports)[:1] in (("pandas",), ("numpy",))
