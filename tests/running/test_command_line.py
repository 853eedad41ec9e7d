"""What a module's command line asks for, and what comes out."""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from running.conftest import Load
from running.processes import HERE, ROOT, command, run

from emitnb import Router, run_command

BOOKS = {"a.txt": "The rain in Spain", "b.txt": "stays mainly in the plain"}
COUNTS = "rain,1 in,1 spain,1 stays,1 mainly,1 in,2 plain,1"


@pytest.fixture
def books(here: Path) -> Path:
    for name, text in BOOKS.items():
        (here / name).write_text(text)
    return here


def rows_in(lines: str) -> pd.DataFrame:
    return pd.DataFrame(map(json.loads, lines.splitlines()))


def csv(text: str) -> str:
    return "\n".join(["word,count", *text.split(), ""])


# -- what goes in -----------------------------------------------------------------------------


@pytest.mark.parametrize("sources", [["a.txt", "b.txt"], ["*.txt"], ["a.txt", "b.*"]])
def test_several_files_are_one_run_and_standard_output_is_csv(
    books: Path, load: Load, capsys: pytest.CaptureFixture[str], sources: list[str]
) -> None:
    module = load("wordcount")
    assert module.main(sources) == 0
    assert capsys.readouterr() == (csv(COUNTS), "")
    assert module.router.run.done == 2


def test_a_process_does_the_same_without_ipython(books: Path) -> None:
    script = str(HERE / "wordcount.py")
    blocked = "IPython", "ipykernel", "ipywidgets"
    code = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({blocked}));"
        f"sys.argv = [{script!r}, 'a.txt', 'b.txt'];"
        f"runpy.run_path({script!r}, run_name='__main__')"
    )
    done = run(sys.executable, "-c", code, folder=books)
    assert (done.returncode, done.stdout, done.stderr) == (0, csv(COUNTS), "")


@pytest.mark.parametrize(
    ("more", "given"),
    [
        ([], "The rain in Spain\nstays mainly in the plain\n"),
        (["--input-format", "lines"], "\ufeffThe rain in Spain\r\nstays mainly in the plain"),
        (["--input-format", "text"], "The rain in Spain\nstays mainly in the plain"),
        (
            ["--input-format", "jsonl"],
            '"The rain in Spain"\n\n{"document": "stays mainly in the plain"}',
        ),
        (
            ["--input-format", "csv"],
            'id,document\n1,"The rain\nin Spain"\n2,stays mainly in the plain\n',
        ),
    ],
)
def test_standard_input_in_each_format(books: Path, more: list[str], given: str) -> None:
    done = run(*command("wordcount", "-", *more), folder=books, input=given)
    assert (done.returncode, done.stdout, done.stderr) == (0, csv(COUNTS), "")


def test_the_limit_ends_an_endless_input(books: Path, load: Load) -> None:
    done = run(
        "sh", "-c", f"yes rain | '{sys.executable}' '{HERE}/wordcount.py' - --limit 3", folder=books
    )
    assert (done.returncode, done.stdout) == (0, csv("rain,1 rain,2 rain,3"))


def test_the_limit_goes_over_all_files(
    books: Path, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("wordcount").main(["a.txt", "b.txt", "--lines", "--limit=1"]) == 0
    assert capsys.readouterr().out == csv("rain,1 in,1 spain,1")


def test_any_file_can_be_read_as_lines_and_the_field_named(
    here: Path, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "numbers.log").write_text("2\n4\n")
    assert load("halving").main(["numbers.log", "--lines", "--field=n", "--node=square"]) == 0
    assert capsys.readouterr().out == "square\n1\n4\n"


def test_what_of_standard_input_cannot_be_read_is_a_failure(here: Path) -> None:
    given = 'n\n2\n3,4\n"5" 6\n8\n'
    done = run(
        *command("halving", "-", "--input-format=csv", "--node=halve"), folder=here, input=given
    )
    assert (done.returncode, done.stdout) == (1, "half\n1\n4\n")
    assert "2 failures" in done.stderr and "2 cells where the header has 1: n" in done.stderr


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("jsonl", b'{"n": 2}\n{"n": \n', "item 1 '{\"n\": ' could not be read: DecodeError"),
        ("lines", b"2\n2\xff\n", "item 1 '2\\\\xff' could not be read: UnicodeDecodeError"),
        ("text", b"2\xff\n", "item 0 '2\\\\xff' could not be read: UnicodeDecodeError"),
    ],
)
def test_what_could_not_be_read_is_kept(here: Path, kind: str, given: bytes, said: str) -> None:
    (here / "given").write_bytes(given)
    words = command("halving", "-", f"--input-format={kind}", "--field=n", "--failures=f.jsonl")
    with (here / "given").open() as file:
        done = run(*words, folder=here, stdin=file, input=None)
    assert said in done.stderr
    kept = json.loads((here / "f.jsonl").read_text())["input"]["text"]
    assert kept == given.splitlines()[-1].decode(errors="backslashreplace")


def test_a_stray_quote_gives_up_its_own_line_alone(here: Path) -> None:
    words = command("halving", "-", "--input-format=csv", "--node=halve", "--failures=f.jsonl")
    done = run(*words, folder=here, input='n\n2\n"4\n6\n"8\n10"\n12\n')
    assert done.stdout == "half\n1\n3\n6\n"
    failed = [json.loads(line)["input"] for line in (here / "f.jsonl").read_text().splitlines()]
    assert '"4' in [one.get("text") for one in failed]


def test_a_header_that_cannot_be_is_one_line(here: Path) -> None:
    done = run(*command("halving", "-", "--input-format=csv"), folder=here, input="a b\n1\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("halving.py: standard input: field 'a b' is not a valid name")
    assert done.stderr.count("\n") == 1


def test_a_header_that_cannot_be_gives_no_advice_for_notebooks(here: Path) -> None:
    (here / "a.csv").write_text("n;m\n1;2\n")
    done = run(*command("halving", "a.csv"), folder=here)
    assert done.returncode == 1
    assert done.stderr.endswith(
        "Change it in the file; its separator is ';', which has to be a comma\n"
    )


# -- what comes out ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("counts.csv", pd.read_csv),
        ("counts.csv.gz", pd.read_csv),
        ("counts.jsonl", lambda path: pd.read_json(path, lines=True)),
        ("counts.NDJSON.gz", lambda path: rows_in(gzip.decompress(path.read_bytes()).decode())),
        ("counts.parquet", pd.read_parquet),
    ],
)
def test_the_suffix_says_the_format(books: Path, load: Load, name: str, read: Any) -> None:
    module = load("wordcount")
    assert module.main(["*.txt", "-o", name]) == 0
    frame = module.router.frame("count_word")
    assert len(frame) == 7
    pd.testing.assert_frame_equal(read(books / name), frame, check_dtype=False)
    assert {path.name for path in books.iterdir()} == {*BOOKS, name}


def test_the_format_can_be_said(
    books: Path, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load("wordcount")
    assert module.main(["a.txt", "--format", "jsonl"]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == '{"word":"rain","count":1}'
    assert module.main(["a.txt", "-o", "counts", "--format", "jsonl"]) == 0
    assert (books / "counts").read_text().startswith(first)


def test_parquet_goes_through_a_pipe(books: Path) -> None:
    words = command("wordcount", "a.txt", "--format", "parquet")
    run("sh", "-c", '"$0" "$@" > out.parquet', *words, folder=books)
    assert len(pd.read_parquet(books / "out.parquet")) == 3


def test_without_a_node_the_frame_is_that_of_the_only_leaf_or_of_all(
    here: Path, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "n.csv").write_text("n\n4\n")
    module = load("halving")
    assert module.main(["n.csv", "--format=jsonl"]) == 0
    rows = list(map(json.loads, capsys.readouterr().out.splitlines()))
    assert [row["node"] for row in rows] == ["halve", "wait", "square"]
    assert rows[2] == {"node": "square", "row": 0, "half": None, "later": None, "square": 4}
    assert module.main(["n.csv", "--node", "wait"]) == 0
    assert capsys.readouterr().out == "later\n2\n2\n"


def test_what_nodes_print_is_not_among_the_rows(here: Path) -> None:
    (here / "n.csv").write_text("n\n4\n")
    done = run(*command("halving", "n.csv", "--node=halve"), folder=here)
    assert (done.stdout, done.stderr) == ("half\n2\n", "halving 4\n")


def test_a_file_keeps_its_mode_and_a_link_its_place(books: Path, load: Load) -> None:
    (books / "real.csv").write_text("old")
    (books / "real.csv").chmod(0o640)
    (books / "link.csv").symlink_to("real.csv")
    assert load("wordcount").main(["a.txt", "-o", "link.csv"]) == 0
    assert (books / "link.csv").is_symlink()
    assert (books / "real.csv").read_text() == csv("rain,1 in,1 spain,1")
    assert (books / "real.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("target", ["-o-", "-o/dev/full"])
def test_a_full_disk_is_one_line(books: Path, target: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(
            *command("wordcount", "a.txt", target, "--format=csv"), folder=books, stdout=full
        )
    assert done.returncode == 1
    assert re.fullmatch(
        r"wordcount\.py: cannot write \S+( \S+)?: No space left on device\n", done.stderr
    )


def test_who_has_read_enough_stops_it_quietly(books: Path) -> None:
    pipe = f"'{sys.executable}' '{HERE}/wordcount.py' - | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = run("bash", "-c", pipe, folder=books, input="rain sun wind\n" * 30_000)
    assert (done.stdout, done.stderr) == ("word,count\nrain,1\n0\n", "")


def test_a_reader_that_is_gone_is_no_error(books: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(*command("wordcount", "a.txt"), folder=books, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


# -- values -----------------------------------------------------------------------------------


def emitting(values: list[Any]) -> Router:
    router = Router()
    router.node("value", entry_point=True, name="emit")(lambda msg: (values[msg.at],))
    return router


def written(values: list[Any], folder: Path, name: str) -> int:
    (folder / "at.jsonl").write_text("".join(f"{at}\n" for at in range(len(values))))
    space = {"__file__": "emit.py"}
    return run_command(emitting(values), space, ["at.jsonl", "--field=at", "-o", name])


def test_csv_has_json_where_a_value_is_no_plain_one(here: Path) -> None:
    values = ["a,b", {"n": [1, None]}, ("ü",), 2.5, None, b"\x00"]
    assert written(values, here, "out.csv") == 0
    frame = pd.read_csv(here / "out.csv", keep_default_na=False)
    assert frame["value"].tolist() == ["a,b", '{"n": [1, null]}', '["ü"]', "2.5", "", "AA=="]


def test_json_lines_keep_what_json_knows(here: Path) -> None:
    stamp = pd.Timestamp("2026-01-02T03:04:05Z")
    values = [{"n": {1: (2,)}}, stamp, float("nan"), pd.NA, 2**70, "\x00\n"]
    assert written(values, here, "out.jsonl") == 0
    found = [json.loads(line)["value"] for line in (here / "out.jsonl").read_text().splitlines()]
    assert found == [{"n": {"1": [2]}}, stamp.isoformat(), None, None, 2**70, "\x00\n"]


def test_parquet_has_lists_and_dicts(here: Path) -> None:
    assert written([[1, 2], [3]], here, "out.parquet") == 0
    assert [list(one) for one in pd.read_parquet(here / "out.parquet")["value"]] == [[1, 2], [3]]


def test_parquet_of_all_nodes_has_nothing_where_a_node_lacks_a_field(
    here: Path, load: Load
) -> None:
    (here / "amounts.jsonl").write_text("1\n20\n")
    router = load("inventory").router
    space = {"__file__": "inventory.py"}
    assert run_command(router, space, ["amounts.jsonl", "--field=amount", "-oall.parquet"]) == 0
    frame = pd.read_parquet(here / "all.parquet").set_index("node")
    assert frame.loc["price", "price"].tolist() == [
        {"amount": 1, "shelf": "low"},
        {"amount": 20, "shelf": "high"},
    ]
    assert frame.loc["times", "price"].isna().all()
    assert frame.loc["count_price", "shelf"].tolist() == ["low", "high"]


@pytest.mark.parametrize(
    ("values", "name", "said"),
    [
        ([object()], "out.csv", "value, row 0: <object object at"),
        ([object()], "out.jsonl", "value, row 0: <object object at"),
        (["fine", "\ud800"], "out.csv", "value, row 1:"),
        ([{"deep": "\ud800"}], "out.csv", "value, row 0:"),
        ([1, "one"], "out.parquet", "value holds what a column of Parquet cannot (int, str)"),
        ([object()], "out.parquet", "value, row 0: <object object at"),
    ],
)
def test_what_a_format_cannot_hold_is_one_line_and_leaves_the_old_file(
    here: Path, capsys: pytest.CaptureFixture[str], values: list[Any], name: str, said: str
) -> None:
    (here / name).write_text("old")
    assert written(values, here, name) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"emit.py: {said}")
    assert told.count("\n") == 1
    assert (here / name).read_text() == "old"
    assert len(list(here.iterdir())) == 2


# -- failures ---------------------------------------------------------------------------------


def test_failures_are_counted_the_first_is_shown_and_the_rest_is_written(here: Path) -> None:
    (here / "n.csv").write_text("n\n2\n3\n4\n5\n")
    done = run(
        *command("halving", "n.csv", "--node=wait", "--failures=failed.jsonl", "-oout.csv"),
        folder=here,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "halving.py: 2 failures; all of them are in failed.jsonl. "
        "The first: halve on {'n': '3'}: ValueError: 3 is odd"
    )
    assert (here / "out.csv").read_text() == "later\n1\n2\n"
    rows = list(map(json.loads, (here / "failed.jsonl").read_text().splitlines()))
    assert [(row["node"], row["input"]) for row in rows] == [
        ("halve", {"n": "3"}),
        ("halve", {"n": "5"}),
    ]
    assert "raise ValueError" in rows[0]["traceback"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_failures_go_into_other_formats_too(here: Path, load: Load, suffix: str) -> None:
    (here / "n.csv").write_text("n\n3\n")
    assert load("halving").main(["n.csv", f"--failures=failed.{suffix}", "-oout.csv"]) == 1
    read = pd.read_csv if suffix == "csv" else pd.read_parquet
    frame: pd.DataFrame = read(here / f"failed.{suffix}")
    assert frame["error"].tolist() == ["3 is odd"]


def test_without_failures_their_file_says_so(books: Path, load: Load) -> None:
    (books / "failed.jsonl").write_text("those of the last time")
    assert load("wordcount").main(["a.txt", "--failures=failed.jsonl", "-oout.csv"]) == 0
    assert (books / "failed.jsonl").read_text() == ""


def test_a_run_that_is_stopped_writes_what_it_has(here: Path) -> None:
    (here / "n.csv").write_text("n\n" + "2\n" * 3000 + "1\n" * 3000)
    done = run(*command("halving", "n.csv", "--node=halve", "-oout.csv"), folder=here)
    assert done.returncode == 1
    *_, stopped, failed = done.stderr.splitlines()
    assert re.match(r"halving.py: halve failed [\d,]+ times in a row, the last with", stopped)
    assert "messages committed; what came of them is written" in stopped
    assert "router.run" not in done.stderr
    assert re.match(r"halving.py: [\d,]+ failures; --failures PATH keeps all of them\.", failed)
    assert (here / "out.csv").read_text() == "half\n" + "1\n" * 3000


# -- parameters -------------------------------------------------------------------------------

SPACE: dict[str, Any] = {
    "least": 1,
    "share": 0.5,
    "name": "rain",
    "is_open": True,
    "where": Path("data"),
    "more": None,
    "words": ["a"],
    "pair": (1, 2),
    "seen": {"a"},
    "prices": {"a": 1},
}


def given(*arguments: str, **space: Any) -> tuple[int, dict[str, Any]]:
    namespace = {"__file__": "given.py", **(space or SPACE)}
    names = {name: "" for name in namespace if name != "__file__"}
    status = run_command(Router(), namespace, ["--graph", *arguments], names)
    return status, {name: namespace[name] for name in names}


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("--least=7", "least", 7),
        ("--share=-2.5", "share", -2.5),
        ("--name=--x", "name", "--x"),
        ("--no-is-open", "is_open", False),
        ("--is-open", "is_open", True),
        ("--where=a/b", "where", Path("a/b")),
        ("--more=text", "more", "text"),
        ("--words=['b', 2]", "words", ["b", 2]),
        ("--pair=(3, 4)", "pair", (3, 4)),
        ("--seen=set()", "seen", set()),
        ("--prices={'b': 2.5}", "prices", {"b": 2.5}),
    ],
)
def test_each_parameter_is_an_option_of_its_type(option: str, name: str, value: Any) -> None:
    assert given(option) == (0, {**SPACE, name: value})


@pytest.mark.parametrize(
    ("annotation", "value", "option", "given_value"),
    [
        (float, 4, "--x=2.5", 2.5),
        ("float", 4, "--x=2.5", 2.5),
        (int | None, None, "--x=3", 3),
        ("Optional[float]", None, "--x=3", 3.0),
        (bool | None, None, "--no-x", False),
        (Path, None, "--x=a/b", Path("a/b")),
        (int, None, "--x=3", 3),
        (str, 4, "--x=3", 3),  # what says otherwise than the value says nothing
        ("list[str]", ["a"], "--x=['b']", ["b"]),
        ("Unknown", 4, "--x=3", 3),
    ],
)
def test_an_annotation_says_the_type_where_the_value_does_not(
    annotation: Any, value: Any, option: str, given_value: Any
) -> None:
    namespace = {"__file__": "given.py", "x": value, "__annotations__": {"x": annotation}}
    assert run_command(Router(), namespace, ["--graph", option], {"x": ""}) == 0
    assert (type(namespace["x"]), namespace["x"]) == (type(given_value), given_value)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--least=many", "argument --least: invalid int value: 'many'"),
        ("--words=(1,)", "argument --words: '(1,)' is a tuple; give a list"),
        ("--words=open('x')", "is no Python literal; give a list as Python writes it"),
        ("--words=a", """in the quotes of a shell: "['a', 'b']\""""),
        ("--leas=3", "unrecognized arguments: --leas=3"),
    ],
)
def test_a_wrong_value_is_wrong_use(
    capsys: pytest.CaptureFixture[str], option: str, said: str
) -> None:
    assert given(option) == (2, SPACE)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"limit": 3}, "the parameter limit would be the option --limit, which there is already"),
        ({"help": ""}, "the parameter help would be the option --help, which there is already"),
        ({"x": True, "no_x": 1}, "the parameter no_x would be the option --no-x"),
        ({"when": pd.Timestamp(0)}, "the parameter when is a Timestamp, which no option can give"),
    ],
)
def test_a_parameter_that_cannot_be_an_option_is_named(
    capsys: pytest.CaptureFixture[str], space: dict[str, Any], said: str
) -> None:
    assert given(**space) == (1, space)
    assert capsys.readouterr().err.startswith(f"given.py: {said}")


def test_a_parameter_that_is_no_global_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(Router(), {"__file__": "given.py"}, ["--graph"], {"rate": ""}) == 1
    assert capsys.readouterr().err == "given.py: the parameter rate is no name of the module\n"


def test_a_parameter_is_set_before_anything_runs(
    books: Path, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load("wordcount")
    assert module.main(["a.txt", "--least", "3"]) == 0
    assert (module.least, capsys.readouterr().out) == (3, csv("rain,1 spain,1"))


# -- wrong use --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "there is no source; name files, or - for standard input"),
        (
            ["a.txt", "--node=count_words"],
            "no node is named `count_words`. Did you mean `count_word`?",
        ),
        (["c.txt"], "'c.txt': there is no such file"),
        (["a.txt", "*.csv"], "'*.csv': no file matches"),
        (["notes.log"], "notes.log: its suffix does not tell how to read it; --lines reads it"),
        (["-", "a.txt"], "- (standard input) cannot be read together with other sources"),
        (["a.txt", "--input-format=csv"], "--input-format is for standard input (-)"),
        (["a.txt", "--limit=-1"], "'-1' is no whole number from 0 on"),
        (["a.txt", "--workers=0"], "'0' is no whole number from 1 on"),
        (["a.txt", "-oout.xls"], "the suffix of out.xls does not say how to write it"),
        (["a.txt", "-oout.parquet.gz"], "Parquet is compressed by itself"),
        (["a.txt", "--failures=-"], "--failures needs a file"),
        (["a.txt", "--backend=memory", "--workers=2"], "are for a cluster: --backend dask"),
        (["a.txt", "--address=tcp://x:1", "--workers=2"], "--workers is for a cluster that starts"),
        (["a.txt", "-oa.txt", "--format=csv"], "-o a.txt: this file is read; name another one"),
        (
            ["a.txt", "-oo.csv", "--failures=./o.csv"],
            "--failures o.csv: this file is written by -o",
        ),
        (["--svg", "graph.svg"], "graph.svg would be read; to write it, say --svg -o graph.svg"),
        (["--graph", "--dot"], "argument --dot: not allowed with argument --graph"),
    ],
)
def test_wrong_use_is_status_2_and_says_what(
    books: Path,
    load: Load,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    (books / "notes.log").write_text("")
    module = load("wordcount")
    assert module.main(arguments) == 2
    printed, complained = capsys.readouterr()
    assert printed == ""
    assert complained.startswith("usage: wordcount.py [options] SOURCE [SOURCE ...]\n")
    assert said in complained
    assert module.router.run is None


@pytest.mark.parametrize(
    ("output", "said"),
    [("no/out.csv", "there is no folder"), (".", "it is a folder; name a file in it")],
)
def test_what_cannot_be_written_is_said_before_anything_runs(
    books: Path, load: Load, capsys: pytest.CaptureFixture[str], output: str, said: str
) -> None:
    module = load("wordcount")
    assert module.main(["a.txt", "-o", output, "--format=csv"]) == 1
    assert said in capsys.readouterr().err
    assert module.router.run is None


# -- the graph and help -----------------------------------------------------------------------


def test_two_files_may_go_nowhere(books: Path, load: Load) -> None:
    (books / "nowhere.csv").symlink_to(os.devnull)
    nowhere = ["-o", os.devnull, "--format=csv", "--failures=nowhere.csv"]
    assert load("wordcount").main(["a.txt", *nowhere]) == 0


def test_the_graph_as_text_dot_and_svg_runs_nothing(
    here: Path, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load("wordcount")
    assert module.main(["--graph"]) == 0
    assert capsys.readouterr().out == f"{module.router}\n"
    assert module.main(["--dot", "no-such-file.txt"]) == 0
    assert capsys.readouterr().out.strip() == module.router.dot().strip()
    assert module.main(["--svg", "-o", "graph.svg"]) == 0
    assert capsys.readouterr().out == ""
    assert (here / "graph.svg").read_text().startswith("<svg xmlns=")
    assert module.router.run is None


def test_help_has_docstrings_nodes_parameters_and_examples(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("wordcount").main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "Every word but those that are too short, 100% in lower case." in shown
    assert "  words       Cut documents into words.\n  count_word  Count each word.\n" in shown
    assert re.search(r"--least INT +letters of a word \(default: 1\)", shown)
    assert "python wordcount.py FILE ... --node count_word -o count_word.parquet" in shown


def test_help_is_shown_where_characters_are_missing(here: Path) -> None:
    (here / "m.py").write_text(
        '"""Wörter."""\nfrom emitnb import Router, run_command\nrouter = Router(home=__name__)\n'
        'if __name__ == "__main__":\n    raise SystemExit(run_command(router, globals()))\n'
    )
    words = ["-X", "utf8=0", "-c", "import sys; sys.stdout.reconfigure(encoding='ascii'); "]
    words[-1] += (
        "import runpy; sys.argv = ['m.py', '--help']; runpy.run_path('m.py', None, '__main__')"
    )
    done = run(sys.executable, *words, folder=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert "W\\xf6rter." in done.stdout


# -- emitnb run -------------------------------------------------------------------------------


def test_emitnb_run_is_the_same_command(books: Path) -> None:
    emitnb = sys.executable, "-m", "emitnb.cli", "run", str(HERE / "wordcount.py")
    own = command("wordcount")
    for arguments in (
        ("a.txt", "b.txt", "--format", "jsonl"),
        ("--help",),
        (),
    ):
        one, other = (run(*words, *arguments, folder=books) for words in (own, emitnb))
        assert (one.returncode, one.stdout, one.stderr) == (
            other.returncode,
            other.stdout,
            other.stderr,
        )


def test_emitnb_run_finds_what_lies_beside_the_module(here: Path) -> None:
    (here / "lib").mkdir()
    (here / "lib" / "beside.py").write_text("WORD = 'found'")
    (here / "lib" / "module.py").write_text("import beside, sys\nprint(beside.WORD, sys.argv[1:])")
    done = run(
        sys.executable, "-m", "emitnb.cli", "run", "lib/module.py", "--out", "-h", folder=here
    )
    assert (done.returncode, done.stdout) == (0, "found ['--out', '-h']\n")


@pytest.mark.parametrize("text", ["import nosuch\n", "def (\n", "def f():\n    1 / 0\n\nf()\n"])
def test_emitnb_run_shows_what_python_shows(here: Path, text: str) -> None:
    (here / "broken.py").write_text(text)
    done = run(sys.executable, "-m", "emitnb.cli", "run", "broken.py", folder=here)
    python = run(sys.executable, "broken.py", folder=here)
    assert done.returncode == python.returncode == 1
    assert done.stderr == python.stderr.replace(f"{here}/", "")


def test_emitnb_run_asks_for_a_module_alone(here: Path) -> None:
    done = run(sys.executable, "-m", "emitnb.cli", "run", folder=here)
    assert done.returncode == 2
    assert done.stderr.endswith("the following arguments are required: MODULE.py\n")


def test_emitnb_run_without_the_file_is_wrong_use(here: Path) -> None:
    (here / "words.py").touch()
    done = run(sys.executable, "-m", "emitnb.cli", "run", "wrods.py", folder=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "emitnb run: there is no file wrods.py. Did you mean `words.py`?\n"


def test_emitnb_run_of_data_is_wrong_use(here: Path) -> None:
    (here / "data.csv").write_text("a,b\n")
    done = run(sys.executable, "-m", "emitnb.cli", "run", "data.csv", folder=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("emitnb run: data.csv is no module; name MODULE.py")
    assert done.stderr.count("\n") == 1


# -- what tools say of such a module ----------------------------------------------------------


def test_ruff_and_mypy_have_nothing_to_say_of_a_module(here: Path) -> None:
    for example in ("wordcount", "halving"):
        (here / f"{example}.py").write_text((HERE / f"{example}.py").read_text())
        ours = "lint.isort.known-first-party = ['emitnb']"  # as it is in this checkout
        ruff = "ruff", "check", "--isolated", "--no-cache", "--config", ours, f"{example}.py"
        mypy = "mypy", "--config-file=", "--cache-dir=cache", f"{example}.py"
        for tool in (ruff, mypy):
            done = run(sys.executable, "-m", *tool, folder=here)
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_shows_what_happens(here: Path) -> None:
    section = (ROOT / "README.md").read_text().partition("## From the command line")[2]
    (here / "wordcount.py").write_text(section.partition("```python\n")[2].partition("```")[0])
    shown = section.partition("```\n$ ")[2].partition("```")[0]
    steps = [step.partition("\n") for step in shown.split("\n$ ")]
    checked = [(words, out.strip()) for words, _, out in steps if out.strip()]
    assert len(checked) == 2
    for words, out in checked:
        done = run("sh", "-c", words.replace("python ", f"'{sys.executable}' "), folder=here)
        assert (done.stdout.strip(), done.stderr) == (out, "")
