"""What belongs to a whole process: which calls and assignments change it, and who looks at it."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emitnb.export.reaching import (
    CONTEXTS,
    ENVIRONMENT,
    FILES,
    RECURSION,
    SHOWN_TABLE,
    Dotted,
    Imports,
    called,
    dotted,
    named,
)
from emitnb.export.scopes import CHANGING, names_of

ALL: Dotted = ()
"""Whatever runs looks at it."""

_CLOCK: tuple[Dotted, ...] = (
    *((f".{name}",) for name in ("now", "today", "timestamp", "astimezone", "strftime")),
    ("time",),
    *(("datetime", "datetime", name) for name in ("now", "today", "fromtimestamp")),
    *(("datetime", "date", name) for name in ("today", "fromtimestamp")),
)
_NET: tuple[Dotted, ...] = (("socket",), ("urllib",), ("http",), ("ftplib",), ("smtplib",))
_CODING: tuple[Dotted, ...] = ((".encode",), (".decode",), ("codecs",), FILES)

SETTINGS: dict[Dotted, tuple[Dotted, ...]] = {
    ("numpy", "seterr"): (("numpy",),),
    ("numpy", "seterrcall"): (("numpy",),),
    ("numpy", "set_printoptions"): (SHOWN_TABLE,),
    ("numpy", "random", "seed"): (
        ("numpy", "random"),
        ("sklearn",),
        ("scipy", "stats"),
        (".sample",),
    ),
    ("locale", "setlocale"): (("locale",), (".strftime",), (".strptime",), ("time",)),
    ("decimal", "setcontext"): (("decimal",),),
    ("warnings", "simplefilter"): (ALL,),
    ("warnings", "filterwarnings"): (ALL,),
    ("sys", "setrecursionlimit"): (RECURSION, ("json",), ("copy",), ("pickle",), ("ast",)),
    ("sys", "set_int_max_str_digits"): (ALL,),
    ("csv", "field_size_limit"): (("csv",),),
    ("os", "chdir"): (FILES,),
    ("time", "tzset"): _CLOCK,
    ("socket", "setdefaulttimeout"): _NET,
    ("copyreg", "pickle"): (("copy",), ("pickle",), ("copyreg",)),
    ("codecs", "register"): _CODING,
    ("codecs", "register_error"): _CODING,
    ("dotenv", "load_dotenv"): (ENVIRONMENT,),
    ("mimetypes", "add_type"): (("mimetypes",),),
}
"""Functions that change what others do, and who those are.

Not where they only make it quiet: ``seterr(all="ignore")``, ``filterwarnings("ignore")``.
"""

_QUIET = {"ignore", "default", "warn", "once", "module", "always", "print", "log"}
"""What may be said to them that changes no result."""

_LOOKS = ("display.", "styler.", "plotting.", "io.excel.")
"""Options of pandas that change no frame."""

_BY_OTHERS = {"compute.use_numexpr"}
"""Options that libraries set when they are imported: dask.dataframe."""

_WARNS = ("mode.chained_assignment", "mode.performance_warnings", "mode.sim_interactive")


@dataclass(frozen=True)
class Change:
    """Something that a statement changed: what a user calls it, and who looks at it."""

    what: str
    affects: tuple[Dotted, ...]

    def reaches(self, path: Dotted) -> bool:
        """Whether who reads ``path`` looks at what was changed.

        >>> change = Change("os.environ", (("os", "environ", "HOME"),))
        >>> change.reaches(("os", "environ")), change.reaches(("os", "environ", "PATH"))
        (True, False)
        """
        return any(path[: len(one)] == one[: len(path)] for one in self.affects)


def changes(tree: ast.AST, imports: Imports) -> Iterator[Change]:
    """Yield what a statement changes in imported modules while it runs."""
    for part in _running(tree):
        if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
            yield from _of_path(_cut(dotted(part, imports)), _value(part, tree))
        elif isinstance(part, ast.Subscript) and not isinstance(part.ctx, ast.Load):
            yield from _of_item(_cut(dotted(part.value, imports)), part.slice)
        elif isinstance(part, ast.Call):
            yield from _by_magic(part)
            yield from _by_call(part, imports)


def _running(tree: ast.AST, quiet: bool = False) -> Iterator[ast.AST]:
    """The parts of a statement; not the calls whose effect ends with their ``with``."""
    if isinstance(tree, ast.With):
        quiet = quiet or any(called(one.context_expr) in _ENDING for one in tree.items)
    if not (quiet and isinstance(tree, ast.Call) and called(tree) in _ENDED):
        yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _running(child, quiet)


_ENDING = {"catch_warnings"}
_ENDED = {"simplefilter", "filterwarnings"}


def _value(part: ast.Attribute, tree: ast.AST) -> ast.AST | None:
    is_target = isinstance(tree, ast.Assign) and part in tree.targets
    return tree.value if is_target and isinstance(tree, ast.Assign) else None


def _cut(path: Dotted) -> Dotted:
    return next((path[:n] for n, name in enumerate(path) if name in CONTEXTS), path)


def _of_path(path: Dotted, value: ast.AST | None = None) -> Iterator[Change]:
    if path[:2] == ("pandas", "options"):
        yield from _option(".".join(path[2:]), value)
    elif path:
        is_used = len(path) > 1 and (_is_replaced(path) or _is_own(path[0]))
        yield Change(".".join(path), (path[:1] if is_used else path,))


def _of_item(path: Dotted, *keys: ast.AST | None) -> Iterator[Change]:
    if path == ENVIRONMENT:
        variable = named(path, *keys)
        clock = _CLOCK if variable[2:] in ((), ("TZ",)) else ()
        others: tuple[Dotted, ...] = (("subprocess",), ("os", "system"), ("os", "popen"))
        shown = f"os.environ[{variable[-1]!r}]" if variable[2:] else "os.environ"
        yield Change(shown, (variable, *others, *clock))
    elif path == ("sys", "modules") and named((), *keys):
        yield Change(f"sys.modules[{named((), *keys)[0]!r}]", (named((), *keys),))
    elif path:
        yield _changed(path)


def _changed(path: Dotted) -> Change:
    """A change within what a module holds: of one of the user's own, all there may look at it."""
    return Change(".".join(path), (path[:1] if _is_own(path[0]) else path,))


def _by_call(call: ast.Call, imports: Imports) -> Iterator[Change]:
    path = dotted(call.func, imports)
    texts = {part.value for part in _said(call) if isinstance(part, ast.Constant)}
    if path in SETTINGS:
        if not texts & _QUIET:
            yield Change(".".join(path), SETTINGS[path])
    elif path == ("pandas", "set_option"):
        for key, value in zip(call.args[::2], call.args[1::2], strict=False):
            yield from _option(str(getattr(key, "value", "")), value)
    elif called(call) == "setattr" and len(call.args) == 3 and dotted(call.args[0], imports):
        yield from _of_path(named(dotted(call.args[0], imports), call.args[1]))
    elif path[:-1] == ENVIRONMENT:
        yield from _environment(path[-1], call)
    elif len(path) > 1:
        yield from _by_method(_cut(path[:-1]), path[-1])


def _by_method(owner: Dotted, name: str) -> Iterator[Change]:
    if name == "seed" or name.startswith("register"):
        yield Change(".".join(owner), (owner,))
    elif _is_own(owner[0]) and _changes_globals((*owner, name)):
        yield Change(".".join((*owner, name)), (owner[:1],))
    # `os.remove(…)` and `np.append(…)` change no module; `sys.stdout.write(…)` is but seen.
    elif name in CHANGING - {"write"} and ".".join(owner) not in sys.modules:
        yield _changed(owner)


def _said(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords if word.arg != "category")]


def _environment(method: str, call: ast.Call) -> Iterator[Change]:
    if method in ("setdefault", "pop", "__setitem__"):
        yield from _of_item(ENVIRONMENT, *call.args[:1])
    elif method == "update":
        keys: list[ast.AST | None] = [ast.Constant(word.arg) for word in call.keywords]
        for given in call.args:
            keys += given.keys if isinstance(given, ast.Dict) else [given]
        for key in keys:
            yield from _of_item(ENVIRONMENT, key)
    elif method in ("clear", "popitem"):
        yield from _of_item(ENVIRONMENT)


def _by_magic(call: ast.Call) -> Iterator[Change]:
    """``%cd`` and ``%env`` are calls of IPython."""
    values = [part.value for part in call.args if isinstance(part, ast.Constant)]
    if called(call) != "run_line_magic" or len(values) != 2:
        return
    name, line = map(str, values)
    if name == "cd":
        yield Change("%cd", SETTINGS["os", "chdir"])
    variable = re.match(r"\w+(?=[= ])", line.strip())
    if name in ("env", "set_env") and variable:
        yield from _of_item(ENVIRONMENT, ast.Constant(variable[0]))


def _option(key: str, value: ast.AST | None) -> Iterator[Change]:
    """An option of pandas: some only change how frames look, and some are what they are anyway."""
    described = _described(key) or [(key, "", "")]
    options = [one for one in described if not one[0].startswith(_WARNS)]
    if not key:  # a variable, or a text that a loop makes: what is set by now is known
        options = [one for one in options if one[1] != one[2] and one[0] not in _BY_OTHERS]
    for name, usual, _ in options[:1] if key else options:
        if not (isinstance(value, ast.Constant) and str(value.value) == usual):
            affects = SHOWN_TABLE if name.startswith(_LOOKS) else ALL
            yield Change(f"pandas.options.{name}", (affects,))


def _described(key: str) -> list[tuple[str, str, str]]:
    """The options that a key, which may be a part of a name, means: names, defaults, values."""
    import pandas as pd

    try:
        told = str(pd.describe_option(key, _print_desc=False))
    except Exception:  # no such option; a call that says so has failed
        return []
    pattern = r"^(\w+(?:\.\w+)+) .*?\[default: ([^\n]*?)\] \[currently: ([^\n]*?)\]"
    return re.findall(pattern, told, re.MULTILINE | re.DOTALL)


def _is_replaced(path: Dotted) -> bool:
    """Whether an imported module or class had an attribute, which others there may use."""
    owner = _object(path[:-1])
    return any(_has(one, path[-1]) for one in getattr(owner, "__mro__", (owner,)))


def _object(path: Dotted) -> object:
    """What a dotted name stands for in this process; None if nobody has imported it."""
    for number in range(len(path), 0, -1):
        found: object = sys.modules.get(".".join(path[:number]))
        if found is not None:
            return functools.reduce(
                lambda one, name: getattr(one, name, None), path[number:], found
            )
    return None


def _is_own(root: str) -> bool:
    """Whether a module is neither Python's nor installed: a file of the user's."""
    file = getattr(sys.modules.get(root), "__file__", None)
    if not file or root in sys.stdlib_module_names:
        return False
    return not Path(file).is_relative_to(sys.prefix) and "site-packages" not in file


def _changes_globals(path: Dotted) -> bool:
    """Whether a function of a module changes what that module holds."""
    found = _object(path)
    if not inspect.isfunction(found):
        return False
    try:
        text = textwrap.dedent(inspect.getsource(found))
        return bool(names_of(text, ast.parse(text).body[0]).changed)
    except (OSError, SyntaxError):
        return False


def _has(owner: object, name: str) -> bool:
    """Whether the source of a module or class gives itself an attribute."""
    try:
        source = inspect.getsource(owner)  # type: ignore[arg-type]  # what has none raises
    except (OSError, TypeError):
        return False
    pattern = rf"^\s*(?:(?:async\s+)?def\s+|class\s+)?{re.escape(name)}\s*[(:=\[]"
    return re.search(pattern, source, re.MULTILINE) is not None
