"""A static picture of the graph: SVG text, without scripts, fonts or ids of its own.

Colours come from the page where it has some (JupyterLab's and VS Code's variables) and from the
colour of the text around it elsewhere, so that it reads on light and on dark. What many elements
look like is said once, on the groups they are in: the picture is saved with the notebook.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from emitnb.declaration import field_texts
from emitnb.dot import back_edges, node_notes, pattern_routes
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, PORT, node_of
from emitnb.picture.layout import Layout, Line, Point, Route, layout

MOST_NODES = 2000
MOST_ROUTES = 10_000
PAGE_WIDTH = 1000.0
"""Wider than this, a page would shrink the picture; then one that goes downward may fit better."""

LEAST_SCALE = 0.6
"""A page shrinks the picture to this at the most, so that its text can still be read."""

MARGIN = 12
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
CHARACTER, LINE_HEIGHT = 0.602, 1.4
"""Width of a character of those fonts, and height of a line, in parts of the font's size."""

LONGEST = 34
"""Characters of a line in a box; the whole text is in the tooltip."""

LOOKS = {
    "": ' fill-opacity=".75"',
    "origin": "",
    "name": ' font-size="13" font-weight="600"',
    "emitted": ' style="fill:var(--emitnb-accent)"',
    "failed": ' style="fill:var(--emitnb-wrong);font-weight:600"',
    "stale": ' font-weight="600" font-style="italic"',
}
"""Of the texts in a box, beside what they have in common."""

DASHES = {
    (False, False): "",
    (True, False): ";stroke-dasharray:5 4",
    (False, True): ";stroke-dasharray:1.5 3.5",
    (True, True): ";stroke-dasharray:6 3 1 3",
}
"""Of lines, by whether they come from a port or lead back, and whether a pattern gives them."""

COLOURS = {
    "text": ("var(--jp-ui-font-color1,var(--vscode-foreground,currentColor))", "#1f2328"),
    "accent": ("var(--jp-brand-color1,var(--vscode-textLink-foreground,#1e88e5))", "#1976d2"),
    "wrong": ("var(--jp-error-color1,var(--vscode-errorForeground,#e5484d))", "#d32f2f"),
}
"""Each by what it is for: what a page gives, and what it is in a file of its own."""


class Count(NamedTuple):
    """What a node did: messages it emitted, messages that failed in it, and its stale rows.

    Stale rows come from an older revision of the node or of one before it.
    """

    emitted: int
    failed: int = 0
    stale: int = 0


Counts = Mapping[str, Count]
"""What each node did, by its name."""


class _Row(NamedTuple):
    """A line of text in a box."""

    text: str
    size: int = 11
    look: str = ""


def why_no_picture(graph: Graph) -> str:
    """Return why there is no picture of a graph, or "" if there can be one."""
    routes = sum(len(graph.origins(name)) for name in graph.nodes)
    if not graph.nodes:
        return "No picture: there are no nodes."
    if len(graph.nodes) > MOST_NODES:
        return f"No picture: {len(graph.nodes):,} nodes are more than {MOST_NODES:,}."
    if routes > MOST_ROUTES:
        return f"No picture: {routes:,} routes are more than {MOST_ROUTES:,}."
    return ""


def picture(graph: Graph, counts: Counts | None = None, *, standalone: bool = False) -> str:
    """Return the graph as the text of an ``<svg>`` element.

    Parameters
    ----------
    graph : one that :func:`why_no_picture` has nothing against
    counts : what each node did, to be written into its box
    standalone : for a file of its own, which cannot see the colours of a page: dark on white
    """
    routes = _routes(graph)
    entries = {r.name for r in routes if r.origin == ENTRY_POINT and not r.pattern}
    rows = {n: _rows(graph, n, n in entries, (counts or {}).get(n)) for n in graph.nodes}
    if graph.subscribers(ENTRY_POINT):
        rows = {ENTRY_POINT: [_Row(ENTRY_POINT, look="origin")], **rows}
    sizes = {name: _size(texts) for name, texts in rows.items()}
    placed = layout(sizes, routes, widest=PAGE_WIDTH)
    drawn = [*_lines(placed, [r for r in routes if r.origin == r.name])]
    drawn += [*_boxes(graph, placed, rows), *_texts(placed, rows)]
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="-{MARGIN} -{MARGIN} {width:.0f} {height:.0f}"'
        f' role="img" aria-label="graph of {len(graph.nodes)} nodes"'
        f' style="max-width:100%;min-width:{width * LEAST_SCALE:.0f}px;height:auto;'
        f'font-family:{FONT};{_colours(standalone)}">{"".join(drawn)}</svg>'
    )


def _colours(standalone: bool) -> str:
    """Name the colours once: a property of our own reaches what is in the picture alone."""
    names = [f"--emitnb-{name}:{pair[standalone]}" for name, pair in COLOURS.items()]
    page = "color:#1f2328;background:#fff" if standalone else "color:inherit"
    return ";".join([*names, page])


def _routes(graph: Graph) -> list[Route]:
    back, patterns = back_edges(graph), pattern_routes(graph)
    return [
        Route(node, name, origin != node, (origin, name) in patterns, (node, name) in back)
        for name in graph.nodes
        for origin in graph.origins(name)
        for node in [node_of(origin)]
    ]


# -- boxes ------------------------------------------------------------------------------------


def _rows(graph: Graph, name: str, entry: bool, count: Count | None) -> list[_Row]:
    notes = node_notes(graph, name)
    marks = _filled(["entry", *notes] if entry else notes)
    texts = [", ".join(field_texts(graph.nodes[name])), *marks]
    rows = [_Row(_cut(name), 13, "name"), *(_Row(_cut(text)) for text in texts if text)]
    if count is not None:
        rows.append(_Row(f"{count.emitted:,} emitted", look="emitted"))
        if count.failed:
            rows.append(_Row(f"{count.failed:,} failed", look="failed"))
        if count.stale:
            rows.append(_Row(f"{count.stale:,} stale", look="stale"))
    return rows


def _filled(notes: list[str]) -> list[str]:
    """Put notes beside each other in as few lines as hold them."""
    lines: list[str] = []
    for note in notes:
        longer = f"{lines[-1]} · {note}" if lines else ""
        if longer and _columns(longer) <= LONGEST:
            lines[-1] = longer
        else:
            lines.append(note)
    return lines


def _size(rows: list[_Row]) -> Point:
    """Return width and height, even: what is in the middle is on a whole pixel."""
    width = max([_columns(row.text) * row.size for row in rows]) * CHARACTER + 24
    height = sum([row.size for row in rows]) * LINE_HEIGHT + 14
    return max(2 * round(width / 2), 84), 2 * round(height / 2)


def _boxes(graph: Graph, placed: Layout, rows: Mapping[str, list[_Row]]) -> Iterator[str]:
    """Yield the boxes; texts are not in them, since all of these share how they are filled."""
    yield '<g style="fill:var(--emitnb-text);fill-opacity:.05;stroke:var(--emitnb-text);'
    yield 'stroke-opacity:.45">'
    for name, box in placed.boxes.items():
        title = _tooltip(graph, name, rows[name])
        yield (
            f'<rect x="{box.x:.7g}" y="{box.y:.7g}" width="{box.width:g}" height="{box.height:g}"'
            f' rx="{box.height / 2 if name == ENTRY_POINT else 6:g}"{_box_look(name, rows[name])}'
        )
        yield f"><title>{escape(title)}</title></rect>" if title else "/>"
    yield "</g>"


def _box_look(name: str, rows: list[_Row]) -> str:
    if name == ENTRY_POINT:
        look = "fill:var(--emitnb-accent);fill-opacity:.16;stroke:var(--emitnb-accent)"
        return f' style="{look};stroke-opacity:.9"'
    looks = [row.look for row in rows]
    dashes = ' stroke-dasharray="7 3"' if "stale" in looks else ""
    if "failed" in looks:
        return f' style="stroke:var(--emitnb-wrong);stroke-opacity:.9"{dashes}'
    return dashes


def _tooltip(graph: Graph, name: str, rows: list[_Row]) -> str:
    """Return the whole text of a box where something was cut."""
    if name == ENTRY_POINT:
        return "what is pushed into the router"
    if not any(row.text.endswith("…") for row in rows):
        return ""
    fields = ", ".join(field_texts(graph.nodes[name]))
    return "\n".join([f"{name}({fields})", *node_notes(graph, name)])


def _texts(placed: Layout, rows: Mapping[str, list[_Row]]) -> Iterator[str]:
    # The pointer goes through to the box, which has the tooltip.
    yield '<g pointer-events="none" text-anchor="middle" font-size="11"'
    yield ' style="fill:var(--emitnb-text)">'
    for name, box in placed.boxes.items():
        x, y = f"{box.x + box.width / 2:.7g}", box.y + 7
        yield "<g>"
        for row in rows[name]:
            y += row.size * LINE_HEIGHT
            baseline = f"{y - row.size * 0.35:.0f}"
            yield f'<text x="{x}" y="{baseline}"{LOOKS[row.look]}>{escape(row.text)}</text>'
        yield "</g>"
    yield "</g>"


# -- lines ------------------------------------------------------------------------------------


def _lines(placed: Layout, loops: list[Route]) -> Iterator[str]:
    """Yield a path for all lines of a kind, one for their heads, and the marks of ports."""
    paths: dict[tuple[bool, ...], list[str]] = {}
    heads: dict[bool, list[str]] = {False: [], True: []}
    marks = []
    for line in placed.lines:
        route = line.route
        paths.setdefault(route[2:], []).append(_path(line, placed.downward))
        if line.ends:
            _, tip, across = line.stays[-1]
            heads[route.port].append(_head(tip, across, route.back, placed.downward))
        if route.port:
            marks.append(_port_mark(line, placed.downward))
    for route in loops:
        box = placed.boxes[route.name]
        x, y = box.x + (12 if route.port else box.width - 32), box.y
        paths.setdefault(route[2:], []).append(f"M{x:.7g} {y:.7g}c-2 -16 22 -16 20 -4")
        heads[route.port].append(_head(y, x + 20, False, True))
    for (port, pattern, back), shapes in paths.items():
        yield f'<path d="{"".join(shapes)}" style="{_stroke(port, pattern, back)}"/>'
    for port, shapes in heads.items():
        look = "fill:var(--emitnb-wrong)" if port else "fill:var(--emitnb-text);fill-opacity:.75"
        yield f'<path d="{"".join(shapes)}" style="{look}"/>' if shapes else ""
    if marks:
        yield '<g text-anchor="middle" font-size="11" font-weight="700"'
        yield f' style="fill:var(--emitnb-wrong)">{"".join(marks)}</g>'


def _stroke(port: bool, pattern: bool, back: bool) -> str:
    """By a pattern: fine dots. From a port: dashes, red. Back: dashes."""
    colour, opacity = ("wrong", ".8") if port else ("text", ".5")
    dashes = DASHES[port or back, pattern]
    return (
        f"fill:none;stroke:var(--emitnb-{colour});stroke-opacity:{opacity};"
        f"stroke-width:{1.1 if pattern else 1.3}{dashes}"
    )


def _path(line: Line, downward: bool) -> str:
    """A curve from each straight part to the next."""
    straight = "V" if downward else "H"
    (begin, end, across), *rest = line.stays
    x, y = (across, begin) if downward else (begin, across)
    parts = [f"M{x:.7g} {y:.7g}"]
    if end != begin:
        parts.append(f"{straight}{end:.7g}")
    for begin, until, place in rest:
        if place == across:
            parts.append(f"{straight}{until:.7g}")
        else:
            turn = (end + begin) / 2
            if downward:
                curve = f"C{across:.7g} {turn:.7g} {place:.7g} {turn:.7g} {place:.7g} {begin:.7g}"
            else:
                curve = f"C{turn:.7g} {across:.7g} {turn:.7g} {place:.7g} {begin:.7g} {place:.7g}"
            parts.append(curve)
            if until != begin:
                parts.append(f"{straight}{until:.7g}")
        end, across = until, place
    return "".join(parts)


def _port_mark(line: Line, downward: bool) -> str:
    """The ``!`` beside a line where it leaves its node."""
    start, _, across = line.stays[0]
    along = -1 if line.route.back else 1
    if downward:
        x, y = across + 4, start + 10 * along
    else:
        x, y = start + 7 * along, across - 2
    return f'<text x="{x:.7g}" y="{y:.7g}">{PORT}</text>'


def _head(tip: float, across: float, back: bool, downward: bool) -> str:
    """An arrow head drawn as it is: a marker would need an id, and ids clash between pictures."""
    length = 8 if back else -8
    if downward:
        return f"M{across:.7g} {tip:.7g}l-4 {length}h8z"
    return f"M{tip:.7g} {across:.7g}l{length} -4v8z"


# -- texts ------------------------------------------------------------------------------------


def _cut(text: str) -> str:
    if _columns(text) <= LONGEST:
        return text
    kept = ""
    for character in text:
        if _columns(kept + character) >= LONGEST:
            break
        kept += character
    return f"{kept}…"


def _columns(text: str) -> int:
    """Columns of a text in a fixed font, in which East Asian characters take two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
