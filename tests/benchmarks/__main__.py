"""``python -m tests.benchmarks``: measure, print a table and write JSON.

A goal that is missed is reported as missed and ends nothing. The exit code is 0 unless something
could not be measured at all.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import Options, Row, table

GROUPS = (
    "wordcount",
    "libraries",
    "keyed",
    "batches",
    "memory",
    "bounded",
    "again",
    "scale",
    "startup",
    "export",
    "widget",
    "cluster",
)
LIBRARIES = (
    "msgspec",
    "numpy",
    "pandas",
    "pyarrow",
    "ipython",
    "distributed",
    "emit",
    "streamz",
    "reactivex",
    "anywidget",
    "jupyterlab",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; return 1 if a group broke."""
    asked = _parser().parse_args(arguments)
    runs = asked.runs or (3 if asked.quick else 5)
    rows: list[Row] = []
    broken: list[str] = []
    for group in asked.only or GROUPS:
        started = time.perf_counter()
        try:
            rows += import_module(f"tests.benchmarks.{group}").measure(Options(runs, asked.quick))
        except Exception:
            traceback.print_exc()
            broken.append(group)
        print(f"{group}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    print(_heading(runs, asked.quick))
    print(table(rows))
    print(_verdict(rows, broken))
    report = {"runs": runs, "quick": asked.quick, **_machine(), "broken": broken}
    report["rows"] = [row.as_dict() for row in rows]
    asked.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=GROUPS,
        metavar="NAME",
        help=f"measure one group (may be repeated): {', '.join(GROUPS)}",
    )
    parser.add_argument("--runs", type=int, help="how often each is run (5, or 3 with --quick)")
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("bench.json"),
        metavar="FILE",
        help="where the figures go as JSON (bench.json)",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data: a rough look")
    return parser


def _heading(runs: int, quick: bool) -> str:
    machine = _machine()
    versions = " ".join(f"{name} {version}" for name, version in machine["versions"].items())
    size = ", a tenth of the data" if quick else ""
    return (
        f"\nCPU time, median of at least {runs} runs in turn ± half the range{size}\n"
        f"{machine['python']} on {machine['platform']}, {machine['processor']}\n{versions}\n"
    )


def _verdict(rows: Sequence[Row], broken: Sequence[str]) -> str:
    held = [row for row in rows if row.met is not None]
    missed = [row.name for row in held if not row.met]
    lines = [f"\n{len(held) - len(missed)} of {len(held)} goals met"]
    lines += [f"missed: {name}" for name in missed]
    lines += [f"could not be measured: {group}" for group in broken]
    return "\n".join(lines)


def _machine() -> dict[str, Any]:
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "processor": _processor(),
        "versions": {name: _version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    sys.exit(main())
