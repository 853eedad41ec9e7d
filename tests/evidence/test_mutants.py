"""Tests that are made of a record pass as they are written, and see each node that is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evidence.making import FEEDS, pushed, python, written

MUTATE = Path(__file__).with_name("mutants.py")


@pytest.mark.parametrize("name", FEEDS)
def test_they_pass_as_written_and_each_broken_node_fails_its_own(name: str, tmp_path: Path):
    router = pushed(name)
    written(router, name, tmp_path)
    ran = python(str(MUTATE), name, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    failed = json.loads(ran.stdout)
    assert failed.pop("as it is") == []
    assert {mutant.partition(":")[0] for mutant in failed} == set(router.nodes)
    unseen = [
        mutant
        for mutant, tests in failed.items()
        if f"test_{mutant.partition(':')[0]}" not in tests
    ]
    assert unseen == []


def test_they_look_as_ruff_has_them_and_mypy_passes_them(tmp_path: Path):
    for name in FEEDS:
        written(pushed(name), name, tmp_path)
    files = [f"test_{name}.py" for name in FEEDS]
    for check in (
        ("ruff", "check", "--isolated", "--no-cache"),
        ("ruff", "format", "--isolated", "--no-cache", "--diff"),
        ("mypy", "--follow-imports=silent", "--cache-dir", str(tmp_path)),
    ):
        ran = python("-m", *check, *files, cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_same_record_makes_the_same_bytes(tmp_path: Path):
    for name in ("prices", "shapes"):
        router = pushed(name)
        once = written(router, name, tmp_path)
        assert written(router, name, tmp_path) == once
        assert written(pushed(name), name, tmp_path) == once
