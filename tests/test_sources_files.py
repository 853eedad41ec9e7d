"""Files that can be pushed: what is read, what is unreadable, and which paths lead nowhere."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import (
    finalizers_may_complain,
    interrupted_everywhere,
    messages_of,
    read,
    records,
    same_in_any_sizes,
    sizes,
    write,
)

from emitnb.errors import SourceError
from emitnb.sources import open_source
from emitnb.table import ListTable

dirty_lines = st.lists(
    st.sampled_from(
        b'a,1|"b,2|"c|c",3|"d",4|e|| |\xff,5|{"a": 1}|{"b": 2, "a": 1}|{|7|"text"'.split(b"|")
        + b'{"a b": 1}|"\xe9"|f"f,6|"g"g,7|"h|h"'.split(b"|")
    ),
    max_size=25,
)
endings = st.sampled_from([b"\n", b"\r\n"])


def test_a_text_file_is_one_message(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\ufeffone\r\ntwo\n")
    source = open_source(str(path))
    assert source.total == 1
    assert read(source) == ([{"document": "one\ntwo\n"}], [])


def test_a_glob_is_sorted_and_its_total_known(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", "sub/deep/d.txt", "a.log"):
        write(tmp_path / name, name)
    source = open_source(f"{tmp_path}/**/*.txt", field="text")
    assert source.total == 4
    assert [message["text"] for message in read(source)[0]] == [
        "a.txt",
        "b.txt",
        "sub/c.txt",
        "sub/deep/d.txt",
    ]
    assert open_source(tmp_path / "*.txt", limit=1).total == 1


def test_long_text_files_are_taken_a_few_at_a_time(tmp_path: Path) -> None:
    for name in "abcd":
        write(tmp_path / f"{name}.txt", "x" * 6_000_000)
    source = open_source(tmp_path / "*.txt")
    first = source.take(10)
    assert (len(first.table), first.ended) == (3, False)
    assert (len(source.take(10).table), source.take(10).ended) == (1, True)


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "a.txt", "home")
    assert messages_of("~/a.txt") == [{"document": "home"}]


def test_a_file_whose_name_looks_like_a_glob_is_itself(tmp_path: Path) -> None:
    write(tmp_path / "a[1].txt", "brackets")
    write(tmp_path / "a1.txt", "plain")
    assert messages_of(tmp_path / "a[1].txt") == [{"document": "brackets"}]


def test_lines_of_a_text_file_are_messages(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\ufeffone\r\n\ntwo \n\nlast")
    expected = [{"document": text} for text in ("one", "", "two ", "", "last")]
    assert messages_of(path, lines=True) == expected
    assert messages_of(write(tmp_path / "a.LOG", "x\n"), lines=True) == [{"document": "x"}]
    assert messages_of(write(tmp_path / "a.log.gz", "x\n"), lines=True) == [{"document": "x"}]
    assert messages_of(write(tmp_path / "empty.txt", ""), lines=True) == []


def test_text_that_is_not_utf8_is_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"one\ncaf\xe9\r\nthree")
    messages, unreadable = read(open_source(path, lines=True))
    assert messages == [{"document": "one"}, {"document": "three"}]
    place = {"path": str(path), "line": 2, "text": "caf\\xe9"}
    assert unreadable == [(1, place, "UnicodeDecodeError")]
    write(tmp_path / "b.txt", "fine")
    messages, unreadable = read(open_source(tmp_path / "*.txt"))
    assert messages == [{"document": "fine"}]
    assert unreadable == [(0, {"path": str(path)}, "UnicodeDecodeError")]


def test_a_file_that_went_away_is_unreadable(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.jsonl", "d.csv", "e.jsonl", "f.parquet"):
        write(tmp_path / name, "w\n1\n")
    pd.DataFrame({"w": [1]}).to_parquet(tmp_path / "f.parquet")
    write(tmp_path / "e.jsonl", "5\n")
    source = open_source(tmp_path / "*")
    for name in ("a.txt", "c.jsonl", "d.csv", "f.parquet"):
        (tmp_path / name).unlink()
    messages, unreadable = read(source)
    assert messages == [{"document": "w\n1\n"}, {"document": 5}]
    assert [Path(place["path"]).name for _, place, _ in unreadable] == [
        "a.txt",
        "c.jsonl",
        "d.csv",
        "f.parquet",
    ]
    assert [before for before, *_ in unreadable] == [0, 1, 1, 2]


def test_json_lines_are_records_and_values(tmp_path: Path) -> None:
    lines = ['{"w": "é", "n": 1}', "", '{"w": "b", "n": [2]}', " ", '"plain"', "7", "{}", "null"]
    for name in ("a.jsonl", "a.ndjson", "a.jsonl.gz"):
        path = write(tmp_path / name, "\ufeff" + "\r\n".join(lines))
        assert messages_of(path, field="value") == [
            {"w": "é", "n": 1},
            {"w": "b", "n": [2]},
            {"value": "plain"},
            {"value": 7},
            {},
            {"value": None},
        ]


def test_json_lines_alike_become_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"w": "a", "n": 1}\n{"w": "b", "n": 2}\n')
    assert open_source(path).take(5).table == ListTable(("w", "n"), [["a", "b"], [1, 2]], 2)


def test_json_lines_that_do_not_parse_are_unreadable(tmp_path: Path) -> None:
    content = b'{"a": 1}\n{"a": \n\n{"a": "\xff"}\n{"a b": 1}\n{"a": 2}\n{"a": 3} x\n'
    path = write(tmp_path / "a.jsonl", content)
    messages, unreadable = read(open_source(path))
    assert messages == [{"a": 1}, {"a": 2}]
    assert unreadable == [
        (1, {"path": str(path), "line": 2, "text": '{"a": '}, "DecodeError"),
        (1, {"path": str(path), "line": 4, "text": '{"a": "\\xff"}'}, "UnicodeDecodeError"),
        (1, {"path": str(path), "line": 5, "text": '{"a b": 1}'}, "DeclarationError"),
        (2, {"path": str(path), "line": 7, "text": '{"a": 3} x'}, "DecodeError"),
    ]


def test_csv_values_are_text_whatever_they_look_like(tmp_path: Path) -> None:
    content = '\ufeff\nw,n\r\na,1\r\n\r\n"b, c",\r\n"two\nlines",007\r\n   \n"say ""hi""",nan'
    expected = [
        {"w": "a", "n": "1"},
        {"w": "b, c", "n": ""},
        {"w": "two\nlines", "n": "007"},
        {"w": 'say "hi"', "n": "nan"},
    ]
    for name in ("a.csv", "a.CSV", "a.csv.gz"):
        assert messages_of(write(tmp_path / name, content)) == expected


def test_csv_rows_become_columns_of_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "w,n\na,1\nb,2\n")
    assert open_source(path).take(5).table == ListTable(("w", "n"), [["a", "b"], ["1", "2"]], 2)
    assert messages_of(write(tmp_path / "b.csv", "w\n")) == []


def test_csv_records_that_do_not_parse_are_unreadable(tmp_path: Path) -> None:
    content = b'w,n\na,1\nb\n"c\nc",2,3\nd\xff,4\n"e"e,5\nf,6\n'
    path = write(tmp_path / "a.csv", content)
    source = open_source(path)
    taken = source.take(10)
    assert records(taken) == [{"w": "a", "n": "1"}, {"w": "f", "n": "6"}]
    assert [one.place for one in taken.unreadable] == [
        {"path": str(path), "line": 3, "text": "b"},
        {"path": str(path), "line": 4, "text": '"c\nc",2,3'},
        {"path": str(path), "line": 6, "text": "d\\xff,4"},
        {"path": str(path), "line": 7, "text": '"e"e,5'},
    ]
    first, second, third, fourth = (one.error for one in taken.unreadable)
    assert str(first) == "1 cell where the header has 2: w, n"
    assert isinstance(second, SourceError)
    assert isinstance(third, UnicodeDecodeError)
    assert isinstance(fourth, csv.Error)


def test_a_quote_that_never_closes_swallows_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'w,n\na,1\n"b,2\n' + "c,3\n" * 50_000)
    messages, unreadable = read(open_source(path))
    assert messages == [{"w": "a", "n": "1"}] + [{"w": "c", "n": "3"}] * 50_000
    assert unreadable == [(1, {"path": str(path), "line": 3, "text": '"b,2'}, "Error")]


def test_a_cell_longer_than_csv_allows_says_how_to_allow_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"w,n\n{'x' * (csv.field_size_limit() + 1)},1\nb,2\n")
    taken = open_source(path).take(5)
    assert records(taken) == [{"w": "b", "n": "2"}]
    assert "csv.field_size_limit(" in str(taken.unreadable[0].error)


def test_line_numbers_hold_across_takes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'w,n\n"a\na",1\nb\n\nc,1\n"d\n",1\ne\nf,1\n')
    source = open_source(path)
    messages, unreadable = read(source, iter([1] * 20))
    assert [message["w"] for message in messages] == ["a\na", "c", "d\n", "f"]
    assert [place["line"] for _, place, _ in unreadable] == [4, 9]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("first name,n\n", r"field 'first name' is not a valid name.*'first name': 'first_name'"),
        ("w,2nd\n", r"field '2nd'.*'2nd': 'column_2nd'"),
        ("w,class\n", r"field 'class' is a Python keyword.*'class': 'class_'"),
        ("w,w\n", r"field 'w' is named twice.*set_axis\(\['w_0', 'w_1'\], axis=1\)"),
        ("w,\n", r"field '' is not a valid name.*set_axis\(\['w', 'column'\], axis=1\)"),
        ("w;n\n1;2\n", r"field 'w;n' is not .*: push pd\.read_csv\('.*', sep=';', dtype=str\)"),
        ("w\tn\n1\t2\n", r"push pd\.read_csv\('.*', sep='\\t', dtype=str\)"),
        ("", "is empty; a CSV file begins with a line of field names"),
        ("\n\n", "is empty"),
        (b"\xff,n\n", r"header does not parse.*pd\.read_csv"),
        ('"w,n\n', r"header does not parse.*pd\.read_csv"),
    ],
)
def test_a_header_that_gives_no_fields_is_refused(
    tmp_path: Path, content: str | bytes, problem: str
) -> None:
    write(tmp_path / "a.csv", "w,n\n")
    path = write(tmp_path / "b.csv", content)
    with pytest.raises(SourceError, match=f"(?s)b.csv: .*{problem}"):
        open_source(tmp_path / "*.csv")
    assert path.exists()


@pytest.mark.parametrize("name", ["a.log", "a.csv", "a.jsonl"])
def test_a_file_that_becomes_shorter_meanwhile_is_told(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "w\n" + "1\n" * 200_000)
    source = open_source(path, lines=name.endswith(".log"))
    assert len(records(source.take(10))) == 10 or name == "a.jsonl"
    os.truncate(path, 4)
    unreadable = read(source)[1]
    assert [kind for *_, kind in unreadable][-1:] == ["OSError"]


@pytest.mark.parametrize("name", ["a.log", "a.csv"])
def test_a_file_that_grows_meanwhile_is_read_to_its_end(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "w\n" + "1\n" * 200_000)
    source = open_source(path, lines=name.endswith(".log"))
    source.take(10)
    with path.open("a") as file:
        file.write("2\n")
    messages, unreadable = read(source, iter([300_000, 10]))
    assert list(messages[-1].values()) == ["2"]
    assert unreadable == []


@pytest.mark.parametrize("header", ["w,", ",,2nd", ",column,class", "w;n"])
def test_the_way_out_of_a_header_works(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "a.csv", f"{header}\n{re.sub('[^,;]*', '1', header)}\n")
    with pytest.raises(SourceError) as at:
        open_source(path)
    proposed = str(at.value).partition("To rename: push ")[2]
    assert proposed
    taken = open_source(eval(proposed, {"pd": pd})).take(5)
    assert len(records(taken)) == 1


def test_files_are_read_one_after_another_whatever_is_in_them(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "w\na\n")
    write(tmp_path / "b.csv", "w\nb\n")
    write(tmp_path / "c.csv", "v,w\n1,c\n")
    write(tmp_path / "d.jsonl", '{"w": "d"}\n')
    write(tmp_path / "e.txt", "e")
    pd.DataFrame({"w": ["f"]}).to_parquet(tmp_path / "f.parquet")
    source = open_source(tmp_path / "*")
    assert source.total is None
    expected = [{"w": "a"}, {"w": "b"}, {"v": "1", "w": "c"}, {"w": "d"}, {"document": "e"}]
    assert read(source)[0] == [*expected, {"w": "f"}]
    together = open_source(tmp_path / "[ab].csv").take(5)
    assert together.table == ListTable(("w",), [["a", "b"]], 2)


def test_a_file_cut_off_gives_what_is_in_it(tmp_path: Path) -> None:
    """A gzip file without its end: all lines that are there, then one unreadable place."""
    content = b"".join(b"line %d of the file\n" % n for n in range(5000))
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(content)[:-4000])
    write(tmp_path / "b.txt.gz", "next\n")
    messages, unreadable = read(open_source(tmp_path / "*.gz", lines=True))
    assert 100 < len(messages) < 5000
    assert [message["document"] for message in messages[:-1]] == [
        f"line {n} of the file" for n in range(len(messages) - 1)
    ]
    assert messages[-1] == {"document": "next"}
    place = {"path": str(path), "line": len(messages)}
    assert unreadable == [(len(messages) - 1, place, "EOFError")]


def test_a_csv_file_cut_off_gives_what_is_in_it(tmp_path: Path) -> None:
    content = b"w,n\n" + b"".join(b"line %d of the file,1\n" % n for n in range(5000))
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(content)[:-4000])
    messages, unreadable = read(open_source(path))
    assert 100 < len(messages) < 5000
    place = {"path": str(path), "line": len(messages) + 2}
    assert unreadable == [(len(messages), place, "EOFError")]


def test_a_file_that_is_no_gzip_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_text("1\n")
    write(tmp_path / "b.jsonl.gz", "2\n")
    messages, unreadable = read(open_source(tmp_path / "*"))
    assert messages == [{"document": 2}]
    assert [error for *_, error in unreadable] == ["BadGzipFile"]
    (tmp_path / "a.csv.gz").write_text("a\n1\n")
    with pytest.raises(SourceError, match=r"a\.csv\.gz: cannot be read: Not a gzipped file"):
        open_source(tmp_path / "a.csv.gz")


def test_a_path_that_matches_nothing_says_where_it_looked(tmp_path: Path) -> None:
    write(tmp_path / "books" / "walden.txt", "")
    with pytest.raises(SourceError) as at:
        open_source(f"{tmp_path}/books/waldn.txt")
    assert f"looked in {tmp_path / 'books'}. Did you mean `walden.txt`?" in str(at.value)
    with pytest.raises(SourceError, match=r"no such file; .* Did you mean `books`\?"):
        open_source(tmp_path / "boks" / "walden.txt")
    with pytest.raises(SourceError, match=r"bo\*\.csv': no file matches; looked in"):
        open_source(f"{tmp_path}/books/bo*.csv")


@pytest.mark.parametrize("text", ["It was night.", "one\ntwo?", "", " ", "what is [this]? " * 500])
def test_text_is_no_path_and_the_error_says_so(text: str) -> None:
    with pytest.raises(SourceError, match=r"always a path, never text.*\[text\]") as at:
        open_source(text)
    assert len(str(at.value)) < 500


@pytest.mark.parametrize("text", ["x" * 5000, "nul\0.txt", "*\0", "~nobody/none.txt"])
def test_strange_paths_match_nothing(text: str) -> None:
    with pytest.raises(SourceError, match="looked in"):
        open_source(text)


def test_a_folder_says_how_to_push_its_files(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "")
    with pytest.raises(SourceError, match=r"is a folder; push the files in it: .*\*\.jsonl"):
        open_source(str(tmp_path))
    (tmp_path / "a.jsonl").rename(tmp_path / "README")
    with pytest.raises(SourceError, match=r"no file of a suffix .*/\* with lines=True \(--lines\)"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("name", ["a.pdf", "noname", "a.parquet.gz", "a.gz", ".gz"])
def test_a_suffix_that_is_not_known_names_those_that_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        SourceError, match=r"\.txt, \.csv, \.jsonl, \.ndjson, \.parquet.*lines=True"
    ):
        open_source(write(tmp_path / name, "x"))


READER = """
import sys, psutil
from emitnb.sources import open_source
path, rows, lines = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
process = psutil.Process()
open_source([1]).take(1)
source = open_source(path, lines=lines)
before, used, ended = process.memory_info().rss, 0, False
while not ended:
    taken = source.take(1000)
    rows -= len(taken.table)
    used = max(used, process.memory_info().rss - before)
    ended = taken.ended
assert rows == 0
print(used)
"""


def most_used(path: Path, rows: int, lines: bool = False) -> int:
    """Read all of a file in a process of its own; return the bytes that it grew by at most."""
    command = [sys.executable, "-c", READER, str(path), str(rows), str(lines)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl", "a.txt.gz", "a.csv.gz"])
def test_a_long_file_is_not_held(tmp_path: Path, name: str) -> None:
    """Reading 60 MB in takes of 1 MB never needs 30 MB."""
    row = json.dumps("x" * 998) + "\n" if "jsonl" in name else "x" * 1000 + "\n"
    path = write(tmp_path / name, ("text\n" if "csv" in name else "") + row * 60_000)
    assert most_used(path, 60_000, lines="txt" in name) < 30_000_000


def test_a_long_parquet_file_is_not_held(tmp_path: Path) -> None:
    """Reading 192 MB, all in one row group, takes less (measured: 70 to 90 MB)."""
    random = np.random.default_rng(0)
    path = tmp_path / "a.parquet"
    table = pa.table({f"x{n}": random.random(2_000_000) for n in range(12)})
    pq.write_table(table, path, row_group_size=2_000_000, compression="none")
    assert most_used(path, 2_000_000) < 150_000_000


@finalizers_may_complain
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_interrupt_anywhere_loses_no_line(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"a.csv{suffix}", b'w,n\na,1\nb\n"c\nc",2\n\xff,3\n"d,4\ne,5\nf,6\n')
    write(tmp_path / f"b.jsonl{suffix}", '{"w": 1}\n{"v": 2}\n\n{\n{"w": 3}\n{"w": 4}\n')
    write(tmp_path / f"c.jsonl{suffix}", "1\n2\n3\n")
    write(tmp_path / f"d.txt{suffix}", "x")
    write(tmp_path / f"e.txt{suffix}", b"\xff")
    interrupted_everywhere(lambda: tmp_path / "*", step=3)
    interrupted_everywhere(lambda: tmp_path / f"[bc]*{suffix}", step=3, lines=True)


@settings(deadline=None)
@given(dirty_lines, endings, sizes, st.none() | st.integers(0, 12))
def test_take_sizes_never_show_in_files(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[bytes],
    ending: bytes,
    sizes: list[int],
    limit: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("files")
    content = ending.join(lines)
    write(folder / "a.csv", b"w,n" + ending + content)
    write(folder / "b.csv.gz", b"w" + ending + content)
    write(folder / "c.jsonl", content)
    write(folder / "d.jsonl.gz", content)
    write(folder / "e.txt", content)
    write(folder / "f.txt.gz", content)
    same_in_any_sizes(lambda: folder / "*", sizes, limit=limit)
    same_in_any_sizes(lambda: folder / "*", sizes, limit=limit, lines=True)


@settings(deadline=None)
@given(dirty_lines, sizes)
def test_no_line_of_a_csv_file_is_lost(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], sizes: list[int]
) -> None:
    """Every line that is not blank is in the text of a message or of an unreadable place."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write(path, b"w,n\n" + b"\n".join(lines))
    messages, unreadable = read(open_source(path), iter(sizes))
    text = json.dumps([messages, [place["text"] for _, place, _ in unreadable]])
    for line in lines:
        for cell in line.decode(errors="backslashreplace").replace('"', "").split(","):
            assert json.dumps(cell.strip())[1:-1] in text.replace('\\"', "")
