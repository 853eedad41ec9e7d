"""The ``emitnb`` command: watch a demonstration, open the notebooks, ask for the version.

Exit codes: 0 it worked, 1 it did not (one message on stderr says why), 2 the command was misspelt.
Everything heavy is imported by the command that needs it, so that ``emitnb --version`` is quick.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from emitnb.errors import EmitError

QUICKSTART = "01-quickstart.ipynb"
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (by default ``sys.argv``) and return its exit code."""
    parser = _parser()
    asked, extra = parser.parse_known_args(arguments)
    if extra and asked.run is not _lab:
        parser.error(f"unrecognized arguments: {' '.join(extra)}")
    try:
        asked.run(asked, extra)
    except (EmitError, OSError) as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return _failed("interrupted")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emitnb", description="Turn a notebook into a live dataflow.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
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
    lab = commands.add_parser(
        "lab",
        help="open the notebooks in JupyterLab",
        description="Open the notebooks in JupyterLab, on this machine only. "
        "Arguments it does not know go to JupyterLab.",
        allow_abbrev=False,
    )
    lab.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    lab.set_defaults(run=_lab)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"emitnb {_version()}\n")
        parser.exit()


def _version() -> str:
    return str(import_module("importlib.metadata").version("emitnb"))


def _failed(message: str) -> int:
    sys.stderr.write(f"emitnb: {message}\n")
    return 1


def _notebooks() -> Path:
    """Return the folder of notebooks: inside an installed package, beside it in a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_notebooks"
    return installed if installed.is_dir() else here.parent / "notebooks"


def _demo(asked: argparse.Namespace, _: list[str]) -> None:
    source = _notebooks() / QUICKSTART
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


def _lab(asked: argparse.Namespace, extra: list[str]) -> None:
    folder = _lab_folder()
    os.chdir(folder)
    arguments = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{QUICKSTART}",
        *(["--no-browser"] if asked.no_browser else []),
        *extra,
    ]
    import_module("jupyterlab.labapp").LabApp.launch_instance(arguments)


def _lab_folder() -> Path:
    """Return the checkout's own notebooks when run inside it, else a copy the user may change."""
    source = _notebooks()
    if source.name == "notebooks" and Path.cwd().is_relative_to(source.parent):
        return source
    copy = Path.cwd() / "emitnb-notebooks"
    if not copy.exists():
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        sys.stderr.write(f"emitnb: the notebooks are now in {copy}\n")
    return copy


if __name__ == "__main__":
    sys.exit(main())
