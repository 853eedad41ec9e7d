"""What is committed for the browser is what its source builds."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.command import ROOT

SOURCE = ROOT / "emitnb" / "notebook" / "js"
BUNDLE = ROOT / "emitnb" / "notebook" / "static"


def test_the_bundle_is_what_its_source_builds(tmp_path: Path) -> None:
    done = subprocess.run(
        ["node", "build.mjs", str(tmp_path)],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"`make js` installs what is missing, and says more\n{done.stderr}"
    built, committed = files(tmp_path), files(BUNDLE)
    stale = sorted(name for name in {*built, *committed} if built.get(name) != committed.get(name))
    assert built
    assert not stale, (
        f"run `make js` and commit {BUNDLE}: {', '.join(stale)} differ from the source"
    )


def test_what_is_installed_for_it_is_pinned_and_comes_from_wherever_npm_is_set_up_to_look() -> None:
    lock = (SOURCE / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in lock
    assert '"resolved"' not in lock


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
