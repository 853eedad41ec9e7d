// One view of the graph in a page: listens to the model, and keeps bar, drawing and panel together.

import { Bar } from "./bar.js"
import { Camera } from "./camera.js"
import { html, setText, svg } from "./dom.js"
import { Drawing } from "./drawing.js"
import { engineOf } from "./engine.js"
import { download, picture } from "./export.js"
import { contentOf, layOut } from "./geometry.js"
import { Kernel } from "./ask.js"
import { Numbers, Rates } from "./numbers.js"
import { Panel } from "./panel.js"
import { shapeOf } from "./shape.js"
import style from "./style.css"
import panelStyle from "./panel.css"
import { Tools } from "./tools.js"

const NARROW = 560
const TALLEST = 460
const SHORTEST = 150
const QUIET = 400

export class View {
  constructor(model) {
    this.model = model
    this.kernel = new Kernel(model)
    this.wanted = { around: model.get("around"), hops: 1, prefixes: [] }
    this.rates = new Rates()
    this.changed = new Set()
    this.listening = new AbortController()
    this.build()
    this.listen()
    this.start()
  }

  build() {
    this.bar = new Bar(this.kernel)
    this.drawing = new Drawing()
    this.stage = svg("svg", { class: "emitnb-stage", role: "group", "aria-label": "dataflow graph" }, this.drawing.element)
    this.camera = new Camera(this.stage, this.drawing.element, (view) => this.drawing.showOnly(view))
    this.tools = new Tools({
      find: (name, text) => this.find(name, text),
      around: () => this.showAround(),
      whole: () => this.show({ around: "", hops: 1 }),
      collapse: (prefix) => this.collapse(prefix),
      zoom: (factor) => this.camera.zoom(factor),
      fit: () => this.camera.fit(),
      save: (kind) => this.save(kind),
    })
    this.panel = new Panel({
      ask: (what, details) => this.kernel.ask(what, details),
      onClose: () => this.closed(),
      onTrace: (path) => this.drawing.light(path),
    })
    this.panel.element.hidden = true
    this.message = html("div", { class: "emitnb-message", hidden: "" })
    this.advice = html("div", { class: "emitnb-advice" })
    this.hint = html("div", { class: "emitnb-hint" }, "click the graph to zoom with the wheel; drag to move it")
    this.hiding = html("style", {}, hidingOf(this.model.get("still")))
    const body = html("div", { class: "emitnb-body" }, html("div", { class: "emitnb-window" }, this.message, this.stage), this.panel.element)
    this.element = html("div", { class: "emitnb-graph", role: "region", "aria-label": "emitnb graph", "data-lm-suppress-shortcuts": "true" },
      html("style", {}, `${style}\n${panelStyle}`), this.hiding, this.bar.element, this.tools.element, body, this.advice, this.hint)
  }

  listen() {
    this.onChange = {}
    for (const name of ["graph", "stats", "code", "details", "status", "surroundings", "trouble"]) {
      this.onChange[name] = () => this.note(name)
      this.model.on(`change:${name}`, this.onChange[name])
    }
    this.model.on("comm_live_update", this.onLife = () => this.checkLife())
    const on = (target, event, act) => target.addEventListener(event, act, { signal: this.listening.signal })
    on(this.stage, "click", (event) => this.clicked(event))
    on(this.stage, "keydown", (event) => this.keyed(event))
    on(this.stage, "focusin", (event) => this.focused(event))
    on(this.element, "keydown", (event) => event.key === "Escape" && this.escape())
    on(document, "pointerdown", (event) => this.activate(this.stage.contains(event.target)))
    this.sizes = new ResizeObserver(() => this.resize())
    this.sizes.observe(this.element)
  }

  async start() {
    this.note("status", "surroundings", "graph")
    try {
      this.engine = await engineOf(this.model)
      this.note("graph")
    } catch (error) {
      this.giveUp(error)
    }
  }

  /** Without an engine the picture below stays, and says what there is to say. */
  giveUp(error) {
    this.hiding.remove()
    this.stage.remove()
    this.tools.element.hidden = this.hint.hidden = true
    this.tell("This page cannot draw the live graph, because it blocks WebAssembly. The picture below is drawn anew when a run ends.")
    this.stopped = String(error)
  }

  /** Note that traits changed; they are shown together, in the next frame. */
  note(...names) {
    for (const name of names) this.changed.add(name)
    if (this.frame || this.isGone) return
    this.frame = requestAnimationFrame(() => {
      this.frame = 0
      const changed = this.changed
      this.changed = new Set()
      this.update(changed)
    })
  }

  update(changed) {
    if (changed.has("status")) this.bar.setStatus(this.model.get("status"))
    if (changed.has("trouble") && this.model.get("trouble")) this.bar.say(this.model.get("trouble"), true)
    if (changed.has("surroundings")) {
      const surroundings = this.model.get("surroundings")
      this.bar.setSurroundings(surroundings)
      setText(this.advice, surroundings.advice ?? "")
    }
    if (changed.has("graph")) this.place()
    if (changed.has("stats") || changed.has("graph") || changed.has("status")) this.count()
    if (changed.has("details") || changed.has("code") || changed.has("stats")) this.updatePanel()
  }

  // -- the drawing ----------------------------------------------------------------------------

  /** Lay out and draw, since the shape changed. */
  place() {
    this.graph = this.model.get("graph")
    const hasNodes = this.graph.nodes?.some(({ name }) => name !== "__entry_point")
    this.tools.setGraph(this.graph, this.wanted.prefixes)
    this.tools.element.hidden = this.hint.hidden = !hasNodes
    this.stage.style.display = hasNodes ? "" : "none"
    if (!hasNodes) return this.tell("No nodes yet. Declare the first one in a cell of its own:", "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.split()")
    if (!this.engine) return this.stopped ? undefined : this.tell("drawing …")
    this.tell("")
    const isFirst = !this.laid
    const before = this.places()
    const shape = shapeOf(this.graph, this.wanted)
    const contents = shape.boxes.map((box) => contentOf(box, (text, kind) => this.measure(text, kind)))
    this.isDownward = this.element.clientWidth > 0 && this.element.clientWidth < NARROW
    this.laid = layOut(this.engine, shape, contents, this.isDownward)
    this.drawing.setShape(shape, contents, this.laid)
    this.resize()
    if (isFirst) this.camera.begin()
    else this.steady(before)
    this.drawing.select(this.panel.name)
    this.focusable ??= shape.boxes[0]?.key
    this.setFocusable()
    return undefined
  }

  places() {
    return new Map(this.drawing.order.map(({ box, x, y }) => [box.key, [x, y]]))
  }

  /** Let the picture stay where it was: by the middle of how far its boxes moved. */
  steady(before) {
    const moves = this.drawing.order
      .filter(({ box }) => before.has(box.key))
      .map(({ box, x, y }) => [x - before.get(box.key)[0], y - before.get(box.key)[1]])
    const middle = (place) => moves.map((move) => move[place]).sort((a, b) => a - b)[moves.length >> 1] ?? 0
    const { scale } = this.camera
    if (this.camera.fitting >= scale) this.camera.begin()
    else this.camera.shift(-middle(0) * scale, -middle(1) * scale)
  }

  measure(text, kind) {
    this.pen ??= document.createElement("canvas").getContext("2d")
    const family = getComputedStyle(this.element).fontFamily || "sans-serif"
    this.pen.font = kind === "name" ? `600 13px ${family}` : `11px ${family}`
    return this.pen.measureText(text).width
  }

  count() {
    if (!this.laid) return
    const numbers = new Numbers(this.model.get("stats"))
    if (numbers.version !== this.graph.version) return // those of this graph come next
    const run = this.model.get("status").run
    const isMoving = run?.state === "running"
    if (!isMoving) this.rates.rest()
    this.rates.add(numbers)
    this.numbers = numbers
    this.drawing.setNumbers(numbers, this.rates, this.graph.nodes.length, isMoving)
    clearTimeout(this.quiet)
    this.quiet = setTimeout(() => this.catchUp(), QUIET)
  }

  /** Once nothing comes any more, patch what is out of sight, without holding the page up. */
  catchUp() {
    const ends = performance.now() + 8
    if (!this.drawing.catchUp(() => performance.now() < ends)) this.quiet = setTimeout(() => this.catchUp(), 20)
  }

  resize() {
    const width = this.stage.parentElement?.clientWidth
    if (!width || !this.laid) return
    const isDownward = this.element.clientWidth < NARROW
    if (isDownward !== this.isDownward) return this.turn()
    const scale = Math.min(1, (width - 28) / this.laid.width)
    const height = Math.min(Math.max(this.laid.height * Math.max(scale, 0.7) + 28, SHORTEST), TALLEST)
    this.stage.style.height = `${height}px`
    const isOther = width !== this.camera.stageWidth || height !== this.camera.stageHeight
    this.camera.setSizes(this.laid.width, this.laid.height, width, height)
    if (isOther) this.camera.begin()
    return undefined
  }

  /** The page became narrow, or wide: data flows the other way. */
  turn() {
    this.laid = null
    this.note("graph", "stats")
  }

  // -- what to show of it ---------------------------------------------------------------------

  show(wanted) {
    Object.assign(this.wanted, wanted)
    this.tools.whole.hidden = !this.wanted.around && !this.wanted.prefixes.length
    if (!this.wanted.around && !("prefixes" in wanted)) this.wanted.prefixes = []
    this.laid = null
    this.note("graph", "stats")
  }

  showAround() {
    const name = this.panel.name
    if (name) this.show({ around: name, hops: this.wanted.around === name ? this.wanted.hops + 1 : 1 })
  }

  collapse(prefix) {
    const { prefixes } = this.wanted
    const isCollapsed = prefixes.includes(prefix)
    this.show({ prefixes: isCollapsed ? prefixes.filter((one) => one !== prefix) : [...prefixes, prefix] })
  }

  find(name, text) {
    if (name === undefined) return this.bar.say(`no node has “${text}” in its name`, true)
    this.bar.say("")
    const drawn = this.drawing.order.find(({ box }) => box.members.some((index) => this.graph.nodes[index].name === name))
    if (!drawn) this.show({ around: "", hops: 1, prefixes: [] })
    else this.camera.reveal(drawn)
    return this.open(name)
  }

  async save(kind) {
    try {
      await download(kind, picture(this.stage, this.drawing.element, this.laid.width, this.laid.height), "emitnb-graph")
    } catch (error) {
      this.bar.say(`the picture could not be made: ${error.message}`, true)
    }
  }

  // -- mouse and keys -------------------------------------------------------------------------

  activate(isInside) {
    this.camera.isActive = isInside
    this.stage.classList.toggle("is-active", isInside)
  }

  escape() {
    this.activate(false)
    if (!this.panel.element.hidden) this.panel.close()
  }

  clicked(event) {
    if (this.camera.wasDragged) return
    const node = event.target.closest(".node")
    const edge = event.target.closest(".edge")
    const drawn = [...this.drawing.order, ...this.drawing.links.values()].find(({ element }) => element === (node ?? edge))
    if (node) this.openBox(drawn.box)
    else if (edge) this.openLink(drawn.link)
    else this.drawing.light(null)
  }

  keyed(event) {
    const { order } = this.drawing
    const at = order.findIndex(({ element }) => element === event.target)
    if (at < 0) return
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: order.length - 1 }[event.key]
    if (event.key === "Enter" || event.key === " ") this.openBox(order[at].box)
    else if (to !== undefined) this.focus(order[Math.min(Math.max(to, 0), order.length - 1)])
    else return
    event.preventDefault()
  }

  focus(drawn) {
    this.camera.reveal(drawn)
    this.focusable = drawn.box.key
    this.setFocusable()
    drawn.element.focus({ preventScroll: true })
  }

  focused(event) {
    const drawn = this.drawing.order.find(({ element }) => element === event.target)
    if (!drawn) return
    if (drawn.numbers === null && this.drawing.latest) this.drawing.patchBox(drawn)
    this.focusable = drawn.box.key
    this.setFocusable()
  }

  /** Of all boxes one can be reached with Tab, and from there the others with the arrow keys. */
  setFocusable() {
    const { order, boxes } = this.drawing
    const chosen = boxes.get(this.focusable) ?? order[0]
    for (const drawn of order) drawn.element.setAttribute("tabindex", drawn === chosen ? 0 : -1)
  }

  // -- details --------------------------------------------------------------------------------

  openBox(box) {
    if (box.node) this.open(box.node.name)
    else this.collapse(box.prefix)
  }

  open(name) {
    const index = this.graph.nodes.findIndex((node) => node.name === name)
    this.panel.showNode(this.graph.nodes[index], ...this.detailsOf(name, index))
    this.panel.name = name
    this.tools.around.hidden = false
    this.drawing.select(name)
    this.opened()
  }

  openLink(link) {
    const [from, to] = [this.drawing.order[link.from].box, this.drawing.order[link.to].box]
    if (!from.node || !to.node) return
    const messages = this.numbers?.ofEdges(link.members, this.graph.nodes.length) ?? 0
    this.panel.showEdge(link, `${from.title}${link.port ? "!" : ""}`, to.title, messages)
    this.panel.name = null
    this.drawing.light({ nodes: [from.title, to.title], edges: [[from.title, to.title]] })
    this.opened()
  }

  opened() {
    this.panel.element.hidden = false
    this.element.classList.add("has-panel")
  }

  closed() {
    const name = this.panel.name
    this.panel.element.hidden = this.tools.around.hidden = true
    this.panel.name = null
    this.element.classList.remove("has-panel")
    this.drawing.select(null)
    this.drawing.light(null)
    const drawn = this.drawing.order.find(({ box }) => box.title === name)
    if (drawn) this.focus(drawn)
  }

  detailsOf(name, index) {
    const numbers = this.numbers?.ofNodes([index])
    return [this.model.get("code")[name], this.model.get("details")[name], numbers]
  }

  updatePanel() {
    const name = this.panel.name
    const index = this.graph?.nodes.findIndex((node) => node.name === name)
    if (!name || index === undefined) return
    if (index < 0) return this.panel.close() // it was removed
    const [code, details, numbers] = this.detailsOf(name, index)
    this.panel.update(details, numbers, code)
    return undefined
  }

  // -- and the rest ---------------------------------------------------------------------------

  tell(text, example = "") {
    this.message.replaceChildren(text, ...(example ? [html("pre", {}, example)] : []))
    this.message.hidden = !text
  }

  checkLife() {
    if (this.model.comm_live === false) {
      this.element.classList.add("is-gone")
      this.bar.say("The kernel that drew this is gone: the graph is as it was then. %emit_graph draws it anew.")
    }
  }

  dispose() {
    this.isGone = true
    cancelAnimationFrame(this.frame)
    clearTimeout(this.quiet)
    for (const [name, act] of Object.entries(this.onChange)) this.model.off(`change:${name}`, act)
    this.model.off("comm_live_update", this.onLife)
    this.kernel.dispose()
    this.listening.abort()
    this.sizes.disconnect()
  }
}

/** The picture that is seen where no widget is goes away while there is one, and only then. */
function hidingOf(still) {
  const mine = `[data-emitnb-still="${CSS.escape(still)}"]`
  return `${mine} { display: none } .jp-OutputArea-child:has(${mine}) { display: none }`
}
