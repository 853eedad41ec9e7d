"""``%emit_backend``, ``%emit_scale``, and what the other magics take for a cluster."""

from __future__ import annotations

import re

import pytest
from IPython.core.completer import provisionalcompleter

from emitnb import DeclarationError, EmitError
from emitnb.cells.node_line import amounts
from emitnb.errors import BackendError
from emitnb.notebook.cluster_magics import scheduler

DASK = "%emit_backend dask --workers 1"

# --- The options of a node ------------------------------------------------------------------------


def declared(notebook, options):
    """Declare a node with these options; return it."""
    notebook.run(f"%%emit_node x --entry {options}\ndef paint(msg):\n    return msg.x")
    return notebook.router.nodes["paint"]


def test_every_option_for_a_cluster_reaches_the_node(notebook):
    node = declared(
        notebook,
        "--resources GPU=1 MEMORY=2e9 --workers tcp://10.0.0.7:40331 big "
        "--retries 3 --priority -2 --allow-shared",
    )
    assert node.placement.resources == (("GPU", 1), ("MEMORY", 2e9))
    assert node.placement.workers == ("tcp://10.0.0.7:40331", "big")
    assert (node.retries, node.placement.priority, node.allow_shared) == (3, -2, True)


def test_a_node_asks_for_nothing_unless_told(notebook):
    node = declared(notebook, "")
    assert node.placement == ((), (), 0)
    assert (node.retries, node.allow_shared) == (0, False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--resources GPU", "--resources GPU does not say how much of what; write NAME=NUMBER"),
        ("--resources GPU=one", "--resources GPU=one does not say how much of what"),
        ("--resources =1", "--resources =1 does not say how much of what"),
        ("--resources GPU=0", "does not say how much of what"),
        ("--resources GPU=nan", "does not say how much of what"),
        ("--resources", "argument --resources: expected at least one argument"),
        ("--retries few", "argument --retries: invalid int value: 'few'"),
        ("--retries -1", "retries=-1"),
        ("--priority 1.5", "argument --priority: invalid int value: '1.5'"),
    ],
)
def test_a_wrong_option_is_an_error_and_declares_nothing(notebook, options, says):
    with pytest.raises(EmitError, match=re.escape(says)):
        declared(notebook, options)
    assert not notebook.router.nodes


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (None, {}),
        (["GPU=1"], {"GPU": 1}),
        (["GPU=1,MEM=0.5", "X=3"], {"GPU": 1, "MEM": 0.5, "X": 3}),
        (["GPU=2", "GPU=1"], {"GPU": 1}),
    ],
)
def test_amounts(texts, expected):
    assert amounts(texts) == expected


def test_retries_are_tries_of_the_node(notebook):
    notebook.run("tries = []")
    notebook.run(
        "%%emit_node x --entry --retries 2\n"
        "def shaky(msg):\n    tries.append(1)\n    return 1 / (len(tries) // 3)"
    )
    notebook.run("%emit_push [1]")
    assert len(notebook["tries"]) == 3
    assert notebook.router.frame("shaky")["x"].tolist() == [1.0]


# --- Choosing a backend ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("tcp://scheduler:8786", "tcp://scheduler:8786"),
        ("tls://scheduler:8786", "tls://scheduler:8786"),
        ("scheduler:8786", "scheduler:8786"),
        ("127.0.0.1:8786", "127.0.0.1:8786"),
        ("'tcp://scheduler:8786'", "tcp://scheduler:8786"),
        ("client", 7),
        ("clients['mine']", 8),
        ("clients.get('mine', None)", 8),
    ],
)
def test_where_is_an_address_or_an_expression(text, expected):
    assert scheduler(text, {"client": 7, "clients": {"mine": 8}}) == expected


def test_a_name_that_nothing_has_is_neither(notebook):
    with pytest.raises(EmitError, match=r"'cluent' is neither an address nor an expression"):
        notebook.run("%emit_backend dask cluent")
    assert notebook.router.backend.name == "memory"


def test_an_expression_that_fails_is_shown_as_what_it_is(notebook):
    notebook.run("def client():\n    raise KeyError('no cluster')")
    with pytest.raises(KeyError, match="no cluster"):
        notebook.run("%emit_backend dask client()")


def test_without_an_argument_the_backend_is_shown(notebook):
    assert notebook.run("%emit_backend") is notebook.router.backend
    assert "memory" in notebook.shown("%emit_backend")


def test_options_need_a_backend(notebook):
    with pytest.raises(EmitError, match="options need a backend; for example %emit_backend dask"):
        notebook.run("%emit_backend --workers 2")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("daskk", "daskk"),
        ("memory --workers 2", "memory"),
        ("memory tcp://scheduler:8786", "memory"),
        ("dask --workers 0", "n_workers"),
        ("dask --threads 0", "threads"),
        ("dask --in-flight 0", "in_flight"),
        ("dask 3", "cannot use a"),
    ],
)
def test_what_the_router_refuses_is_an_error_and_changes_nothing(notebook, line, says):
    with pytest.raises(BackendError, match=says):
        notebook.run(f"%emit_backend {line}")
    assert notebook.router.backend.name == "memory"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dask --workers two", "%emit_backend: argument --workers: invalid int value: 'two'"),
        ("dask --worker-count 2", "%emit_backend: unrecognized arguments: --worker-count"),
        ("dask --workers", "%emit_backend: argument --workers: expected one argument"),
    ],
)
def test_a_wrong_line_names_the_magic(notebook, line, says):
    with pytest.raises(EmitError, match=says):
        notebook.run(f"%emit_backend {line}")


def test_to_a_cluster_and_back_in_the_middle_of_a_count(counting):
    counting.run("%emit_push ['a b']")
    counting.run(DASK)
    assert counting.router.backend.name == "dask"
    counting.run("%emit_push ['a c']")
    counting.run("%emit_backend memory")
    counting.run("%emit_push ['a']")
    counts = counting.run("%emit_frame count_word")
    assert counts.to_dict("list") == {"word": list("abaca"), "count": [1, 1, 2, 1, 3]}


def test_the_cell_shows_workers_threads_memory_and_the_dashboard(counting):
    shown = counting.shown(DASK)
    assert [word for word in ("workers", "threads", "memory", "dashboard") if word in shown] == [
        *("workers", "threads", "memory", "dashboard")
    ]
    assert re.search(r"http://127\.0\.0\.1:\d+/status", shown)
    assert repr(counting.run("%emit_backend")) in shown


def test_a_client_of_the_user_is_taken(counting):
    counting.run(DASK)
    counting.run("client = router.backend.client")
    counting.run("%emit_backend memory")
    counting.run("%emit_backend dask client")
    assert counting.router.backend.client is counting["client"]
    counting.run("address = client.scheduler.address")
    counting.run("%emit_backend dask address")
    counting.run("%emit_push ['a']")
    assert counting.router.frame("count_word")["count"].tolist() == [1]
    counting.router.backend.client.close()


def test_a_node_that_cannot_run_there_is_said_before_anything_runs(notebook):
    notebook.run("seen = []")
    cell = "%%emit_node n --entry\ndef count(msg):\n    seen.append(msg)\n    return len(seen)"
    notebook.run(DASK)
    with pytest.raises(DeclarationError, match="seen"):
        notebook.run(cell)
    assert not notebook.router.nodes
    notebook.run(cell.replace("--entry", "--entry --allow-shared"))
    assert list(notebook.router.nodes) == ["count"]


# --- What stays on the cluster --------------------------------------------------------------------


def test_what_is_kept_on_the_cluster_is_a_lazy_frame(counting):
    counting.run(DASK)
    counting.run("%emit_push ['a b', 'a'] --keep-on-cluster")
    lazy = counting.run("%emit_frame count_word --lazy")
    client = counting.run("router.backend").client
    with client.as_current():  # other tests have made other clients
        assert lazy.compute()["count"].tolist() == [1, 1, 2]
    counting.run("%%emit_push --lines --keep-on-cluster\nb")
    lazy = counting.run("%emit_frame --lazy count_word")
    with client.as_current():
        assert lazy.compute()["word"].tolist() == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    "cell", ["%emit_push ['a'] --keep-on-cluster", "%emit_frame count_word --lazy"]
)
def test_in_memory_there_is_no_cluster_to_keep_anything_on(counting, cell):
    with pytest.raises(BackendError, match="%emit_backend dask"):
        counting.run(cell)


# --- Looking before scaling -----------------------------------------------------------------------


def test_scale_is_a_report(counting):
    counting.run("%emit_push ['a b', 'a', 'c d']")
    counting.run(DASK)
    report = counting.run("%emit_scale --sample 2")
    assert report.verdict == "identical"
    assert list(report.frame.index) == ["words", "count_word"]
    assert "identical: 2 messages, in memory and on dask" in counting.shown(
        "%emit_scale --sample 2"
    )
    assert counting.router.frame("words")["word"].tolist() == ["a", "b", "a", "c", "d"]


def test_scale_without_a_cluster_says_how_to_choose_one(counting):
    counting.run("%emit_push ['a b']")
    assert "%emit_backend dask" in counting.run("%emit_scale").verdict


@pytest.mark.parametrize("sample", ["0", "-1"])
def test_a_sample_has_messages(counting, sample):
    with pytest.raises(EmitError, match=f"sample is {sample}; give a number"):
        counting.run(f"%emit_scale --sample {sample}")


# --- Tab ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%emit_backend ", ["memory", "dask"]),
        ("%emit_backend d", ["dask"]),
        ("%emit_backend dask --", ["--workers", "--threads", "--in-flight"]),
        ("%emit_scale --", ["--sample"]),
        ("%emit_push [1] --k", ["--keep-on-cluster"]),
        ("%%emit_push --k", ["--keep-on-cluster"]),
        ("%emit_frame --la", ["--lazy"]),
        ("%emit_frame --lazy wo", ["words"]),
        ("%%emit_node x --re", ["--retries", "--resources", "--retry"]),
        ("%%emit_node x --resources GPU=1 --w", ["--when", "--workers"]),
        ("%%emit_node x --workers wo", []),
    ],
)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_tab(counting, line, offered):
    with provisionalcompleter():
        found = list(counting.shell.Completer.completions(line, len(line)))
    assert [one.text for one in found if one.type == "emitnb"] == offered
