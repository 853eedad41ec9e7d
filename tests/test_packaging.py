"""What is in the wheel, what installing it puts where, and what the repository's shell promises."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePath

import pytest
from jupyter_client.kernelspec import KernelSpecManager

import emitnb
from tests.command import ROOT, new_user

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def prefix(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and nothing else, where only these tests look."""
    folder = tmp_path_factory.mktemp("prefix").resolve()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    options = ["--no-deps", "--no-index", "--ignore-installed", "--prefix", str(folder)]
    subprocess.run([*pip, *options, str(wheel)], check=True, capture_output=True)
    return folder


def modules(prefix: Path) -> Path:
    (folder,) = prefix.glob("lib/python*/site-packages")
    return folder


def installed(prefix: Path, home: Path, *arguments: str) -> str:
    """Run the installed ``emitnb`` script in ``home``; return what it printed."""
    done = subprocess.run(
        [str(prefix / "bin" / "emitnb"), *arguments],
        env=new_user(home, PYTHONPATH=str(modules(prefix))),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_the_notebooks_and_the_kernel_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    version = f"emitnb-{emitnb.__version__}"
    data = f"{version}.data/data/share/jupyter/kernels/emitnb"
    assert {name.split("/")[0] for name in names} == {
        "emitnb",
        f"{version}.data",
        f"{version}.dist-info",
    }
    assert {
        "emitnb/_notebooks/01-quickstart.ipynb",
        "emitnb/_notebooks/data/kjv.txt.gz",
        "emitnb/_notebooks/data/README.md",
        f"{version}.dist-info/licenses/LICENSE",
    } <= names
    assert {name for name in names if name.startswith(f"{version}.data/")} == {
        f"{data}/{name}"
        for name in ("kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg")
    }


def test_the_wheel_holds_what_the_browser_loads_and_not_what_it_is_built_from(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePath(name) for name in archive.namelist()]
    assert {name.name for name in names if name.match("emitnb/notebook/static/*")} == {
        path.name for path in (ROOT / "emitnb" / "notebook" / "static").iterdir()
    }
    assert [str(name) for name in names if {"js", "node_modules"} & set(name.parts)] == []


def test_the_source_archive_holds_what_the_live_graph_is_built_from(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(made) as archive:
        names = archive.getnames()
    assert any(name.endswith("/emitnb/notebook/js/build.mjs") for name in names)
    assert [name for name in names if "node_modules" in name] == []


def test_the_wheel_needs_no_compiler(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_installed_command_works_from_the_wheel_alone(prefix: Path, tmp_path: Path) -> None:
    assert installed(prefix, tmp_path, "--version") == f"emitnb {emitnb.__version__}\n"
    settings = json.loads(installed(prefix, tmp_path, "lab", "--show-config-json"))
    copy = tmp_path / "emitnb-notebooks"
    assert settings["ServerApp"]["root_dir"] == str(copy)
    assert gzip.decompress((copy / "data" / "kjv.txt.gz").read_bytes())[:3] == b"1. "


def test_installing_puts_the_kernel_where_jupyter_looks(prefix: Path) -> None:
    specs = KernelSpecManager(
        kernel_dirs=[str(prefix / "share" / "jupyter" / "kernels")], ensure_native_kernel=False
    )
    spec = specs.get_kernel_spec("emitnb")
    assert spec.display_name == "emitnb (Python 3)"
    # Jupyter puts its own interpreter in place of a bare "python", and of nothing else.
    assert spec.argv[0] == "python"


def test_damage_in_the_text_is_what_its_readme_says() -> None:
    folder = ROOT / "notebooks" / "data"
    data = gzip.decompress((folder / "kjv.txt.gz").read_bytes())
    lines = data.splitlines()
    documented = [
        set(map(int, numbers.split()))
        for numbers in re.findall(r"\| \d+ \| ([\d ]+) \|", (folder / "README.md").read_text())
    ]
    unnumbered = {n for n, line in enumerate(lines, 1) if not re.match(rb"\d+\. ", line)}
    misread = {n for n in unnumbered if re.match(rb"[\dlOSB]+\. ", lines[n - 1])}
    assert documented == [undecodable(lines), unnumbered - misread, misread]
    assert list(map(len, documented)) == [12, 14, 14]
    assert (len(lines), len(data.split()), len(data)) == (4635, 820020, 4295014)


def undecodable(lines: list[bytes]) -> set[int]:
    return {n for n, line in enumerate(lines, 1) if "\ufffd" in line.decode(errors="replace")}


def test_binder_installs_this_project_with_a_python_it_runs_on() -> None:
    assert (ROOT / "binder" / "requirements.txt").read_text().split() == [".[tutorial]"]
    runtime = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert [int(part) for part in runtime.split(".")] >= [int(part) for part in oldest.split(".")]


def test_ci_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"


def make(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program, "these tests run under make"
    return subprocess.run(
        [program, "--no-print-directory", "-C", str(ROOT), *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_help_lists_every_target() -> None:
    listed = make("help", path=os.environ["PATH"]).stdout
    assert re.findall(r"^make (\w+)", listed, re.MULTILINE) == [
        *("help", "demo", "test", "check", "lab", "bench", "js", "clean")
    ]


def test_make_says_which_debian_package_to_install_when_it_may_not(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = make("debian", path=str(tmp_path))
    assert done.returncode != 0
    assert "apt-get install chromium nodejs npm" in done.stderr
