"""Values stand in a test file as ruff would lay them out."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from evidence.making import python

from emitnb.export.evidence.layout import laid_out
from emitnb.export.evidence.writing import Writer

WORDS = [
    "rain", "", "it's", 'say "rain"', "both ' and \"", "tab\t", "new\nline", "é", "雨が降る",
    "back\\slash", "\\'", "\x00", "{}", "long " * 12, "'\"\"", "\u200b", "\U0001f327",
]  # fmt: skip


def value(chance: random.Random, depth: int = 3) -> Any:
    kind = chance.choice("sinfbtldye" if depth else "sinfb")
    size = chance.randrange(5)
    return {
        "s": lambda: chance.choice(WORDS),
        "i": lambda: chance.randrange(-(10**9), 10**9),
        "n": lambda: None,
        "f": lambda: chance.choice([chance.random(), float("nan"), float("inf"), -1e300, 0.0]),
        "b": lambda: chance.choice([True, b"rain", b"it's", b'"', 1j]),
        "t": lambda: tuple(value(chance, depth - 1) for _ in range(size)),
        "l": lambda: [value(chance, depth - 1) for _ in range(size)],
        "d": lambda: {chance.choice(WORDS): value(chance, depth - 1) for _ in range(size)},
        "y": lambda: {chance.choice(WORDS) for _ in range(size)},
        "e": lambda: frozenset(chance.choice(WORDS) for _ in range(size)),
    }[kind]()


@pytest.mark.parametrize("seed", range(3))
def test_any_value_is_laid_out_as_ruff_does(seed: int, tmp_path: Path):
    chance = random.Random(seed)
    lines = []
    for number in range(300):
        one = [value(chance) for _ in range(3)]
        lines.append(laid_out(Writer().text(one), before=f"value_{number} = "))
        call = f"pytest.param({Writer().text(one)[1:-1]}, id='a-{number}')"
        lines.append(laid_out(call))
        lines.append("if value_0:\n" + laid_out(call, 1, "found = "))
    path = tmp_path / "values.py"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = python(
        "-m", "ruff", "format", "--isolated", "--no-cache", "--diff", path.name, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stdout[:4000]
