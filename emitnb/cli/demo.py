"""``emitnb demo``: run the quickstart, print what came out, and leave it as a page."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from emitnb.cli.places import QUICKSTART, Commands, notebooks
from emitnb.errors import EmitError

PAGE = "emitnb-quickstart.html"
SHOWN = {"graph": "The graph", "summary": "The run, node by node", "frame": "The frame"}
"""Tags of the quickstart's cells whose output the demonstration prints, with their headings."""

OFFLINE = """\
{% extends "lab/index.html.j2" %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
"""
"""The page without the scripts that the template would fetch from elsewhere."""


def add(commands: Commands) -> None:
    """Declare ``demo``."""
    demo = commands.add_parser(
        "demo", help="run the quickstart on real text and print what came out", allow_abbrev=False
    )
    demo.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"where to leave {PAGE} (default: the current directory)",
    )
    demo.set_defaults(run=_demo)


def _demo(asked: argparse.Namespace, _: list[str]) -> None:
    source = notebooks() / QUICKSTART
    if not source.is_file():
        raise EmitError(f"the quickstart {source} is missing; install emitnb again")
    folder = _writable(asked.out)
    notebook = _executed(source)
    for tag, heading in SHOWN.items():
        sys.stdout.write(f"{heading}\n\n{_output(notebook, tag)}\n\n")
    page = folder / PAGE
    page.write_text(_page(notebook), encoding="utf-8")
    sys.stdout.write(f"The executed notebook: {page}\n")


def _writable(wanted: Path | None) -> Path:
    """Return the folder for the page, before minutes go into work that it could not take."""
    if wanted is not None:
        try:
            wanted.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(wanted, str(error.strerror)) from error
        if not os.access(wanted, os.W_OK):
            raise _unwritable(wanted, "not allowed")
        return wanted.resolve()
    here = Path.cwd()
    return here if os.access(here, os.W_OK) else Path(tempfile.mkdtemp(prefix="emitnb-"))


def _unwritable(folder: Path, why: str) -> EmitError:
    return EmitError(f"cannot write to {folder} ({why}); name another folder with --out")


def _executed(source: Path) -> Any:
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    notebook = cast(Any, nbformat).reads(source.read_text(encoding="utf-8"), as_version=4)
    # With no folders to search, the one kernel left is the Python that runs this command.
    kernel = AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[])
    )
    progress = _Progress(len(notebook.cells))
    client = NotebookClient(notebook, km=kernel, timeout=600, on_cell_start=progress.show)
    client.extra_arguments = ["--log-level=ERROR"]  # warnings meant for whoever runs a server
    client.resources = {"metadata": {"path": str(source.parent)}}
    quiet = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    try:
        # What cells print comes as messages. What the kernel writes besides is its own noise: now
        # and then, while it is shut down, the traceback of a socket that was closed before.
        client.execute(cleanup_kc=True, env=quiet, stderr=subprocess.DEVNULL)
    except (CellControlSignal, DeadKernelError) as error:
        reason = (
            f"{getattr(error, 'ename', type(error).__name__)}: {getattr(error, 'evalue', error)}"
        )
        raise EmitError(f"the quickstart stopped in cell {progress.cell}: {reason}") from error
    finally:
        progress.end()
    return notebook


class _Progress:
    """A line on a terminal that counts cells, from 1; nothing where stderr goes to a file."""

    def __init__(self, total: int) -> None:
        self.cell = 0
        self.total = total

    def show(self, cell_index: int, **_: object) -> None:
        self.cell = cell_index + 1
        self._write(f"\rquickstart: cell {self.cell} of {self.total}")

    def end(self) -> None:
        self._write("\r\033[K")

    def _write(self, text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(text)
            sys.stderr.flush()


def _output(notebook: Any, tag: str) -> str:
    """Return as text what the cell tagged ``tag`` showed last."""
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", ()):
            texts = [output.get("data", {}).get("text/plain") for output in cell.outputs]
            if any(texts):
                return str(next(filter(None, reversed(texts)))).rstrip()
    raise EmitError(f"the quickstart shows no {tag}: no cell tagged `{tag}` has an output")


def _page(notebook: Any) -> str:
    """Return the notebook as HTML that needs nothing from anywhere."""
    from nbconvert.exporters import HTMLExporter

    _without_widgets(notebook)
    exporter = cast(Any, HTMLExporter)(raw_template=OFFLINE, embed_images=True)
    name = {"metadata": {"name": "emitnb quickstart"}}
    page, _ = exporter.from_notebook_node(notebook, resources=name)
    return str(page)


def _without_widgets(notebook: Any) -> None:
    """Leave the text of a live widget in its place: outside Jupyter it would not come alive."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
