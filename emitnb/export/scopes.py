"""Which names a statement binds, and which it reads: when it runs, or when what it made is called.

Python's own symbol tables decide what is local, so that shadowing, comprehensions, walruses and
class bodies are as Python sees them.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}
"""Functions that run where they stand."""

_CHANGING = """
add append appendleft clear discard extend extendleft insert pop popitem popleft register remove
reverse rotate setdefault sort subtract update write
"""
CHANGING = frozenset(_CHANGING.split())
"""Methods that change what they are called on."""

FITTING = ("fit", "partial_fit", "train")
"""Methods that change a model, and mostly return it."""

AT_DEFINITION = ("__init_subclass__", "__set_name__", "__prepare__")
"""Methods that run when a class is defined, and not when nodes run."""

LATER = {"function", "type alias", "TypeVar bound", "type variable", "annotation"}
"""Kinds of scopes that run when somebody asks: also the right side of ``type Words = …``."""

_LAZY = "from __future__ import annotations\n"


@dataclass(frozen=True)
class Names:
    """What a statement has to do with the names around it.

    ``binds``: names it gives a value. ``now``: names read when it runs. ``later``: names read
    when a function that it defines is called, or in an annotation that nobody evaluates.
    ``changed``: globals that its functions change, by name, and as ``name=`` parameters that hold
    their default; ``attributes``: attributes that methods change on ``self`` outside of
    ``__init__``. ``unbinds``: names it deletes. ``maybe``: those of ``now`` and ``later`` that a
    class body also binds; it may be its own that it reads.
    """

    binds: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    unbinds: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()

    @property
    def reads(self) -> frozenset[str]:
        """All names that it reads at any time."""
        return self.now | self.later


def names_of(text: str, tree: ast.stmt, *, lazy: bool = False) -> Names:
    """Return the names of one statement; ``lazy``: annotations are not evaluated.

    >>> text = "def f(x, top=LIMIT): return [clean(w) for w in x if w not in STOP]"
    >>> found = names_of(text, ast.parse(text).body[0])
    >>> sorted(found.binds), sorted(found.now), sorted(found.later)
    (['f'], ['LIMIT'], ['STOP', 'clean'])
    """
    table = symtable.symtable((_LAZY if lazy else "") + text, "<cell>", "exec")
    unbinds = {name.id for name in _deleted(tree)}
    binds = {s.get_name() for s in table.get_symbols() if _is_bound(s, table)}
    now, later, maybe = set[str](), set[str](), set[str]()
    _read(table, now, later, maybe)
    now |= set(_augmented_names(tree))
    later |= set(_names_in_texts(tree))
    annotations = set(_annotation_names(tree)) - set(_type_parameters(tree))
    later |= annotations
    if lazy:
        binds -= {"annotations"}
    return Names(
        frozenset(binds - unbinds),
        frozenset(now),
        frozenset(later),
        frozenset(_changed_globals(tree, table)) & (now | later | binds)
        | frozenset(_changed_defaults(tree)),
        frozenset(_changed_attributes(tree)),
        frozenset(unbinds),
        frozenset(maybe),
    )


def expression_names(text: str) -> frozenset[str]:
    """Return the names that an expression of ``msg`` reads.

    >>> sorted(expression_names("msg.count > LIMIT and any(w in STOP for w in msg.words)"))
    ['LIMIT', 'STOP', 'any']
    """
    now, later, maybe = set[str](), set[str](), set[str]()
    _read(symtable.symtable(f"({text}\n)", "<cell>", "exec"), now, later, maybe)
    return frozenset(now | later) - {"msg"}


def _is_bound(symbol: symtable.Symbol, table: symtable.SymbolTable) -> bool:
    if symbol.is_assigned() or symbol.is_imported():
        return True
    # A walrus in a comprehension binds outside of it.
    return symbol.is_declared_global() and any(
        child.get_name() in COMPREHENSIONS and _assigns(child, symbol.get_name())
        for child in table.get_children()
    )


def _assigns(table: symtable.SymbolTable, name: str) -> bool:
    return name in table.get_identifiers() and table.lookup(name).is_assigned()


def _read(table: symtable.SymbolTable, now: set[str], later: set[str], maybe: set[str]) -> None:
    """Add the globals that a scope reads to ``now``, and those of functions in it to ``later``."""
    is_class = table.get_type() == "class"
    for symbol in table.get_symbols():
        # A class body may read a global under a name that it then binds itself: x = x.
        is_global = symbol.is_global() or (is_class and not symbol.is_free())
        if symbol.is_referenced() and is_global:
            now.add(symbol.get_name())
            if not symbol.is_global():
                maybe.add(symbol.get_name())
    for child in table.get_children():
        runs_now = child.get_type() not in LATER or child.get_name() in COMPREHENSIONS
        _read(child, now if runs_now else later, later, maybe)


def _deleted(tree: ast.stmt) -> Iterator[ast.Name]:
    if isinstance(tree, ast.Delete):
        yield from (target for target in tree.targets if isinstance(target, ast.Name))


def _walk_here(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run with the statement in its own scope: not in functions or classes."""
    yield tree
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return
    for child in ast.iter_child_nodes(tree):
        yield from _walk_here(child)


def _augmented_names(tree: ast.AST) -> Iterator[str]:
    """Yield the ``x`` of ``x += 1``: a symbol table does not count it as read."""
    for part in _walk_here(tree):
        if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            yield part.target.id


def _annotation_names(tree: ast.stmt) -> Iterator[str]:
    for part in ast.walk(tree):
        for annotation in _annotations(part):
            yield from _expression_parts(annotation)


def _type_parameters(tree: ast.stmt) -> Iterator[str]:
    """Yield the ``T`` of ``def first[T](items: list[T])``, which Python 3.12 brought."""
    for part in ast.walk(tree):
        yield from (one.name for one in getattr(part, "type_params", ()))


def _annotations(part: ast.AST) -> Iterator[ast.expr]:
    found = [getattr(part, "annotation", None), getattr(part, "returns", None)]
    if isinstance(part, ast.AnnAssign) and ast.unparse(part.annotation).endswith("TypeAlias"):
        found.append(part.value)
    yield from (one for one in found if isinstance(one, ast.expr))


def _expression_parts(annotation: ast.AST) -> Iterator[str]:
    for part in ast.walk(annotation):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                inner = ast.parse(part.value, mode="eval")
            except SyntaxError:
                continue
            yield from (name.id for name in ast.walk(inner) if isinstance(name, ast.Name))


def _names_in_texts(tree: ast.stmt) -> Iterator[str]:
    """Yield names that ``globals()["name"]`` and ``eval("name + 1")`` read."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Subscript) and _calls(part.value, "globals"):
            yield from _texts([part.slice])
        elif (owner := _owner(part, ("get",))) is not None and _calls(owner, "globals"):
            yield from _texts(getattr(part, "args", [])[:1])
        elif _calls(part, "eval"):
            for text in _texts(getattr(part, "args", [])[:1]):
                with suppress(SyntaxError):
                    yield from expression_names(text)


def _calls(part: ast.AST, name: str) -> bool:
    return isinstance(part, ast.Call) and getattr(part.func, "id", "") == name


def _texts(parts: list[ast.expr]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _changed_defaults(tree: ast.stmt) -> Iterator[str]:
    """Yield ``name=`` for parameters with a default that their function changes in place."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            given = function.args
            places = [*given.posonlyargs, *given.args]
            told = places[len(places) - len(given.defaults) :] + given.kwonlyargs
            changed = {part.id for part in _changed(function) if isinstance(part, ast.Name)}
            yield from (f"{one.arg}=" for one in told if one.arg in changed)


def _changed_globals(tree: ast.stmt, table: symtable.SymbolTable) -> Iterator[str]:
    """Yield names that functions in the statement change: in place, or by ``global``."""
    for child in _functions(table):
        for symbol in child.get_symbols():
            if symbol.is_declared_global() and symbol.is_assigned():
                yield symbol.get_name()
    for function in ast.walk(tree):
        if getattr(function, "name", "") in AT_DEFINITION:
            continue
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from (part.id for part in _changed(function) if isinstance(part, ast.Name))


def _functions(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        if child.get_type() == "function" and child.get_name() not in COMPREHENSIONS:
            yield child
        yield from _functions(child)


def _changed_attributes(tree: ast.stmt) -> Iterator[str]:
    for method in ast.walk(tree):
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            if method.name in ("__init__", "__post_init__", "__new__", *AT_DEFINITION):
                continue
            for part in [*_changed(method), *_stored(method)]:
                if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                    yield part.attr


def changed_in_place(tree: ast.AST) -> frozenset[str]:
    """Return the names of what a statement changes in place.

    >>> sorted(changed_in_place(ast.parse("sizes['a'] = 1; stop.append('the'); model.fit(rows)")))
    ['model', 'sizes', 'stop']
    """
    found = [*_changed(tree), *_fitted(tree)]
    return frozenset(part.id for part in found if isinstance(part, ast.Name))


def counted_up(tree: ast.AST) -> frozenset[str]:
    """Return the names of what a statement changes otherwise than by ``x[key] = value``.

    >>> sorted(counted_up(ast.parse("memo['a'] = 1; sizes['a'] += 1; stop.append('the')")))
    ['sizes', 'stop']
    >>> sorted(counted_up(ast.parse("sizes[word] = sizes.get(word, 0) + 1")))
    ['sizes']
    >>> sorted(counted_up(ast.parse("sizes[word] = sizes.get(word) or measure(word)")))
    []
    """
    found = {name for part in ast.walk(tree) if isinstance(part, ast.Global) for name in part.names}
    return frozenset(found).union(p.id for p in counted(tree) if isinstance(p, ast.Name))


def counted(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what a statement changes so that it is another one after each time."""
    for part in ast.walk(tree):
        if isinstance(part, ast.AugAssign):
            if isinstance(part.target, ast.Attribute):
                yield part.target
            yield from _changed_by(part.target)
        elif isinstance(part, ast.Assign) and _reads_what_it_sets(part):
            yield from map(_root, part.targets)
        elif isinstance(part, ast.Call) and _owner(part, ("setdefault",)) is None:
            yield from (*_changed_by(part), *_fitted(part))


def _reads_what_it_sets(part: ast.Assign) -> bool:
    """Whether it is as ``x[key] = x.get(key, 0) + 1``; not ``x[key] = x.get(key) or …``."""
    (target, *more), value = part.targets, part.value
    if more or not isinstance(target, ast.Subscript) or isinstance(value, ast.BoolOp):
        return False
    asked = ast.dump(target.value), ast.dump(target.slice)
    return any(_asked(inner) == asked for inner in ast.walk(value))


def _asked(part: ast.AST) -> tuple[str, str] | None:
    """The ``x`` and the ``key`` of ``x[key]`` and ``x.get(key)``."""
    if isinstance(part, ast.Subscript):
        return ast.dump(part.value), ast.dump(part.slice)
    owner, keys = _owner(part, ("get",)), getattr(part, "args", [])
    return (ast.dump(owner), ast.dump(keys[0])) if owner is not None and keys else None


def _changed(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what is changed in place: the ``x`` of ``x[0] = 1``, ``x.add(1)``, ``del x[0]``."""
    for part in ast.walk(tree):
        yield from _changed_by(part)


def _changed_by(part: ast.AST) -> Iterator[ast.expr]:
    if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
        yield _root(part.value)
    elif (owner := _owner(part, CHANGING)) is not None:
        yield _root(owner)
    elif _calls(part, "next"):
        yield from getattr(part, "args", [])[:1]


def _fitted(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the ``model`` of ``model.fit(rows)``."""
    owners = (_owner(part, FITTING) for part in ast.walk(tree))
    return (owner for owner in owners if owner is not None)


def _owner(part: ast.AST, methods: Collection[str]) -> ast.expr | None:
    """The ``x`` of ``x.add(1)``, if it is a call of one of these methods."""
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
        return part.func.value if part.func.attr in methods else None
    return None


def _root(part: ast.expr) -> ast.expr:
    """The ``x`` of ``x[key].add(1)`` and ``x.setdefault(key, []).append(1)``."""
    if (owner := _owner(part, ("setdefault",))) is not None:
        return _root(owner)
    return _root(part.value) if isinstance(part, ast.Subscript) else part


def _stored(tree: ast.AST) -> Iterator[ast.expr]:
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
            yield part
