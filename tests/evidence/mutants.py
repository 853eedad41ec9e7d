"""Break each node of a module in each way, and print which of its tests fail then, as JSON.

Run in the folder of the module: ``python mutants.py wordcount``.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

QUIET = ("-q", "--tb=no", "-p", "no:cacheprovider")

OTHER = '''
def _other(value):
    """A value of the same form that is not the same."""
    import dataclasses
    import enum
    import msgspec

    if isinstance(value, enum.Enum):
        return next(one for one in type(value) if one is not value)
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, height=_other(value.height))
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(value, note=_other(value.note))
    if isinstance(value, tuple):
        return (*value[:-1], _other(value[-1]))
    if isinstance(value, dict):
        return {name: _other(one) for name, one in value.items()}
    if hasattr(value, "columns"):
        return value.assign(**{value.columns[-1]: value[value.columns[-1]] + 1})
    if isinstance(value, str):
        return value + "x"
    if value is None or isinstance(value, float) and value != value:
        return value
    return value + 1
'''


class _Others(ast.NodeTransformer):
    """Each result is another one."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        return ast.Return(_other(node.value)) if node.value is not None else node

    def visit_Yield(self, node: ast.Yield) -> ast.Yield:
        return ast.Yield(_other(node.value))

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.YieldFrom:
        return ast.YieldFrom(
            ast.Call(ast.Name("map", ast.Load()), [ast.Name("_other", ast.Load()), node.value], [])
        )


class _OffByOne(ast.NodeTransformer):
    """Each number in the code is one more."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return ast.Constant(node.value + 1)
        return node


def _other(value: ast.expr | None) -> ast.Call:
    return ast.Call(ast.Name("_other", ast.Load()), [value or ast.Constant(None)], [])


def _nothing(function: ast.AST) -> None:
    """The node drops all."""
    yields = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(function))
    function.body = ast.parse("return\nyield" if yields else "return None").body  # type: ignore


def _half(function: ast.AST) -> None:
    """The last statement is lost."""
    function.body = [*function.body[:-1], ast.Pass()]  # type: ignore


def _raises(function: ast.AST) -> None:
    function.body = [*ast.parse("raise ValueError('broken')").body, *function.body]  # type: ignore


def _others(function: ast.AST) -> None:
    function.body = [_Others().visit(one) for one in function.body]  # type: ignore


def _off_by_one(function: ast.AST) -> None:
    function.body = [_OffByOne().visit(one) for one in function.body]  # type: ignore


WAYS: dict[str, Callable[[ast.AST], None]] = {
    "nothing": _nothing,
    "half": _half,
    "raises": _raises,
    "others": _others,
    "off by one": _off_by_one,
}


def mutants(source: str) -> dict[str, str]:
    """The module's text with one of its nodes broken, by node and way."""
    tree = ast.parse(source)
    found = {}
    for place, statement in enumerate(tree.body):
        name = _node_name(statement)
        for way, change in WAYS.items() if name else ():
            broken = copy.deepcopy(tree)
            part = broken.body[place]
            change(next(one for one in ast.walk(part) if isinstance(one, _FUNCTIONS)))
            text = ast.unparse(ast.fix_missing_locations(broken)) + OTHER
            if text != ast.unparse(tree) + OTHER:
                found[f"{name}: {way}"] = text
    return found


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _node_name(statement: ast.stmt) -> str:
    for call in getattr(statement, "decorator_list", ()):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "router.node":
            named = {word.arg: word.value for word in call.keywords}
            name = named.get("name", ast.Constant(getattr(statement, "name", "")))
            return str(ast.literal_eval(name))
    return ""


class _Seen:
    """Notes the functions whose tests fail."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid.rpartition("::")[2].partition("[")[0])
        self.passed += report.when == "call" and report.passed


def _failed(name: str) -> list[str]:
    for module in (name, f"test_{name}"):
        sys.modules.pop(module, None)
    seen = _Seen()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*QUIET, f"test_{name}.py"], plugins=[seen])
    return sorted(seen.failed) if seen.passed or seen.failed else ["(nothing ran)"]


def main(name: str) -> None:
    """Print which tests fail as it is, and for each mutant."""
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    path = Path(f"{name}.py")
    source = path.read_text()
    failed = {"as it is": _failed(name)}
    for mutant, text in mutants(source).items():
        path.write_text(text)
        failed[mutant] = _failed(name)
    path.write_text(source)
    print(json.dumps(failed))


if __name__ == "__main__":
    main(sys.argv[1])
