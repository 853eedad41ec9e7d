// Where boxes and lines go. Graphviz decides, in boxes of a fixed size: whatever is written into
// them later, nothing has to be laid out again.

export const LINE = 15
const PADDING = 9
const NARROWEST = 206
const WIDEST = 320
const MANY_LINKS = 1500

/** Return what is written into a box that does not change while data flows, and the box's size. */
export function contentOf(box, measure) {
  const fields = box.fields.join(", ")
  const rows = [["name", box.title], ["fields", fields], ["notes", box.notes.join(" · ")]]
  const written = rows.filter(([, text]) => text)
  const widest = Math.max(...written.map(([kind, text]) => measure(text, kind)))
  const width = Math.min(Math.max(Math.ceil(widest) + 2 * PADDING + 4, NARROWEST), WIDEST)
  const room = width - 2 * PADDING
  return {
    rows: written.map(([kind, text]) => [kind, cut(text, kind, room, measure)]),
    width: box.kinds.includes("source") ? Math.max(120, width - 50) : width,
    // Three more lines than are written: numbers, speed, and words about what went wrong.
    height: (written.length + 3) * LINE + 2 * PADDING - 4,
  }
}

function cut(text, kind, room, measure) {
  if (measure(text, kind) <= room) return text
  let [low, high] = [0, text.length]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (measure(`${text.slice(0, middle)}…`, kind) <= room) low = middle
    else high = middle - 1
  }
  return `${text.slice(0, low)}…`
}

/**
 * Lay a shape out.
 * @param {object} engine Graphviz
 * @param {{boxes: object[], links: object[]}} shape
 * @param {{width: number, height: number}[]} sizes of the boxes, in pixels
 * @param {boolean} downward whether data flows down, not to the right
 * @returns {{width: number, height: number, boxes: number[][], lines: object[]}} in pixels:
 *   the upper left corner of each box; for each link the `path`, `head` (a triangle) and `middle`
 */
export function layOut(engine, shape, sizes, downward) {
  const laid = JSON.parse(engine.layout(dotOf(shape, sizes, downward), "json0", "dot"))
  const [, , width, height] = laid.bb.split(",").map(Number)
  const point = (text) => {
    const [x, y] = text.split(",").map(Number)
    return [x, height - y]
  }
  const boxes = []
  for (const object of laid.objects ?? []) {
    const index = Number(object.name.slice(1))
    const [x, y] = point(object.pos)
    boxes[index] = [x - sizes[index].width / 2, y - sizes[index].height / 2]
  }
  const lines = []
  for (const edge of laid.edges ?? []) lines[Number(edge.class)] = lineOf(edge.pos, point)
  return { width, height, boxes, lines }
}

function dotOf(shape, sizes, downward) {
  const inch = (pixels) => (pixels / 72).toFixed(3)
  const routing = shape.links.length > MANY_LINKS ? "polyline" : "spline"
  const parts = [
    `graph [rankdir=${downward ? "TB" : "LR"}, splines=${routing}, nodesep=0.3, ranksep=0.85, pad=0]`,
    "node [shape=box, fixedsize=true, label=\"\"]",
    "edge [arrowsize=0.7]",
    ...sizes.map(({ width, height }, index) => `b${index} [width=${inch(width)}, height=${inch(height)}]`),
    ...shape.links.map(
      ({ from, to, back }, index) =>
        back && from !== to
          ? `b${to} -> b${from} [dir=back, class="${index}"]`
          : `b${from} -> b${to} [class="${index}"]`,
    ),
  ]
  return `digraph { ${parts.join("; ")} }`
}

function lineOf(pos, point) {
  const parts = pos.split(" ")
  const tip = parts.filter((part) => /^[es],/.test(part)).map((part) => point(part.slice(2)))[0]
  const points = parts.filter((part) => !/^[es],/.test(part)).map(point)
  const reversed = parts.some((part) => part.startsWith("s,"))
  const last = reversed ? points[0] : points.at(-1)
  const [start, ...turns] = points
  const curves = []
  for (let at = 0; at + 2 < turns.length; at += 3) {
    curves.push(`C${turns.slice(at, at + 3).map((p) => p.map(round).join(" ")).join(" ")}`)
  }
  const at = 3 * Math.floor((points.length - 1) / 6)
  const middle = [0, 1].map((axis) => halfway(...points.slice(at, at + 4).map((p) => p[axis])))
  return {
    path: `M${start.map(round).join(" ")}${curves.join("")}`,
    head: tip ? triangle(last, tip) : "",
    middle,
  }
}

/** The middle of a cubic Bézier curve, on one axis. */
function halfway(start, one, other, end) {
  return (start + 3 * one + 3 * other + end) / 8
}

function triangle([x, y], [tipX, tipY]) {
  const [dx, dy] = [tipX - x, tipY - y]
  const length = Math.hypot(dx, dy) || 1
  const [sideX, sideY] = [(-dy / length) * 4, (dx / length) * 4]
  const corners = [[x + sideX, y + sideY], [tipX, tipY], [x - sideX, y - sideY]]
  return `M${corners.map((corner) => corner.map(round).join(" ")).join("L")}Z`
}

function round(number) {
  return Math.round(number * 10) / 10
}
