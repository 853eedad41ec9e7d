// The window onto the drawing: lays out, moves the camera, and hears mouse and keys.

import { Camera, LEGIBLE } from "./camera.js"
import { svg } from "./dom.js"
import { Drawing } from "./drawing.js"
import { contentOf, layOut } from "./geometry.js"
import { onKey } from "./keys.js"
import { Rates } from "./numbers.js"
import { shapeOf } from "./shape.js"

const NARROW = 560
const TALLEST = 460
const SHORTEST = 150
const WITH_PANEL = 340
const STALLED = 2000
const QUIET = 400

export class Scene {
  /** @param {object} on box(box), link(link), nothing(): what was clicked; height(pixels) */
  constructor(on) {
    this.on = on
    this.drawing = new Drawing()
    this.rates = new Rates()
    this.stage = svg("svg", { class: "emitnb-stage", role: "group", "aria-label": "dataflow graph" }, this.drawing.element)
    this.camera = new Camera(this.stage, this.drawing.element, (...seen) => this.drawing.showOnly(...seen))
    this.stage.addEventListener("click", (event) => this.clicked(event))
    onKey(this.stage, (event) => this.keyed(event))
    this.stage.addEventListener("focusin", (event) => this.focused(event))
  }

  get isDrawn() {
    return this.laid !== undefined
  }

  /**
   * Lay a graph out, and draw it. What was drawn before stays where it was, as far as it can.
   * @param {object} engine Graphviz
   * @param {object} graph the trait
   * @param {object} wanted what to show of it, see `shapeOf`
   * @param {boolean} isOther whether other boxes are wanted than before, so that the view begins anew
   */
  place(engine, graph, wanted, isOther) {
    const before = new Map(this.drawing.order.map(({ box, x, y }) => [box.key, [x, y]]))
    const shape = shapeOf(graph, wanted)
    const contents = shape.boxes.map((box) => contentOf(box, (text, kind) => this.measure(text, kind)))
    this.isDownward = this.isNarrow
    this.laid = layOut(engine, shape, contents, this.isDownward)
    this.graph = graph
    this.drawing.setShape(shape, contents, this.laid)
    const start = this.find(wanted.around) ?? this.drawing.order[0]
    this.camera.anchor = start
    const isFitted = this.resize()
    if (isOther || isFitted) this.camera.begin()
    else this.steady(before)
    this.setFocusable()
  }

  /** Draw nothing. */
  clear() {
    this.laid = undefined
    this.drawing.clear()
  }

  /** Let the picture stay where it was: by the middle of how far its boxes moved. */
  steady(before) {
    const moves = this.drawing.order
      .filter(({ box }) => before.has(box.key))
      .map(({ box, x, y }) => [x - before.get(box.key)[0], y - before.get(box.key)[1]])
    const middle = (place) => moves.map((move) => move[place]).sort((a, b) => a - b)[moves.length >> 1] ?? 0
    const { scale, fits } = this.camera
    if (fits) this.camera.begin()
    else this.camera.shift(-middle(0) * scale, -middle(1) * scale)
  }

  measure(text, kind) {
    this.pen ??= document.createElement("canvas").getContext("2d")
    const family = getComputedStyle(this.stage).fontFamily || "sans-serif"
    this.pen.font = kind === "name" ? `600 13px ${family}` : `11px ${family}`
    return this.pen.measureText(text).width
  }

  get isNarrow() {
    const width = this.stage.closest(".emitnb-graph")?.clientWidth ?? 0
    return width > 0 && width < NARROW
  }

  /** Take on the size of the page; return whether the drawing was moved for it.
   *
   * With details open, the box of their node (`name`) stays in view, and the rest where it was.
   */
  resize(name) {
    const width = this.stage.parentElement?.clientWidth
    if (!width || !this.isDrawn) return false
    const scale = Math.min(1, (width - 28) / this.laid.width)
    const wanted = this.laid.height * Math.max(scale, LEGIBLE) + 28
    const height = Math.min(Math.max(wanted, this.hasPanel ? WITH_PANEL : SHORTEST), TALLEST)
    this.stage.style.height = `${height}px`
    this.on.height(height)
    const isOther = width !== this.camera.stageWidth || height !== this.camera.stageHeight
    this.camera.setSizes(this.laid.width, this.laid.height, width, height)
    const opened = name && this.find(name)
    if (opened && !this.camera.fits) this.camera.reveal(opened)
    else if (isOther) this.camera.begin()
    return isOther
  }

  /** Show numbers of the graph that is drawn. */
  setNumbers(numbers, isMoving) {
    this.rates.add(numbers)
    if (!isMoving) this.rates.rest()
    this.drawing.setNumbers(numbers, this.rates, this.graph.nodes.length, isMoving)
    // A source that stalls sends nothing: then nothing moves, whatever the last numbers said.
    clearTimeout(this.stalled)
    if (isMoving) this.stalled = setTimeout(() => this.setNumbers(numbers, false), STALLED)
    clearTimeout(this.quiet)
    this.quiet = setTimeout(() => this.catchUp(), QUIET)
  }

  /** Once nothing comes any more, patch what is out of sight, without holding the page up. */
  catchUp() {
    const ends = performance.now() + 8
    if (!this.drawing.catchUp(() => performance.now() < ends)) this.quiet = setTimeout(() => this.catchUp(), 20)
  }

  /** Bring the box of a node into view; return whether there is one. */
  reveal(name) {
    const drawn = this.find(name)
    if (drawn) this.camera.reveal(drawn)
    return Boolean(drawn)
  }

  /** Light up a path and show all of it, or put it out. */
  light(path) {
    this.drawing.light(path)
    const lit = (path?.nodes ?? []).map((name) => this.find(name)).filter(Boolean)
    if (lit.length) this.camera.showAll(lit)
  }

  find(name) {
    return this.drawing.order.find(({ box }) => box.members.some((index) => this.graph.nodes[index].name === name))
  }

  /** Let the wheel zoom, or scroll the page. */
  activate(isActive) {
    this.camera.isActive = isActive
    this.stage.classList.toggle("is-active", isActive)
  }

  clicked(event) {
    if (this.camera.wasDragged) return
    const hit = event.target.closest(".node, .edge")
    const { order, links } = this.drawing
    const node = order.find(({ element }) => element === hit)
    const line = [...links.values()].find(({ element }) => element === hit)
    if (node) this.on.box(node.box, false)
    else if (line) this.on.link(line.link, order[line.link.from].box, order[line.link.to].box)
    else this.on.nothing()
  }

  keyed(event) {
    const { order } = this.drawing
    const at = order.findIndex(({ element }) => element === event.target)
    if (at < 0) return
    const last = order.length - 1
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key]
    if (event.key === "Enter" || event.key === " ") this.on.box(order[at].box, true)
    else if (to !== undefined) this.focus(order[Math.min(Math.max(to, 0), last)])
    else return
    event.preventDefault()
  }

  focus(drawn) {
    this.camera.reveal(drawn)
    this.setFocusable(drawn.box.key)
    drawn.element.focus({ preventScroll: true })
  }

  focused(event) {
    const drawn = this.drawing.order.find(({ element }) => element === event.target)
    if (!drawn) return
    this.setFocusable(drawn.box.key)
    if (!this.camera.isGrabbed) this.camera.reveal(drawn) // it was reached with Tab
  }

  /** Of all boxes one can be reached with Tab, and from there the others with the arrow keys. */
  setFocusable(key = this.focusable) {
    const { order, boxes } = this.drawing
    const chosen = boxes.get(key) ?? order[0]
    this.focusable = chosen?.box.key
    for (const drawn of order) drawn.element.setAttribute("tabindex", drawn === chosen ? 0 : -1)
    this.drawing.keepShown(chosen)
  }

  dispose() {
    clearTimeout(this.quiet)
    clearTimeout(this.stalled)
  }
}
