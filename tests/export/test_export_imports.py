"""Imports stand in a module as ruff sorts them, whichever they are."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from emitnb.export.imports import Import, import_lines

POOL = [
    *(
        Import(name)
        for name in ["os", "json", "string", "xml.dom.minidom", "concurrent.futures", "tools"]
    ),
    *(Import("pandas", bound="pd"), Import("numpy", bound="np"), Import("json", bound="js")),
    *(Import("os.path", bound="where"), Import("xml.etree", "ElementTree", "ET"), Import("yaml")),
    *(Import("typing", name) for name in ["Any", "TYPE_CHECKING", "overload"]),
    *(Import("collections", name) for name in ["OrderedDict", "defaultdict", "Counter"]),
    *(Import("collections", "defaultdict", "dd"), Import("collections.abc", "Mapping")),
    *(Import("emitnb", name) for name in ["Router", "run_command", "Message"]),
    *(Import("numpy.random", "default_rng"), Import("numpy.random", "default_rng", "rng")),
    *(Import("Zoo"), Import("zoo", "B"), Import("tools", "clean"), Import("pandas", "DataFrame")),
    *(
        Import("math", name)
        for name in ["pi", "E", "PI2", "a10", "a9", "Path2", "a_name_that_goes_on_and_on"]
    ),
    *(Import("math", "another_name_that_goes_on_and_on"), Import("math", "sqrt", "root")),
]


def test_imports_are_sorted_as_ruff_sorts_them(tmp_path: Path) -> None:
    (tmp_path / "tools.py").touch()
    drawn = random.Random(0)
    for number in range(100):
        some = set(drawn.sample(POOL, drawn.randint(1, 20)))
        text = f'"""Imports."""\n\n{import_lines(some, tmp_path)}\n\nx = 1\n'
        (tmp_path / f"module_{number}.py").write_text(text)
    for command in (["check", "--select", "I"], ["format"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "--diff", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
