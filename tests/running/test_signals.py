"""Ctrl-C, SIGTERM, terminals and clusters: real processes, told by files when to act."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest
from cluster.plumbing import local, until
from running.processes import HERE, command, environment, run, start

LINES = 5_000
"""More than two batches: the last line waits, those of earlier batches are committed."""

BY = [
    pytest.param(signal.SIGINT, 130, "interrupted", id="Ctrl-C"),
    pytest.param(signal.SIGTERM, 143, "terminated", id="SIGTERM"),
]


def interrupted(
    words: Sequence[str], folder: Path, number: signal.Signals, given: str | None = None
) -> tuple[int, str, str]:
    """Send a signal as soon as the node waits; return status, output and complaints."""
    options = {} if given is None else {"stdin": subprocess.PIPE}
    process = start(*words, folder=folder, **options)
    try:
        if process.stdin is not None and given is not None:
            process.stdin.write(given)
            process.stdin.flush()  # and stays open
        until(lambda: (folder / "sign").exists() or process.poll() is not None)
        process.send_signal(number)
        process.wait(60)
    finally:
        process.kill()
        out, err = process.communicate()
    return process.returncode, out, err


@pytest.mark.parametrize(("number", "status", "name"), BY)
def test_a_signal_ends_between_commits_and_what_is_committed_is_written(
    tmp_path: Path, number: signal.Signals, status: int, name: str
) -> None:
    lines = [*map(str, range(LINES)), "wait"]
    (tmp_path / "lines.log").write_text("\n".join(lines))
    words = command("noticing", "lines.log", "--lines", "-o", "out.csv")
    code, out, err = interrupted(words, tmp_path, number)
    rows = (tmp_path / "out.csv").read_text().splitlines()[1:]
    assert (code, out) == (status, "")
    assert 0 < len(rows) <= LINES
    assert rows == lines[: len(rows)]
    assert err == (
        f"noticing.py: {name}: {len(rows):,} messages committed; what came of them is written\n"
    )
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("number", "status", "name"), BY)
def test_before_the_first_commit_nothing_is_written(
    tmp_path: Path, number: signal.Signals, status: int, name: str
) -> None:
    (tmp_path / "lines.log").write_text("wait")
    (tmp_path / "out.csv").write_text("of the last time")
    words = command("noticing", "lines.log", "--lines", "-o", "out.csv")
    assert interrupted(words, tmp_path, number) == (
        status,
        "",
        f"noticing.py: {name}; nothing was written\n",
    )
    assert (tmp_path / "out.csv").read_text() == "of the last time"


@pytest.mark.parametrize(("number", "status", "name"), BY)
def test_a_wait_for_input_that_does_not_come_ends_too(
    tmp_path: Path, number: signal.Signals, status: int, name: str
) -> None:
    # The first batch is done with at once, and no other follows: it reads, or is about to.
    given = "\n".join([*map(str, range(15)), "wait"]) + "\n"
    words = command("noticing", "-", "--seconds", "0", "-o", "out.csv")
    code, out, err = interrupted(words, tmp_path, number, given)
    assert (code, out) == (status, "")
    assert err.startswith(f"noticing.py: {name}")


def test_emitnb_run_ends_as_the_module_itself_does(tmp_path: Path) -> None:
    (tmp_path / "lines.log").write_text("wait")
    script = str(HERE / "noticing.py")
    words = (sys.executable, "-m", "emitnb.cli", "run", script, "lines.log", "--lines")
    assert interrupted(words, tmp_path, signal.SIGTERM)[0] == 143


def seen_on_a_terminal(words: Sequence[str], folder: Path) -> str:
    """Run a command whose stderr is a terminal; return what that shows."""
    ours, its = os.openpty()
    termios.tcsetwinsize(its, (24, 100))
    process = subprocess.Popen(
        words, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stderr=its
    )
    os.close(its)
    seen = b""
    try:
        while block := os.read(ours, 1 << 12):
            seen += block
    except OSError:  # how a terminal says that nobody writes any more
        pass
    finally:
        os.close(ours)
        assert process.wait(60) == 0
    return seen.decode()


def test_a_terminal_shows_a_bar_and_a_file_nothing(tmp_path: Path) -> None:
    # A bar appears where a run takes longer than a second: the first batch does.
    (tmp_path / "lines.log").write_text("\n".join(["wait", *map(str, range(2_000))]))
    words = command("noticing", "lines.log", "--lines", "--seconds", "1.1", "-oout.csv")
    assert " messages" in seen_on_a_terminal(words, tmp_path)
    done = run(*words, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("runner", ["python", "emitnb run"])
def test_a_cluster_by_its_address_gives_the_same_file(tmp_path: Path, runner: str) -> None:
    (tmp_path / "books.log").write_text("the rain in Spain\nstays mainly in the plain\n" * 200)
    arguments = ("books.log", "--lines", "--least", "3")
    wanted = run(*command("wordcount", *arguments), folder=tmp_path)
    assert wanted.returncode == 0
    assert len(wanted.stdout.splitlines()) == 1 + 5 * 200
    words = command("wordcount", *arguments)
    if runner == "emitnb run":
        words[1:1] = ["-m", "emitnb.cli", "run"]
    with local(2, tmp_path / "workers") as client:
        address = client.scheduler.address
        done = run(*words, "--address", address, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == wanted.stdout


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("rain")
    words = command("wordcount", "a.txt", "--address", "no-protocol://127.0.0.1:1")
    done = run(*words, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("wordcount.py: ")
    assert done.stderr.count("\n") == 1


def test_workers_of_a_cluster_that_runs_here(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("rain rain")
    done = run(*command("wordcount", "a.txt", "--workers", "2"), folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "word,count\nrain,1\nrain,2\n")
    assert done.stderr == ""
