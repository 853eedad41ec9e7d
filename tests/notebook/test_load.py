"""``%load_ext emitnb``: a router and the magics, quietly, as often as one likes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from emitnb import EmitError, Router
from emitnb.notebook.display import OVERVIEW

MAGICS = {
    "line": "emit emit_backend emit_scale emit_push emit_frame emit_failures emit_summary "
    "emit_budget emit_trace emit_peek emit_debug emit_graph emit_remove emit_rename emit_reset "
    "emit_pause emit_resume emit_step emit_stop emit_wait emit_log emit_retry emit_discard "
    "emit_replay emit_live emit_param emit_export emit_import emit_load",
    "cell": "emit_node emit_route emit_push",
}


def magics(notebook):
    """Return the names of emitnb's magics by kind."""
    found = notebook.shell.magics_manager.magics
    return {kind: {name for name in found[kind] if name.startswith("emit")} for kind in found}


def test_a_router_and_all_magics_are_there(notebook):
    assert isinstance(notebook["router"], Router)
    assert magics(notebook) == {kind: set(names.split()) for kind, names in MAGICS.items()}


def test_loading_shows_nothing(plain):
    assert plain.shown("%load_ext emitnb") == ""


def test_loading_again_changes_nothing(notebook):
    router = notebook["router"]
    notebook.run("%load_ext emitnb")
    assert notebook.shown("%reload_ext emitnb") == ""
    assert notebook["router"] is router
    completers = notebook.shell.Completer.custom_matchers
    assert len(completers) == 1
    notebook.run("%%emit_node x --entry\nruns = [*globals().get('runs', ()), 1]\ndef f(msg): ...")
    assert notebook["runs"] == [1]


def test_a_router_that_is_there_is_kept(plain):
    mine = Router()
    plain.shell.user_ns["router"] = mine
    plain.run("%load_ext emitnb")
    assert plain["router"] is mine


def test_magics_work_on_the_router_of_that_name(notebook):
    notebook.run("from emitnb import Router\nfirst, router = router, Router()")
    notebook.run("%%emit_node n --entry\ndef f(msg):\n    return 1")
    assert list(notebook["router"].nodes) == ["f"]
    assert not notebook["first"].nodes


@pytest.mark.parametrize(
    ("cell", "says"),
    [("router = 3", "`router` now holds a value of type int"), ("del router", "no `router`")],
)
@pytest.mark.parametrize(
    "magic", ["%emit_graph", "%emit_push [1]", "%%emit_node x\ndef f(msg): ...", "%emit_reset"]
)
def test_without_a_router_a_magic_says_what_to_do(notebook, cell, says, magic):
    notebook.run(cell)
    with pytest.raises(EmitError, match=says) as raised:
        notebook.run(magic)
    assert "router = Router()" in str(raised.value)
    assert "f" not in notebook.shell.user_ns


def test_the_overview_has_a_line_for_each_magic(notebook):
    shown = repr(notebook.run("%emit"))
    listed = [(line.split()[0], line) for line in shown.splitlines()]
    assert [form.split()[0] for form, _ in OVERVIEW] == [name for name, _ in listed]
    assert {name for name, _ in listed} == {f"%{name}" for name in MAGICS["line"].split()} | {
        f"%%{name}" for name in MAGICS["cell"].split()
    }
    columns = {line.index(what) for (_, line), (_, what) in zip(listed, OVERVIEW, strict=True)}
    assert len(columns) == 1
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize("kind", MAGICS)
def test_each_magic_explains_itself(notebook, kind):
    for name in MAGICS[kind].split():
        help_text = notebook.shell.find_magic(name, kind).__doc__
        sign = "%" if kind == "line" else "%%"
        assert help_text.startswith(f"::\n\n  {sign}{name}"), name
        assert f"    {sign}{name}" in help_text, f"{name} has no example"
        assert "options:" in help_text or kind == "line" or name == "emit_route"


def test_loading_brings_no_progress_bars_and_no_widgets():
    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell;"
        "from traitlets.config import Config; c = Config(); c.HistoryManager.enabled = False;"
        "InteractiveShell.instance(config=c).run_line_magic('load_ext', 'emitnb');"
        "print([name for name in ('tqdm', 'ipywidgets', 'distributed', 'dask') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
