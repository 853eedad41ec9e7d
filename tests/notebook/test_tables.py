"""Frames as a notebook shows them: which rows, in which order, as which text."""

from __future__ import annotations

import copy
import datetime
import decimal
import gc
import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import hypothesis.extra.pandas as frames
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emitnb.notebook.tables import table
from emitnb.notebook.values import short, shown


@dataclass
class Row:
    """A row of a table: what it says, and where it stands in which order."""

    index: str = ""
    cells: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    is_hidden: bool = False
    is_gap: bool = False


class Table(HTMLParser):
    """Reads the HTML of a table as a browser would, but for the style."""

    VOID = ("br",)

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[str] = []
        self.rows: list[Row] = []
        self.heads: list[list[str]] = []
        self.titles: list[str] = []
        self.lines: list[str] = []
        self.attributes: set[str] = set()
        self.choices: list[tuple[str, str]] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.append(tag)
        self.attributes.update(given)
        if tag not in self.VOID:
            self._open.append((tag, given))
        if tag == "p":
            self.lines.append("")
        if tag == "details":
            self.choices.append((str(given["name"]), str(given["class"]).split()[0]))
        if tag == "th" and self._within("thead"):
            self.heads.append([])
            self.titles.append(given.get("title") or "")
        if self._within("tbody") and tag == "tr":
            self.rows.append(Row(is_gap=given.get("class") == "gap"))
            self.rows[-1].is_hidden = any("hidden" in given for _, given in self._open)
            places = re.findall(r"--(\w+):(\d+)", given.get("style") or "")
            self.rows[-1].places = {key: int(place) for key, place in places}
        if self._within("tbody") and tag == "td":
            self.rows[-1].cells.append("")
            self.rows[-1].titles.append(given.get("title") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._within("p"):
            self.lines[-1] += data
        elif self._within("thead") and self.heads:
            self.heads[-1].append(data)
        elif self._within("td"):
            self.rows[-1].cells[-1] += data
        elif self._within("tbody"):
            self.rows[-1].index += data

    def _within(self, tag: str) -> bool:
        return any(open_tag == tag for open_tag, _ in self._open)

    def seen(self) -> list[str]:
        """The index of each row that is seen at first, and ``⋮`` for those left out."""
        return [seen_as(row) for row in self.rows if not row.is_hidden]

    def chosen(self, key: str) -> list[str]:
        """The same where an order is chosen."""
        found = [(row.places[key], row.index) for row in self.rows if key in row.places]
        gap = re.search(r"--gap:(\d+)", self.html)
        assert gap
        found += [(int(gap[1]), seen_as(row)) for row in self.rows if row.is_gap]
        assert len({place for place, _ in found}) == len(found)
        return [index for _, index in sorted(found)]


def seen_as(row: Row) -> str:
    return row.cells[0] if row.is_gap else row.index


def ends(rows: Sequence[Any], count: int) -> list[str]:
    """The first and last rows, and how many are between them."""
    texts = [str(row) for row in rows]
    if len(texts) <= 2 * count:
        return texts
    more = len(texts) - 2 * count
    dots = f"⋮ {more:,} more row{'s' if more > 1 else ''}"
    return [*texts[:count], dots, *texts[-count:]]


def expected(column: pd.Series[Any], count: int, *, ascending: bool) -> list[str]:
    ordered = column.sort_values(kind="stable", na_position="last", ascending=ascending)
    return ends(ordered.index, count)


# --- orders -----------------------------------------------------------------------------------


def test_first_and_last_rows_are_shown_and_the_others_counted():
    shown = Table(table(pd.DataFrame({"n": range(1_254)})))
    assert shown.seen() == ends(range(1_254), 10)
    assert shown.seen()[10] == "⋮ 1,234 more rows"
    assert shown.lines == ["1,254 rows × 1 column"]


def test_a_column_sorts_all_rows_and_not_only_those_that_were_shown():
    values = np.random.default_rng(7).permutation(1_000)
    shown = Table(table(pd.DataFrame({"n": values})))
    order = np.argsort(values)
    assert shown.chosen("a0") == ends(order, 10)
    assert shown.chosen("d0") == ends(order[::-1], 10)


COLUMNS = {
    "int": st.integers(-3, 3),
    "large": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=16),
    "text": st.one_of(st.text("aäz\n ", max_size=3), st.none()),
    "time": st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(1990, 1, 2)),
    "bool": st.booleans(),
    "object": st.one_of(st.integers(-2, 2), st.floats(-2, 2), st.booleans(), st.none()),
    "decimal": st.one_of(st.decimals(-2, 2, places=1), st.none()),
}
DTYPES = {
    "int": ["int8", "Int64", "float32", "category", "object"],
    "large": ["int64", "Int64", "object"],
    "float": ["float64", "float16", "object"],
    "text": ["str", "object", "category", pd.StringDtype("python"), pd.StringDtype("pyarrow")],
    "time": ["datetime64[us]", "datetime64[ns, UTC]", "object"],
    "bool": ["bool", "boolean", "object"],
    "object": ["object"],
    "decimal": ["object"],
}


@st.composite
def columns(draw: st.DrawFn) -> pd.Series[Any]:
    kind = draw(st.sampled_from(sorted(COLUMNS)))
    values = draw(st.lists(COLUMNS[kind], max_size=60))
    column = pd.Series(values, dtype="object").astype(draw(st.sampled_from(DTYPES[kind])))
    if draw(st.booleans()) and column.dtype != "bool" and "int" not in str(column.dtype):
        column[draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))] = None
    return column


@given(columns())
@settings(deadline=None, max_examples=300)
def test_the_orders_are_those_of_a_stable_sort_by_pandas(column):
    shown = Table(table(column.to_frame("c")))
    assert [key for _, key in shown.choices] == ["a0", "d0"]
    assert shown.chosen("a0") == expected(column, 10, ascending=True)
    assert shown.chosen("d0") == expected(column, 10, ascending=False)


@given(
    frames.data_frames(
        [frames.column(f"c{n}", dtype=np.dtype(kind)) for n, kind in enumerate("ifb" * 3)],
        index=frames.range_indexes(max_size=30),
    )
)
@settings(deadline=None, max_examples=40)
def test_a_wide_frame_has_orders_for_each_column_and_fewer_rows_of_each(frame):
    shown = Table(table(frame))
    assert shown.seen() == ends(frame.index, 5)
    for number, name in enumerate(frame):
        assert shown.chosen(f"a{number}") == expected(frame[name], 5, ascending=True)
        assert shown.chosen(f"d{number}") == expected(frame[name], 5, ascending=False)


NEITHER = {
    "dicts": [{"n": 1}, {"n": 2}],
    "text and numbers": ["a", 1],
    "times with and without zone": [
        datetime.datetime(2024, 1, 1),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
    ],
    "decimals that compare with nothing": [decimal.Decimal(1), decimal.Decimal("sNaN")],
    "complex": [1j, 2j],
}


@pytest.mark.parametrize("values", NEITHER.values(), ids=NEITHER)
def test_a_column_without_an_order_offers_none_and_says_why(values):
    shown = Table(table(pd.DataFrame({"c": values * 20, "n": range(40)}, dtype=object)))
    assert [key for _, key in shown.choices] == ["a1", "d1"]
    assert shown.titles[0].startswith("not sorted: its values ")


def test_what_would_take_too_long_is_not_sorted_and_says_so(monkeypatch):
    monkeypatch.setattr("emitnb.notebook.tables.BUDGET", 1_000)
    shown = Table(table(pd.DataFrame({"n": range(600), "m": range(600), "word": ["a"] * 600})))
    assert [key for _, key in shown.choices] == ["a0", "d0"]
    assert shown.titles == ["", "not sorted: too many rows", "not sorted: too many rows"]


# --- texts ------------------------------------------------------------------------------------


HOSTILE = '<img src=x onerror="alert(1)">\'"&</style><script>alert(2)</script>'


def test_names_and_values_are_text():
    frame = pd.DataFrame([[HOSTILE, 1, {HOSTILE: HOSTILE}]], columns=[HOSTILE, "", HOSTILE])
    frame.index.name = HOSTILE
    frame.attrs["stale"] = HOSTILE
    shown = Table(table(frame))
    plain = Table(table(pd.DataFrame([["a", 1, {}]]).rename_axis("i").pipe(with_note, "c")))
    assert shown.tags == plain.tags
    assert shown.attributes <= plain.attributes | {"title"}
    assert "script" not in shown.tags
    assert shown.rows[0].cells[:2] == [HOSTILE, "1"]
    assert shown.lines[0] == HOSTILE


def with_note(frame: pd.DataFrame, note: str) -> pd.DataFrame:
    frame.attrs["stale"] = note
    return frame


def test_a_page_that_takes_styles_away_shows_a_plain_table():
    shown = Table(table(pd.DataFrame({"word": ["rain", "sun"] * 200, "n": range(400)})))
    bare = re.sub(r"<style>.*?</style>", "", shown.html, flags=re.DOTALL)
    assert shown.html.count("<style>") == 1
    assert "{" not in bare
    assert "hidden>" not in bare.replace('hidden="hidden">', "")  # some pages keep no other form
    assert bare.count("<details") == bare.count('hidden="hidden"><summary') == 4
    assert [row.is_hidden for row in shown.rows][:21] == [False] * 21
    assert all(row.is_hidden for row in shown.rows[21:])


def test_large_values_are_cut_and_tooltips_hold_more_of_them():
    large = pd.DataFrame({"page": ["<b>" * 400_000], "deep": [{"text": ["x" * 10**6] * 1000}]})
    shown = Table(table(large))
    assert len(shown.html) < 15_000
    text, deep = shown.rows[0].cells
    assert (len(text), len(deep)) == (100, 100)
    assert text == "<b>" * 33 + "…"
    assert [len(title) for title in shown.rows[0].titles] == [1000, 1000]


def test_columns_beyond_twenty_are_named():
    frame = pd.DataFrame([range(23)], columns=[f"c{n}" for n in range(23)])
    shown = Table(table(frame))
    assert len(shown.heads) == 20
    assert shown.lines == ["1 row × 23 columns; not shown: c20, c21, c22"]


def test_heads_have_names_and_dtypes():
    frame = pd.DataFrame({"word": ["a"], "n": [1], "x" * 100: [1.5]}).assign(**{"": None})
    shown = Table(table(frame))
    assert [head[-2:] for head in shown.heads] == [
        ["word", "str"],
        ["n", "int64"],
        ["x" * 39 + "…", "float64"],
        ["\xa0", "object"],
    ]
    assert shown.titles == ["", "", "x" * 100, ""]


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


LOOP: dict[str, Any] = {}
LOOP["loop"] = LOOP


@pytest.mark.parametrize(
    ("values", "dtype", "texts"),
    [
        ([1.5, None, 2 / 3], None, ["1.500000", "NaN", "0.666667"]),
        ([1.0, 20.0], None, ["1.0", "20.0"]),
        ([1e-9, 1e300, np.inf, -0.25], None, ["1e-09", "1e+300", "inf", "-0.25"]),
        ([1, None], "Int64", ["1", "<NA>"]),
        (["2024-01-01", None], "datetime64[ns]", ["2024-01-01", "NaT"]),
        (["2024-01-01 10:00"], "datetime64[ns, UTC]", ["2024-01-01 10:00:00"]),
        (["2024-01-01"], "datetime64[ns, Europe/Madrid]", ["2024-01-01"]),
        (["a\nb\tc\0", None], "object", ["a↵b⇥c�", "None"]),
        ([{"a": [1, (2,)]}, {1}, []], "object", ["{'a': [1, (2,)]}", "{1}", "[]"]),
        ([b"x", decimal.Decimal("1.50"), True], "object", ["b'x'", "1.50", "True"]),
        ([Rude(), [Rude()]], "object", ["<Rude>", "<list>"]),
    ],
)
def test_values_are_short_and_honest(values, dtype, texts):
    assert [value.text for value in shown(pd.Series(values, dtype=dtype))] == texts


def test_a_value_that_holds_itself_is_shown():
    assert short(LOOP).startswith("{'loop': {'loop': ")


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (pd.DataFrame(), "0 rows × 0 columns"),
        (pd.DataFrame(index=range(3)), "3 rows × 0 columns"),
        (pd.DataFrame({"word": []}), "0 rows × 1 column"),
        (pd.DataFrame([[1, "a"]], columns=["n", "n"]), "1 row × 2 columns"),
        (pd.DataFrame({1: ["\ud800"]}, dtype=object), "1 row × 1 column"),
    ],
)
def test_odd_frames_are_shown(frame, line):
    html = table(frame)
    html.encode()
    assert Table(html).lines == [line]


def test_two_tables_do_not_interfere():
    """Of what is open on a page there is one of a name: another table must not close it."""
    one, other = (Table(table(pd.DataFrame(n, index=range(2), columns=["n"]))) for n in "ab")
    assert {name for name, _ in one.choices}.isdisjoint(name for name, _ in other.choices)
    assert style_of(one) == style_of(other)  # so that it does not matter which comes last


def test_styles_touch_tables_only():
    (around,) = re.findall(r'^<div class="(emitnb-[-\w]+ emitnb-[-\w]+)', table(pd.DataFrame()))
    style = style_of(Table(table(pd.DataFrame({"n": [1], "word": ["a"]}))))
    selectors = [s for s in re.findall(r"([^{}]+)\{", style) if not s.strip().startswith("@")]
    start = "." + around.replace(" ", ".")
    assert all(part.strip().startswith(start) for s in selectors for part in s.split(","))


def style_of(shown: Table) -> str:
    (style,) = re.findall(r"<style>(.*?)</style>", shown.html, re.DOTALL)
    return style


# --- in a shell -------------------------------------------------------------------------------


@pytest.fixture
def counted(counting):
    counting.run("%emit_push ['a b a']")
    return counting


def formats(notebook: Any, value: Any) -> dict[str, str]:
    """What a notebook would be sent for a value."""
    formatter = notebook.shell.display_formatter
    formatter.active_types = formatter.format_types
    return formatter.format(value)[0]


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%emit_frame count_word", "3 rows × 2 columns"),
        ("%emit_frame", "6 rows × 4 columns"),
        ("%emit_frame count_word --lineage", "3 rows × 7 columns"),
        ("%emit_peek words -> count_word -n 2", "2 rows × 1 column"),
        ("%emit_failures --rows", "0 rows × 12 columns"),
    ],
)
def test_frames_that_magics_return_are_tables(counted, cell, line):
    frame = counted.run(cell)
    sent = formats(counted, frame)
    assert Table(sent["text/html"]).lines == [line]
    assert sent["text/plain"] == repr(frame)


def test_such_a_frame_is_a_plain_frame(counted, tmp_path):
    frame = counted.run("f = %emit_frame count_word\nf")
    mine = counted.router.frame("count_word")
    assert type(frame) is pd.DataFrame
    pd.testing.assert_frame_equal(frame, mine)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(frame)), mine)
    assert pickle.dumps(frame) == pickle.dumps(mine)
    assert type(pd.concat([frame, mine])) is pd.DataFrame
    frame.to_parquet(tmp_path / "f.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "f.parquet"), mine)
    assert frame.attrs == {}


@pytest.mark.parametrize("make", [lambda f: f.head(2), lambda f: f[:], copy.copy, copy.deepcopy])
def test_what_is_made_of_it_and_other_frames_are_shown_as_pandas_does(counted, make):
    made = make(counted.run("%emit_frame count_word"))
    assert formats(counted, made)["text/html"] == made._repr_html_()
    mine = counted.router.frame("count_word")
    assert formats(counted, mine)["text/html"] == mine._repr_html_()


def test_pushed_frames_that_are_read_back_stay_as_they_were(counting):
    counting.run("import pandas as pd\npushed = pd.DataFrame({'document': ['a']})")
    counting.run("%emit_push pushed")
    counting.run("%emit_frame __entry_point")
    assert "emitnb" not in formats(counting, counting["pushed"])["text/html"]


def test_a_frame_that_was_changed_is_shown_as_it_is_now(counted):
    frame = counted.run("f = %emit_frame count_word\nf")
    frame["twice"] = frame["count"] * 2
    assert Table(formats(counted, frame)["text/html"]).lines == ["3 rows × 3 columns"]
    frame.index = pd.MultiIndex.from_product([[1], [1, 2, 3]])
    assert formats(counted, frame)["text/html"] == frame._repr_html_()


def test_a_notebook_that_wants_no_html_gets_none(counted):
    with pd.option_context("display.notebook_repr_html", False):
        assert "text/html" not in formats(counted, counted.run("%emit_frame count_word"))


def test_frames_that_are_gone_leave_nothing_behind(counted):
    formatters = counted.shell.display_formatter.formatters
    before = {mime: len(one.singleton_printers) for mime, one in formatters.items()}
    counted.run("for _ in range(5):\n    f = %emit_frame count_word")
    counted.run("del f")
    gc.collect()
    assert {mime: len(one.singleton_printers) for mime, one in formatters.items()} == before


@pytest.fixture
def stale(counted):
    """Four rows of an older cell, as a note says."""
    source = (
        "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.upper().split()"
    )
    counted.run(source)
    return counted


NOTE = "words: 3 rows come from an older words; %emit_replay words"


def test_a_stale_frame_says_so_above_the_table_and_the_text(stale):
    frame = stale.run("%emit_frame words")
    sent = formats(stale, frame)
    assert sent["text/plain"] == f"{NOTE}\n{frame!r}"
    assert Table(sent["text/html"]).lines[0] == NOTE


@pytest.mark.parametrize(
    "cell",
    [
        "%emit_frame words",
        "%emit_frame words;",
        "f = %emit_frame words",
        "f = %emit_frame words\nf",
        "f = %emit_frame words\nf.head(2)",
        "f = %emit_frame words\ng = %emit_frame words\nf",
    ],
)
def test_a_cell_that_reads_a_stale_frame_says_so_once(stale, cell):
    assert stale.shown(cell).count(NOTE) == 1
    assert NOTE not in stale.shown("1 + 1")
