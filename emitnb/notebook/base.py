"""What all magics of emitnb have in common: how they are declared, and the notebook's router."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from IPython.core import magic, magic_arguments
from IPython.core.interactiveshell import InteractiveShell

from emitnb.cells.node_line import with_type
from emitnb.errors import EmitError
from emitnb.router import Router

NAME = "router"

Method = TypeVar("Method", bound=Callable[..., Any])

# IPython does not say what its decorators return.
_untyped: Any = magic
_arguments: Any = magic_arguments.magic_arguments
magics_class: Any = magic.magics_class


def argument(*flags: str, **details: Any) -> Any:
    """Declare an argument of a magic, as for argparse. Quotes around what is given go away."""
    untyped: Any = magic_arguments.argument
    return untyped(*flags, **with_type(details))


def line_magic(*arguments: Any) -> Callable[[Method], Method]:
    """Make a method the line magic of its name; a ``;`` at the line's end hides what it returns."""

    def decorate(method: Method) -> Method:
        made = _magic(_untyped.line_magic(method), method.__name__, arguments)
        return cast(Method, _untyped.output_can_be_silenced(made))

    return decorate


def cell_magic(name: str, *arguments: Any) -> Callable[[Method], Method]:
    """Make a method the cell magic ``name``."""

    def decorate(method: Method) -> Method:
        return cast(Method, _magic(_untyped.cell_magic(name)(method), f"%{name}", arguments))

    return decorate


def _magic(method: Any, shown_name: str, arguments: tuple[Any, ...]) -> Any:
    for declare in reversed(arguments):
        method = declare(method)
    # IPython would fill in {1,3} and $ of a regular expression, and every {"dict": of} a source.
    return _untyped.no_var_expand(_arguments(shown_name)(method))


class RouterMagics(magic.Magics):
    """Magics that work on the router named ``router`` in the user's namespace."""

    shell: InteractiveShell

    @property
    def namespace(self) -> dict[str, Any]:
        """The user's names."""
        return cast(dict[str, Any], self.shell.user_ns)

    @property
    def router(self) -> Router:
        """The Router that the notebook calls ``router``; EmitError if there is none."""
        found = self.namespace.get(NAME)
        if isinstance(found, Router):
            return found
        what = "there is no `router`"
        if NAME in self.namespace:
            what = f"`router` now holds a value of type {type(found).__name__}"
        raise EmitError(
            f"{what}, and the magics work on the Router of that name. "
            "Make a new one with `from emitnb import Router; router = Router()`"
        )
