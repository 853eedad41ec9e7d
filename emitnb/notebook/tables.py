"""A DataFrame as an HTML table that sorts with one click, and runs no script.

It holds the rows that come first and last in each order of each column, and CSS shows those of
the order that was chosen: so it works on a page whose kernel is gone, and on one that runs no
script. Where a page takes styles away, too, the first and last rows are a plain table.

What is clicked are ``<details>`` of one name, of which one at a time is open. Radio buttons would
say the same with more ceremony, but are chosen with the arrow keys, which JupyterLab keeps for
itself; these answer to Tab and Enter, and clicking them again goes back to the rows' own order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from html import escape
from typing import Any, TypeAlias
from uuid import uuid4

import pandas as pd

from emitnb.notebook.orders import NoOrderError, Orders, cost, orders
from emitnb.notebook.values import Shown, is_number, short, shown
from emitnb.text import counted, cut, listed

FEW_COLUMNS, MOST_COLUMNS = 8, 20
"""So many columns are narrow enough for twice as many rows; so many are shown."""

ENDS = 5
"""First rows, and last ones, that are shown of each order; twice as many of a narrow table."""

BUDGET = 20_000_000
"""What finding the orders of a table may cost, in looks at a number: a quarter of a second."""

NAME = 40
"""Characters of a column's name that are shown."""

STYLE = """\
&{--t:var(--jp-ui-font-color1,var(--vscode-foreground,currentColor));\
--m:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#767676));\
--l:var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.3)));\
--h:var(--jp-rendermime-table-row-hover-background,rgba(128,128,128,.15));\
--a:var(--jp-brand-color1,var(--vscode-textLink-foreground,#1976d2));\
color:var(--t);font-family:var(--jp-ui-font-family,system-ui,sans-serif);\
font-size:var(--jp-ui-font-size1,13px);line-height:1.4;overflow-x:auto;isolation:isolate}
& p{margin:0;padding:2px 8px;color:var(--m);text-align:left}
& p.stale{margin:2px 0;border-left:3px solid var(--jp-warn-color1,#f57c00);color:var(--t)}
& table{width:max-content;max-width:none;margin:0;border:0;border-collapse:collapse;\
table-layout:auto;font-size:inherit;color:inherit;background:none}
& thead tr,& tbody tr{background:none;padding:0;border:0;border-bottom:1px solid var(--l)}
& tbody tr:hover{background:var(--h)}
& th,& td{padding:2px 8px;border:0;color:inherit;background:none;text-align:left;\
vertical-align:top;font-weight:400;line-height:inherit;max-width:45ch;white-space:pre-wrap;\
overflow-wrap:break-word;font-variant-numeric:tabular-nums;box-sizing:border-box}
& thead th{position:relative;font-weight:600;vertical-align:bottom}
& thead br{display:none}
& thead small{display:block;font-weight:400;font-size:85%;color:var(--m);padding-right:2.4em}
& tbody th,& .na,& .gap td{color:var(--m)}
& tbody th{text-align:right}
"""

SORTING = """\
@supports (grid-template-columns:subgrid) and selector(:has(a)){
& table{display:grid;grid-template-columns:repeat(var(--n),auto);justify-content:start}
& thead,& tbody{display:contents}
& tr{display:grid;grid-template-columns:subgrid;grid-column:1/-1}
& tbody[hidden] tr{display:none}
& .gap td{grid-column:1/-1;max-width:none}
& thead th{align-self:end}
& details,& summary{display:block;position:absolute;inset:0;margin:0;padding:0;border:0;\
cursor:pointer;list-style:none;background:none}
& summary::-webkit-details-marker{display:none}
& summary::before{position:absolute;right:8px;bottom:5px;font-size:9px;line-height:1;\
color:var(--m);opacity:.6;content:"\\25BC"}
& .up summary::before{right:17px;content:"\\25B2"}
& thead th:hover summary::before{opacity:1}
& details[open] summary::before{color:var(--a);opacity:1}
& summary:focus-visible{outline:2px solid var(--a);outline-offset:-2px}
& .up,& .down[open],& .up[open]+.down{z-index:1}
& .up[open],& .up:has(+.down[open]){z-index:0}
&:has([open]) tbody tr:not(.gap){display:none}
&:has([open]) .gap{order:var(--gap)}
%s}
"""

ORDER = "&:has(.{0}[open]) tbody tr[style*='--{0}:']{{display:grid;order:var(--{0})}}"
"""Shows the rows of an order, by what they say about their places in it."""

NUMBERS = "&.n{0} tr>:nth-child({0}){{text-align:right}}"
"""Sets a column of numbers; the element around the table says which they are."""

CLASSES = ("emitnb-frame", f"emitnb-{blake2s((STYLE + SORTING).encode()).hexdigest()[:6]}")
"""Of the element around a table: styles touch nothing else, nor tables of another version."""


@dataclass(slots=True)
class _Column:
    """A column that is shown."""

    values: pd.Series[Any]
    name: str
    orders: Orders | None = None
    reason: str = ""


_Rows: TypeAlias = dict[int, dict[str, int]]
"""The rows that are shown in some order, with their places in each by its key."""


def table(frame: pd.DataFrame) -> str:
    """Return a frame as HTML: first and last rows, dtypes, and orders to choose from.

    Parameters
    ----------
    frame : with one level of index and of columns; ``frame.attrs["stale"]`` stands above it

    Names and values are text, whatever they hold, and cut where they are long.

    >>> "2 rows × 1 column" in table(pd.DataFrame({"word": ["rain", "sun"]}))
    True
    """
    columns = [
        _Column(frame.iloc[:, place], short(frame.columns[place], 1000))
        for place in range(min(len(frame.columns), MOST_COLUMNS))
    ]
    ends = ENDS * (2 if len(columns) <= FEW_COLUMNS else 1)
    first, last = (ends, ends) if len(frame) > 2 * ends else (len(frame), 0)
    _find_orders(columns, first, last)
    rows: _Rows = {place: {} for place in (*range(first), *range(len(frame) - last, len(frame)))}
    _add_places(rows, columns, first)
    numbers = [n for n, one in enumerate(columns, start=2) if is_number(one.values.dtype)]
    classes = " ".join([*CLASSES, *(f"n{number}" for number in numbers)])
    parts = [
        f'<div class="{classes}" style="--n:{len(columns) + 1};--gap:{first + 1}">',
        f"<style>{_style(columns, numbers)}</style>",
        *_stale(frame),
        f"<table><thead>{_head(frame, columns)}</thead><tbody>",
        *_body(frame, columns, rows, first, last),
        f"</tbody></table><p>{_foot(frame, columns)}</p></div>",
    ]
    # Half a surrogate pair is no text that could be sent to a page.
    return "".join(parts).encode("utf-8", "replace").decode("utf-8")


def _find_orders(columns: Iterable[_Column], first: int, last: int) -> None:
    left = BUDGET
    for column in columns:
        needed = cost(column.values)
        if needed > left:
            column.reason = "not sorted: too many rows"
            continue
        left -= needed
        try:
            column.orders = orders(column.values, first, last)
        except NoOrderError as error:
            column.reason = f"not sorted: {error}"


def _add_places(rows: _Rows, columns: Sequence[_Column], first: int) -> None:
    """Add the places that rows have in all orders, and the rows that are shown only there."""
    for number, column in enumerate(columns):
        if column.orders is None:
            continue
        for key, order in (("a", column.orders.ascending), ("d", column.orders.descending)):
            for place, row in enumerate(order, start=1):
                # The line with the dots has a place too, between the first rows and the last.
                rows.setdefault(row, {})[f"{key}{number}"] = place + (place > first)


def _style(columns: Sequence[_Column], numbers: Iterable[int]) -> str:
    """What this table needs of a style that is the same for all tables."""
    keys = [f"{key}{n}" for n, one in enumerate(columns) if one.orders for key in "ad"]
    rules = [STYLE, *map(NUMBERS.format, numbers)]
    if keys:
        rules.append(SORTING % "\n".join(map(ORDER.format, keys)))
    return "\n".join(rules).replace("&", "." + ".".join(CLASSES))


def _head(frame: pd.DataFrame, columns: Sequence[_Column]) -> str:
    group = f"emitnb-{uuid4().hex[:12]}"  # of one name, one is open on a whole page
    name = "" if frame.index.name is None else short(frame.index.name, NAME)
    cells = [f'<th scope="col">{escape(name)}</th>' if name else "<td></td>"]
    for number, column in enumerate(columns):
        text = cut(column.name, NAME)
        title = "\n".join(filter(None, [column.name if text != column.name else "", column.reason]))
        cells.append(
            f'<th scope="col"{_title(title)}>{escape(text) or "&nbsp;"}'
            f"<br><small>{escape(cut(str(column.values.dtype), NAME))}</small>"
            f"{_controls(group, number, text) if column.orders else ''}</th>"
        )
    return f"<tr>{''.join(cells)}</tr>"


def _controls(group: str, number: int, name: str) -> str:
    """What is clicked, one above the other; hidden where there is no style."""
    ways = (("a", "up", "ascending"), ("d", "down", "descending"))
    return "".join(
        f'<details name="{group}" class="{key}{number} {way}" hidden="hidden">'
        f'<summary aria-label="sort by {escape(name)}, {said}"></summary></details>'
        for key, way, said in ways
    )


def _body(
    frame: pd.DataFrame, columns: Sequence[_Column], rows: _Rows, first: int, last: int
) -> Iterator[str]:
    places = list(rows)
    taken = [shown(column.values.iloc[places]) for column in columns]
    labels = shown(frame.index[places].to_series())
    for number, (label, place) in enumerate(zip(labels, rows.values(), strict=True)):
        if last and number == first:
            more = counted(len(frame) - first - last, "more row")
            yield f'<tr class="gap"><td colspan="{len(columns) + 1}">⋮ {more}</td></tr>'
        if number == first + last:
            # A page that takes styles away also takes `hidden`, but not with a value.
            yield '</tbody><tbody hidden="hidden">'
        cells = "".join(_cell(values[number]) for values in taken)
        yield f'<tr{_order(place)}><th scope="row">{escape(label.text)}</th>{cells}</tr>'


def _order(places: Mapping[str, int]) -> str:
    texts = (f"--{key}:{place}" for key, place in places.items())
    return f' style="{";".join(texts)}"' if places else ""


def _cell(value: Shown) -> str:
    kind = ' class="na"' if value.is_missing else ""
    return f"<td{kind}{_title(value.more)}>{escape(value.text, quote=False)}</td>"


def _title(text: str) -> str:
    return f' title="{escape(text)}"' if text else ""


def _stale(frame: pd.DataFrame) -> Iterator[str]:
    if "stale" in frame.attrs:
        yield f'<p class="stale">{escape(str(frame.attrs["stale"]))}</p>'


def _foot(frame: pd.DataFrame, columns: Sequence[_Column]) -> str:
    size = f"{counted(len(frame), 'row')} × {counted(len(frame.columns), 'column')}"
    out = [cut(short(name), NAME) for name in frame.columns[len(columns) :]]
    return escape(f"{size}; not shown: {listed(out, 50)}" if out else size)
