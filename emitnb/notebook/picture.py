"""A static picture of the graph: SVG text, without scripts, fonts or ids of its own.

Colours come from the page where it has some (JupyterLab's and VS Code's variables) and from the
colour of the text around it elsewhere, so that it reads on light and on dark.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from emitnb.declaration import field_texts
from emitnb.dot import back_edges, node_notes
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, PORT, is_port, node_of, port_of
from emitnb.notebook.layout import Box, Layout, Line, Point, layout

MOST_NODES = 200
MOST_ROUTES = 1000
PAGE_WIDTH = 1000.0
"""Wider than this, a page would shrink the picture; then one that goes downward may fit better."""

MARGIN = 12.0
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
CHARACTER = 0.602
"""Width of a character of those fonts, in parts of the font's size."""

LONGEST = 34
"""Characters of a line in a box; the whole text is in the tooltip."""

TEXT = "var(--jp-ui-font-color1,var(--vscode-foreground,currentColor))"
ACCENT = "var(--jp-brand-color1,var(--vscode-textLink-foreground,#1e88e5))"
WRONG = "var(--jp-error-color1,var(--vscode-errorForeground,#e5484d))"
ON_WHITE = "color:#1f2328;background:#fff"

Counts = Mapping[str, tuple[int, int]]
"""How many messages each node emitted, and how many failed in it."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of text in a box."""

    text: str
    size: float = 11.0
    weight: int = 400
    colour: str = TEXT
    opacity: float = 0.75

    @property
    def width(self) -> float:
        return _columns(self.text) * self.size * CHARACTER

    @property
    def height(self) -> float:
        return self.size * 1.4


def why_no_picture(graph: Graph) -> str:
    """Return why there is no picture of a graph, or "" if there can be one."""
    routes = sum(len(graph.origins(name)) for name in graph.nodes)
    if not graph.nodes:
        return "No picture: there are no nodes."
    if len(graph.nodes) > MOST_NODES:
        return f"No picture: {len(graph.nodes)} nodes are more than {MOST_NODES}."
    if routes > MOST_ROUTES:
        return f"No picture: {routes} routes are more than {MOST_ROUTES}."
    return ""


def picture(graph: Graph, counts: Counts | None = None, *, standalone: bool = False) -> str:
    """Return the graph as the text of an ``<svg>`` element.

    Parameters
    ----------
    graph : one that :func:`why_no_picture` has nothing against
    counts : what each node emitted and what failed in it, to be written into its box
    standalone : for a file of its own, which cannot see the colours of a page: dark on white
    """
    rows = {name: _rows(graph, name, counts or {}) for name in graph.nodes}
    if graph.subscribers(ENTRY_POINT):
        rows = {ENTRY_POINT: [_Row(ENTRY_POINT, opacity=1.0)], **rows}
    placed, downward = _placed(graph, rows)
    parts = [_line(line, downward) for line in placed.lines]
    for name, box in placed.boxes.items():
        if name in graph.subscribers(name):
            parts.append(_own_loop(box, port=False))
        if name in graph.subscribers(port_of(name)):
            parts.append(_own_loop(box, port=True))
        parts.append(_box(name, box, rows[name], _tooltip(graph, name)))
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}"'
        f' role="img" aria-label="graph of {len(graph.nodes)} nodes"'
        f' style="max-width:100%;height:auto;font-family:{FONT};'
        f'{ON_WHITE if standalone else "color:inherit"}">{"".join(parts)}</svg>'
    )


def _placed(graph: Graph, rows: Mapping[str, list[_Row]]) -> tuple[Layout, bool]:
    """Lay the graph out rightward, or downward if that is too wide for a page."""
    sizes = {name: _size(texts) for name, texts in rows.items()}
    all_routes = [(origin, name) for name in graph.nodes for origin in graph.origins(name)]
    routes = [route for route in all_routes if not is_port(route[0])]
    ports = [(node_of(origin), name) for origin, name in all_routes if is_port(origin)]
    back = sorted(back_edges(graph))
    rightward = layout(sizes, routes, back, ports=ports)
    if rightward.width <= PAGE_WIDTH:
        return rightward, False
    downward = layout(sizes, routes, back, ports=ports, downward=True)
    return (downward, True) if downward.width < rightward.width else (rightward, False)


def _rows(graph: Graph, name: str, counts: Counts) -> list[_Row]:
    node = graph.nodes[name]
    rows = [_Row(_cut(name), size=13.0, weight=600, opacity=1.0)]
    rows += [_Row(_cut(text)) for text in [", ".join(field_texts(node))] if text]
    rows += [_Row(_cut(note), opacity=0.6) for note in node_notes(graph, name)]
    if name in counts:
        emitted, failed = counts[name]
        rows.append(_Row(f"{emitted:,} emitted", colour=ACCENT, opacity=1.0))
        if failed:
            rows.append(_Row(f"{failed:,} failed", colour=WRONG, weight=600, opacity=1.0))
    return rows


def _size(rows: list[_Row]) -> Point:
    width = max(row.width for row in rows) + 24
    return max(round(width), 84), round(sum(row.height for row in rows) + 14)


def _box(name: str, box: Box, rows: list[_Row], tooltip: str) -> str:
    entry = name == ENTRY_POINT
    failed = any(row.colour == WRONG for row in rows)
    stroke = WRONG if failed else ACCENT if entry else TEXT
    lines, baseline = [], box.y + 7
    for row in rows:
        baseline += row.height
        lines.append(
            f'<text x="{box.x + box.width / 2:.1f}" y="{baseline - row.size * 0.35:.1f}"'
            f' text-anchor="middle" font-size="{row.size:g}" font-weight="{row.weight}"'
            f' style="fill:{row.colour};fill-opacity:{row.opacity:g}">{escape(row.text)}</text>'
        )
    return (
        f'<g class="emitnb-node"><title>{escape(tooltip)}</title>'
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:g}" height="{box.height:g}"'
        f' rx="{box.height / 2 if entry else 6:g}" style="fill:{ACCENT if entry else TEXT};'
        f"fill-opacity:{0.16 if entry else 0.05};stroke:{stroke};"
        f'stroke-opacity:{0.9 if failed or entry else 0.45}"/>{"".join(lines)}</g>'
    )


def _tooltip(graph: Graph, name: str) -> str:
    if name == ENTRY_POINT:
        return "what is pushed into the router"
    fields = ", ".join(field_texts(graph.nodes[name]))
    return "\n".join([f"{name}({fields})", *node_notes(graph, name)])


def _line(line: Line, downward: bool) -> str:
    start, end = line.start, line.end
    if downward:
        middle = (start[1] + end[1]) / 2
        turns = f"{start[0]:.1f} {middle:.1f} {end[0]:.1f} {middle:.1f}"
    else:
        middle = (start[0] + end[0]) / 2
        turns = f"{middle:.1f} {start[1]:.1f} {middle:.1f} {end[1]:.1f}"
    path = f"M{start[0]:.1f} {start[1]:.1f}C{turns} {end[0]:.1f} {end[1]:.1f}"
    if line.through:
        path += f"L{line.through[0]:.1f} {line.through[1]:.1f}"
    heads = {"end": (end, 1.0), "start": (start, -1.0)}
    parts = [_stroke(path, line.back, line.port)]
    if line.arrow:
        parts.append(_head(*heads[line.arrow], downward, line.port))
    if line.mark:
        parts.append(_port_mark(line.mark, -1.0 if line.back else 1.0, downward))
    return "".join(parts)


def _own_loop(box: Box, port: bool) -> str:
    x, y = box.x + (12 if port else box.width - 32), box.y
    path = f"M{x:.1f} {y:.1f}c-2 -16 22 -16 20 -4"
    return _stroke(path, True, port) + _head((x + 20, y), 1.0, True, port)


def _stroke(path: str, back: bool, port: bool) -> str:
    dashes = ";stroke-dasharray:5 4" if back or port else ""
    stroke, opacity = (WRONG, 0.8) if port else (TEXT, 0.5)
    return (
        f'<path d="{path}" style="fill:none;stroke:{stroke};stroke-opacity:{opacity:g};'
        f'stroke-width:1.3{dashes}"/>'
    )


def _port_mark(port: Point, direction: float, downward: bool) -> str:
    """The ``!`` beside a line where it leaves its node."""
    across, along = (4.0, 10.0) if downward else (-2.0, 7.0)
    x, y = port
    x, y = (x + across, y + along * direction) if downward else (x + along * direction, y + across)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="11" font-weight="700"'
        f' style="fill:{WRONG}">{PORT}</text>'
    )


def _head(tip: Point, direction: float, downward: bool, port: bool) -> str:
    """An arrow head drawn as it is: a marker would need an id, and ids clash between pictures."""
    x, y = tip
    back, side = -8.0 * direction, 4.0
    if downward:
        corners = f"{x - side:.1f} {y + back:.1f}L{x + side:.1f} {y + back:.1f}"
    else:
        corners = f"{x + back:.1f} {y - side:.1f}L{x + back:.1f} {y + side:.1f}"
    look = f"fill:{WRONG}" if port else f"fill:{TEXT};fill-opacity:.75"
    return f'<path d="M{x:.1f} {y:.1f}L{corners}Z" style="{look}"/>'


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
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
