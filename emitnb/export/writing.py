"""Writing a module: formatted, marked as emitnb's own, and all of it or nothing."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from emitnb.errors import ExportError
from emitnb.export.cells import lines_of
from emitnb.export.problems import NOTHING_WRITTEN
from emitnb.files import write_files
from emitnb.text import short_repr

MARK = "# Written by emitnb; sha256 of the text above: "

_CHECK = ("check", "--isolated", "--quiet")

MOST_LINES = 40
"""Lines of a difference that an error shows."""

SHOWN = 60
"""Characters of a text that an error shows."""

TIMEOUT = 60
"""Seconds that ruff may take."""


def formatted(text: str, path: Path) -> str:
    """Return the text of a module as ruff formats it, if ruff is installed.

    What ruff's default rules find in a user's own code is marked with ``noqa``, not changed.
    """
    ruff = _ruff()
    if ruff is None:
        return text
    laid_out = _ruff_run([ruff, "format", "--stdin-filename", str(path), "-"], text, path.parent)
    if laid_out is None:
        return text
    _check_documentation(text, laid_out)
    findings = _ruff_run(
        [ruff, *_CHECK, "--exit-zero", "--stdin-filename", str(path), "-"], laid_out, path.parent
    )
    return laid_out if not findings else _with_noqa(ruff, laid_out, path.parent)


def marked(text: str) -> str:
    """Return the text of a module with a last line that tells it from an edited one."""
    lines = lines_of(text.rstrip("\n"))
    last = next((one for one in reversed(lines) if one[:1].strip()), "")
    text = "\n".join(lines) + ("\n\n" if last.startswith("def ") else "\n")  # as ruff has it
    return f"{text}\n{MARK}{_digest(text)}\n"


def is_untouched(text: str) -> bool:
    """Whether emitnb wrote a text, and nobody has edited it since.

    >>> is_untouched(marked("n = 1")), is_untouched(marked("n = 1").replace("1", "2", 1))
    (True, False)
    """
    body, found, digest = text.rpartition(f"\n{MARK}")
    return bool(found) and digest.strip() == _digest(body)


def check_target(path: Path, text: str, *, force: bool) -> None:
    """Raise ExportError if ``text`` must not take the place of what lies at ``path``."""
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name a file in it, for instance {path}/graph.py")
    if not path.parent.is_dir():
        raise ExportError(f"there is no folder {path.parent}; make it, or name another one")
    if force or not path.exists():
        return
    there = path.read_text(encoding="utf-8", errors="replace")
    if there == text or is_untouched(there):
        return
    what = "was edited since it was exported" if MARK in there else "was not written by emitnb"
    raise ExportError(
        f"{path} {what}, so it stays as it is. Name another file, or replace it with --force "
        f"(force=True). What would change:\n{_difference(there, text, path.name)}"
    )


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write files, all or none. Raises ExportError where that cannot be done."""
    try:
        write_files(files)
    except OSError as error:
        folder = next(iter(files)).parent
        raise ExportError(
            f"cannot write into {folder}: {error.strerror or error}; name another folder"
        ) from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _difference(before: str, after: str, name: str) -> str:
    lines = list(
        difflib.unified_diff(
            before.splitlines(), after.splitlines(), f"{name} (there)", f"{name} (new)", lineterm=""
        )
    )
    more = [f"… and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join(lines[:MOST_LINES] + more)


def _ruff() -> str | None:
    beside = Path(sys.executable).with_name("ruff")
    return str(beside) if beside.is_file() else shutil.which("ruff")


def _ruff_run(command: list[str], text: str, folder: Path) -> str | None:
    """What ruff prints for a text; None if it cannot read it, or a user's settings are broken."""
    try:
        done = subprocess.run(
            command,
            input=text,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _check_documentation(before: str, after: str) -> None:
    """Raise ExportError if code reads a docstring that has other blanks when it is laid out."""
    if not any(isinstance(p, ast.Attribute) and p.attr == "__doc__" for p in _parts(before)):
        return
    told = [ast.get_docstring(part, clean=False) for part in _parts(before) if _has_doc(part)]
    laid_out = [ast.get_docstring(part, clean=False) for part in _parts(after) if _has_doc(part)]
    for one, two in zip(told, laid_out, strict=True):
        if one != two:
            raise ExportError(
                f"{NOTHING_WRITTEN}A node reads `__doc__`, and blanks in the docstring "
                f"{short_repr(one, SHOWN)} change when the module is laid out. "
                "Put the text into a constant"
            )


def _parts(text: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(text)))


def _has_doc(part: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    return isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _with_noqa(ruff: str, text: str, home: Path) -> str:
    """Mark what ruff finds; modules in ``home`` are sorted as what they are there: local ones."""
    local = f"src = [{json.dumps(str(home))}]"
    with tempfile.TemporaryDirectory(prefix="emitnb-") as folder:
        file = Path(folder) / "module.py"
        file.write_text(text, encoding="utf-8")
        _ruff_run([ruff, *_CHECK, "--config", local, "--add-noqa", file.name], "", file.parent)
        return file.read_text(encoding="utf-8")
