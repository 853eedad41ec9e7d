"""Which names a statement binds, and which it reads: when it runs, or when what it made is called.

Python's own symbol tables decide what is local, so that shadowing, comprehensions, walruses and
class bodies are as Python sees them.
"""

from __future__ import annotations

import ast
import dis
import inspect
import symtable
import types
from collections.abc import Iterator
from dataclasses import dataclass

COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}
"""Functions that run where they stand."""

_CHANGING = """
add append appendleft clear discard extend extendleft insert pop popitem popleft remove reverse
rotate setdefault sort subtract update write
"""
CHANGING = frozenset(_CHANGING.split())
"""Methods that change what they are called on."""

_LAZY = "from __future__ import annotations\n"


@dataclass(frozen=True)
class Names:
    """What a statement has to do with the names around it.

    ``binds``: names it gives a value. ``now``: names read when it runs. ``later``: names read
    when a function that it defines is called. ``hints``: names in annotations that nobody may
    ever evaluate. ``grows``: names whose values it changes in place while it runs. ``changed``:
    globals and parameters that its functions change in place or bind anew; ``attributes``: those
    that methods change on ``self``, but for ``__init__``. ``unbinds``: names it deletes.
    """

    binds: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    hints: frozenset[str] = frozenset()
    grows: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    unbinds: frozenset[str] = frozenset()

    @property
    def reads(self) -> frozenset[str]:
        """All names that it reads at any time."""
        return self.now | self.later | self.hints


def names_of(text: str, tree: ast.stmt, *, lazy: bool = False) -> Names:
    """Return the names of one statement; ``lazy``: annotations are not evaluated.

    >>> text = "def f(x, top=LIMIT): return [clean(w) for w in x if w not in STOP]"
    >>> found = names_of(text, ast.parse(text).body[0])
    >>> sorted(found.binds), sorted(found.now), sorted(found.later)
    (['f'], ['LIMIT'], ['STOP', 'clean'])
    """
    source = (_LAZY if lazy else "") + text
    table = symtable.symtable(source, "<cell>", "exec")
    unbinds = {name.id for name in _deleted(tree)}
    binds = {s.get_name() for s in table.get_symbols() if _is_bound(s, table)}
    reading = _Reading(source)
    reading.read(table, reading.now)
    now = reading.now | set(_augmented_names(tree))
    return Names(
        binds=frozenset(binds - unbinds - ({"annotations"} if lazy else set())),
        now=frozenset(now),
        later=frozenset(reading.later - now),
        hints=frozenset(_annotation_names(tree)) - now - reading.later,
        grows=frozenset(name for name in _grown(tree) if name not in unbinds),
        changed=frozenset(_changed_globals(tree, table)),
        attributes=frozenset(_changed_attributes(tree)),
        unbinds=frozenset(unbinds),
    )


def expression_names(text: str) -> frozenset[str]:
    """Return the names that an expression of ``msg`` reads.

    >>> sorted(expression_names("msg.count > LIMIT and any(w in STOP for w in msg.words)"))
    ['LIMIT', 'STOP', 'any']
    """
    source = f"({text}\n)"
    reading = _Reading(source)
    reading.read(symtable.symtable(source, "<cell>", "exec"), reading.now)
    return frozenset(reading.now | reading.later) - {"msg"}


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


class _Reading:
    """Collects the globals that scopes read: when they run, or when their functions are called."""

    def __init__(self, source: str) -> None:
        self.now = set[str]()
        self.later = set[str]()
        self._source = source
        self._class_reads: set[str] | None = None

    def read(self, table: symtable.SymbolTable, target: set[str]) -> None:
        """Add the globals that a scope reads to ``target``, and those of functions to ``later``."""
        is_class = table.get_type() == "class"
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if not symbol.is_referenced():
                continue
            if symbol.is_global() or (is_class and symbol.is_local() and self._is_read_first(name)):
                target.add(name)
        for child in table.get_children():
            is_function = child.get_type() == "function"
            runs_now = not is_function or child.get_name() in COMPREHENSIONS
            self.read(child, target if runs_now else self.later)

    def _is_read_first(self, name: str) -> bool:
        """Whether a class body reads a name before it binds it: ``x = x`` reads a global."""
        if self._class_reads is None:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(self._source, "<cell>", "exec", flags, dont_inherit=True)
            self._class_reads = set(_class_reads(code))
        return name in self._class_reads


def _class_reads(code: types.CodeType) -> Iterator[str]:
    for inner in code.co_consts:
        if not isinstance(inner, types.CodeType):
            continue
        if not inner.co_flags & inspect.CO_OPTIMIZED:
            bound = set[str]()
            for step in dis.get_instructions(inner):
                if step.opname == "STORE_NAME":
                    bound.add(step.argval)
                elif step.opname.startswith("LOAD_") and step.argval not in bound:
                    yield step.argval
        yield from _class_reads(inner)


def _deleted(tree: ast.stmt) -> Iterator[ast.Name]:
    if isinstance(tree, ast.Delete):
        yield from (target for target in tree.targets if isinstance(target, ast.Name))


def _walk_here(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run with the statement: not those in functions."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
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


def _annotations(part: ast.AST) -> Iterator[ast.expr]:
    found = [getattr(part, "annotation", None), getattr(part, "returns", None)]
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


def _grown(tree: ast.stmt) -> Iterator[str]:
    """Yield the names whose values a statement changes in place while it runs."""
    for part in _walk_here(tree):
        yield from (found.id for found in _changed_by(part) if isinstance(found, ast.Name))


def _changed_globals(tree: ast.stmt, table: symtable.SymbolTable) -> Iterator[str]:
    """Yield globals and parameters that functions change: in place, or by ``global``."""
    for child in _functions(table):
        for symbol in child.get_symbols():
            if symbol.is_declared_global() and symbol.is_assigned():
                yield symbol.get_name()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            own = _assigned(function)
            names = (part.id for part in _changed(function) if isinstance(part, ast.Name))
            yield from (name for name in names if name not in own)


def _assigned(function: ast.AST) -> set[str]:
    """The names that a function binds itself, its parameters left out."""
    return {
        part.id
        for part in ast.walk(function)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


def _functions(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        if child.get_type() == "function" and child.get_name() not in COMPREHENSIONS:
            yield child
        yield from _functions(child)


def _changed_attributes(tree: ast.stmt) -> Iterator[str]:
    for method in ast.walk(tree):
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or not method.args.args:
            continue
        owner = method.args.args[0].arg
        if method.name in _MAKING or any(_is_classmethod(mark) for mark in method.decorator_list):
            continue
        for part in [*_changed(method), *_stored(method)]:
            if isinstance(part, ast.Attribute):
                holder = part.value
                if isinstance(holder, ast.Name) and holder.id == owner:
                    yield part.attr


_MAKING = {"__init__", "__post_init__", "__new__", "__init_subclass__", "__set_name__"}


def _is_classmethod(mark: ast.expr) -> bool:
    return isinstance(mark, ast.Name) and mark.id == "classmethod"


def _changed(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield all that is changed in place: the ``x`` of ``x[0] = 1``, ``x.add(1)``, ``del x[0]``."""
    for part in ast.walk(tree):
        yield from _changed_by(part)


def _changed_by(part: ast.AST) -> Iterator[ast.expr]:
    if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
        yield _root(part.value)
    elif (
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr in CHANGING
    ):
        yield _root(part.func.value)


def _root(part: ast.expr) -> ast.expr:
    """The ``x`` of ``x[key].add(1)``."""
    return _root(part.value) if isinstance(part, ast.Subscript) else part


def _stored(tree: ast.AST) -> Iterator[ast.expr]:
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
            yield part
