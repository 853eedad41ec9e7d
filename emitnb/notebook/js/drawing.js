// The boxes and lines: made when the shape changes, patched in place when numbers do.

import { setAttribute, setText, svg } from "./dom.js"
import { count, counted, ms, rate } from "./format.js"
import { LINE } from "./geometry.js"

const PADDING = 9
const CHARACTER = 6.2
const MOST_LABELS = 150
const SHIFT_BY = 0.5

/** One box: its group, what is written into it, and what was patched last. */
class DrawnBox {
  constructor(box) {
    this.box = box
    this.frame = svg("rect", { class: "frame", rx: box.kinds.includes("source") ? 14 : 6 })
    this.under = svg("rect", { class: "under", rx: 6 })
    this.texts = svg("g", { class: "texts" })
    this.element = svg("g", { role: "button", tabindex: -1 }, this.frame, this.texts)
    this.isShown = true
  }

  /** Take on a box of the same key: another revision, or other fields. */
  write(box, content, [x, y]) {
    this.box = box
    Object.assign(this, { x, y, width: content.width, height: content.height })
    setAttribute(this.element, "class", ["node", ...box.kinds.map((kind) => `is-${kind}`)].join(" "))
    setAttribute(this.element, "data-name", box.title)
    this.element.style.transform = `translate(${x}px, ${y}px)`
    for (const [rect, shift] of [[this.frame, 0], [this.under, 4]]) {
      setAttribute(rect, "width", content.width)
      setAttribute(rect, "height", content.height)
      setAttribute(rect, "x", shift)
      setAttribute(rect, "y", shift)
    }
    const isStack = box.kinds.some((kind) => ["batch", "group"].includes(kind))
    if (isStack) this.element.prepend(this.under)
    else this.under.remove()
    const title = svg("title", {}, [box.title, box.fields.join(", "), ...box.notes].filter(Boolean).join("\n"))
    const rows = content.rows.map(([kind, text], row) => this.row(kind, row, text))
    this.counts = this.row("counts", rows.length, "")
    this.speed = this.row("speed", rows.length + 1, "")
    this.words = this.row("words", rows.length + 2, "")
    this.texts.replaceChildren(title, ...rows, this.counts, this.speed, this.words)
    this.look = undefined
  }

  row(kind, row, text) {
    const y = PADDING + LINE * (row + 1) - 4
    return svg("text", { class: kind, x: PADDING, y }, text)
  }

  /** Show by its look what the box does; `speed` is its rate now, 0 when nothing moves. */
  mark({ kept, stale }, speed) {
    const look = (kept > 0) + 2 * (stale > 0) + 4 * (speed > 0)
    if (look === this.look) return
    this.look = look
    this.element.classList.toggle("has-failed", kept > 0)
    this.element.classList.toggle("has-stale", stale > 0)
    this.element.classList.toggle("is-busy", speed > 0)
  }

  /** Write numbers into the box. */
  patch(numbers, speed) {
    const { received, emitted, dropped, failed, kept, stale, seconds } = numbers
    this.mark(numbers, speed)
    const isSource = this.box.kinds.includes("source")
    const moved = received || emitted
    const counts = isSource
      ? `${count(emitted)} pushed`
      : `${count(received)} in · ${count(emitted)} out`
    setText(this.counts, moved || failed ? counts : "")
    const words = [
      failed ? `${count(failed)} failed` : "",
      kept && kept !== failed ? `${count(kept)} kept` : "",
      stale ? `${count(stale)} stale` : "",
      dropped ? `${count(dropped)} dropped` : "",
    ].filter(Boolean)
    const speeds = [received && seconds && !isSource ? ms((1e3 * seconds) / received) : "", speed ? rate(speed) : ""]
    setText(this.speed, speeds.filter(Boolean).join(" · "))
    setText(this.words, shortened(words, this.width))
    for (const [name, value] of Object.entries({ received, emitted, dropped, failed, kept, stale })) {
      setAttribute(this.element, `data-${name}`, value)
    }
    const label = [this.box.title, ...this.box.notes, moved ? counts : "no messages yet", ...words]
    setAttribute(this.element, "aria-label", label.filter(Boolean).join(", "))
  }
}

/** As many of the words as there is room for; all of them are in the label. */
function shortened(words, width) {
  const room = (width - 2 * PADDING) / CHARACTER
  const text = words.join(" · ")
  if (text.length <= room || words.length < 2) return text
  return shortened([...words.slice(0, -2), `${words.at(-2)} …`], width)
}

/** One line: what can be hit, what is seen, its arrow head, and how many messages went over it. */
class DrawnLine {
  constructor() {
    this.hit = svg("path", { class: "hit" })
    this.path = svg("path", { class: "path" })
    this.head = svg("path", { class: "head" })
    this.label = svg("text", { class: "label" })
    this.title = svg("title")
    this.element = svg("g", {}, this.title, this.hit, this.path, this.head, this.label)
    this.width = 0
  }

  write(link, line, from, to) {
    this.link = link
    this.names = `${from.title}${link.port ? "!" : ""} → ${to.title}`
    const kinds = ["port", "pattern", "back"].filter((kind) => link[kind]).map((kind) => `is-${kind}`)
    setAttribute(this.element, "class", ["edge", ...kinds].join(" "))
    setAttribute(this.element, "data-from", from.title)
    setAttribute(this.element, "data-to", to.title)
    for (const path of [this.hit, this.path]) setAttribute(path, "d", line?.path ?? "")
    setAttribute(this.head, "d", line?.head ?? "")
    const [x, y] = line?.middle ?? [0, 0]
    setAttribute(this.label, "x", x)
    setAttribute(this.label, "y", y - 6)
  }

  patch(messages, withLabel) {
    setAttribute(this.element, "data-count", messages)
    setText(this.title, `${this.names}\n${counted(messages, "message")}${this.link.pattern ? "\nby a pattern" : ""}`)
    const text = withLabel && messages ? count(messages) : ""
    setText(this.label, this.link.port ? `! ${text}` : text)
    // Steps, so that a line in use is not painted anew with each message.
    const width = 1.25 + SHIFT_BY * Math.round((0.9 * Math.log10(1 + messages)) / SHIFT_BY)
    if (width !== this.width) this.path.style.strokeWidth = this.width = width
  }
}

/** All boxes and lines, in one group that a camera moves. */
export class Drawing {
  constructor() {
    this.lines = svg("g", { class: "edges", "aria-hidden": "true" })
    this.nodes = svg("g", { class: "nodes", role: "group", "aria-label": "nodes, in reading order" })
    this.element = svg("g", {}, this.lines, this.nodes)
    this.boxes = new Map()
    this.links = new Map()
    this.order = []
    this.late = new Set()
    this.isFar = false
  }

  /** Draw a shape that was laid out. Boxes that were there before move; new ones fade in. */
  setShape(shape, contents, laid) {
    this.shape = shape
    this.order = shape.boxes.map((box, index) => {
      const drawn = this.boxes.get(box.key) ?? new DrawnBox(box)
      drawn.write(box, contents[index], laid.boxes[index])
      return drawn
    })
    const links = shape.links.map((link, index) => {
      const drawn = this.links.get(link.key) ?? new DrawnLine()
      drawn.write(link, laid.lines[index], shape.boxes[link.from], shape.boxes[link.to])
      return drawn
    })
    this.boxes = keyed(this.order, (drawn) => drawn.box.key)
    this.links = keyed(links, (drawn) => drawn.link.key)
    arrange(this.nodes, this.order)
    arrange(this.lines, links)
    this.late.clear()
  }

  /** Draw nothing. */
  clear() {
    this.order = []
    this.boxes.clear()
    this.links.clear()
    this.late.clear()
    this.nodes.replaceChildren()
    this.lines.replaceChildren()
  }

  /** Patch what is in view; what is not is patched by `catchUp`. */
  setNumbers(numbers, rates, nodes, isMoving) {
    this.latest = { numbers, rates, nodes, isMoving }
    for (const drawn of this.order) {
      if (drawn.isShown && !this.isFar) this.patchBox(drawn)
      else {
        this.markBox(drawn)
        this.late.add(drawn)
      }
    }
    for (const drawn of this.links.values()) {
      if (drawn.isShown !== false) this.patchLine(drawn)
      else this.late.add(drawn)
    }
  }

  /** Patch what was out of sight, for as long as there is time; return whether that was all. */
  catchUp(hasTime = () => true) {
    for (const drawn of this.late) {
      if (!hasTime()) return false
      if (drawn instanceof DrawnBox) this.patchBox(drawn)
      else this.patchLine(drawn)
    }
    return true
  }

  patchBox(drawn) {
    drawn.patch(...this.numbersOf(drawn.box))
    this.late.delete(drawn)
  }

  markBox(drawn) {
    drawn.mark(...this.numbersOf(drawn.box))
  }

  numbersOf({ members, entering, leaving }) {
    const { numbers, rates, nodes, isMoving } = this.latest
    const speed = isMoving ? rates.of(members) : 0
    const all = numbers.ofNodes(members)
    if (!entering) return [all, speed]
    // Of a group, what crosses its border: not what its nodes hand to one another.
    const { emitted } = numbers.ofNodes(leaving)
    return [{ ...all, received: numbers.ofEdges(entering, nodes), emitted, seconds: 0 }, speed]
  }

  patchLine(drawn) {
    const { numbers, nodes } = this.latest
    drawn.patch(numbers.ofEdges(drawn.link.members, nodes), this.links.size <= MOST_LABELS)
    this.late.delete(drawn)
  }

  /** Leave what is outside of a rectangle, or too far away to be read, out of the page's work. */
  showOnly({ left, top, right, bottom }, isFar) {
    this.isFar = isFar
    for (const drawn of this.order) {
      const isOutside = drawn.x > right || drawn.x + drawn.width < left || drawn.y > bottom || drawn.y + drawn.height < top
      show(drawn, !isOutside || drawn === this.kept)
      if (drawn.isShown && !isFar && this.late.has(drawn)) this.patchBox(drawn)
    }
    for (const drawn of this.links.values()) {
      const [from, to] = [this.order[drawn.link.from], this.order[drawn.link.to]]
      const isOutside =
        Math.min(from.x, to.x) > right || Math.max(from.x + from.width, to.x + to.width) < left ||
        Math.min(from.y, to.y) > bottom || Math.max(from.y + from.height, to.y + to.height) < top
      show(drawn, !isOutside)
      if (drawn.isShown && this.late.has(drawn)) this.patchLine(drawn)
    }
  }

  /** Let one box be there wherever it is: what is left out cannot be reached with Tab. */
  keepShown(drawn) {
    this.kept = drawn
    if (drawn) show(drawn, true)
  }

  /** Mark the node whose details are open. */
  select(name) {
    for (const drawn of this.order) drawn.element.classList.toggle("is-open", drawn.box.title === name)
  }

  /** Light up a path, or nothing with null. */
  light(path) {
    const nodes = new Set(path?.nodes ?? [])
    const edges = new Set((path?.edges ?? []).map(([from, to]) => `${from.replace(/!$/, "")}\n${to}`))
    setAttribute(this.element, "class", path ? "has-path" : null)
    for (const drawn of this.order) {
      drawn.element.classList.toggle("on-path", nodes.has(drawn.box.title))
    }
    for (const { element } of this.links.values()) {
      const edge = `${element.getAttribute("data-from")}\n${element.getAttribute("data-to")}`
      element.classList.toggle("on-path", edges.has(edge))
    }
  }
}

function keyed(list, key) {
  return new Map(list.map((one) => [key(one), one]))
}

/** Put elements in order without taking out those that stay: they would lose focus and ease. */
function arrange(parent, drawn) {
  const wanted = new Set(drawn.map(({ element }) => element))
  for (const element of [...parent.children]) if (!wanted.has(element)) element.remove()
  drawn.forEach(({ element }, index) => {
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null)
  })
}

function show(drawn, isShown) {
  if (drawn.isShown === isShown) return
  drawn.isShown = isShown
  drawn.element.style.display = isShown ? "" : "none"
}
