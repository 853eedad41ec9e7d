// One view of the graph in a page: listens to the model, and keeps bar, scene and panel together.

import { Kernel } from "./ask.js"
import { Bar } from "./bar.js"
import { html, setText } from "./dom.js"
import { engineOf } from "./engine.js"
import { download, picture } from "./export.js"
import { onKey, ownKeys } from "./keys.js"
import { legend } from "./legend.js"
import { Numbers } from "./numbers.js"
import { Panel } from "./panel.js"
import panelStyle from "./panel.css"
import { Scene } from "./scene.js"
import style from "./style.css"
import { Tools } from "./tools.js"

const TRAITS = ["graph", "stats", "code", "details", "status", "surroundings", "trouble"]
const EXAMPLE = "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.split()"

export class View {
  constructor(model) {
    this.model = model
    this.kernel = new Kernel(model)
    this.wanted = { around: model.get("around"), hops: 1, prefixes: [] }
    this.changed = new Set()
    this.listening = new AbortController()
    this.build()
    this.listen()
    this.start()
  }

  build() {
    this.bar = new Bar(this.kernel)
    this.scene = new Scene({
      box: (box, withKeys) => this.openBox(box, withKeys),
      link: (link, from, to) => this.openLink(link, from, to),
      nothing: () => this.scene.drawing.light(null),
      height: (pixels) => this.panel.element.style.setProperty("--e-height", `${pixels}px`),
    })
    this.tools = new Tools({
      find: (name, text) => this.find(name, text),
      around: () => this.showAround(),
      whole: () => this.show({ around: "", hops: 1, prefixes: [] }),
      collapse: (prefix) => this.collapse(prefix),
      zoom: (factor) => this.scene.camera.zoom(factor),
      fit: () => this.scene.camera.fit(),
      save: (kind) => this.save(kind),
    })
    this.panel = new Panel({
      ask: (what, details) => this.kernel.ask(what, details),
      onClose: () => this.closed(),
      onTrace: (path) => this.scene.light(path),
    })
    this.panel.element.hidden = true
    this.message = html("div", { class: "emitnb-message", hidden: "" })
    this.advice = html("div", { class: "emitnb-advice" })
    this.hint = legend()
    this.hiding = html("style", {}, hidingOf(this.model.get("still")))
    const row = html("div", { class: "emitnb-row" }, this.tools.element, this.bar.note)
    const window = html("div", { class: "emitnb-window" }, this.message, this.scene.stage)
    const body = html("div", { class: "emitnb-body" }, window, this.panel.element)
    this.element = html("div", { class: "emitnb-graph", role: "region", "aria-label": "emitnb graph" },
      html("style", {}, `${style}\n${panelStyle}`), this.hiding, this.bar.element, row, body, this.advice, this.hint)
    this.tools.whole.hidden = !this.wanted.around
  }

  listen() {
    this.onChange = new Map(TRAITS.map((name) => [`change:${name}`, () => this.note(name)]))
    for (const [event, act] of this.onChange) this.model.on(event, act)
    const options = { signal: this.listening.signal }
    ownKeys(this.element, this.listening.signal)
    onKey(this.element, (event) => event.key === "Escape" && this.escape())
    const activate = (event) => this.scene.activate(this.scene.stage.contains(event.target))
    document.addEventListener("pointerdown", activate, options)
    this.sizes = new ResizeObserver(() => this.resized())
    this.sizes.observe(this.element)
  }

  async start() {
    this.note("status", "surroundings", "graph")
    try {
      this.engine = await engineOf(this.model, () => this.mourn(), this.listening.signal)
      this.note("graph")
    } catch (error) {
      this.giveUp(error)
    }
  }

  /** Without an engine the picture below stays, and says what there is to say. */
  giveUp(error) {
    this.hasGivenUp = true
    this.hiding.remove()
    this.scene.stage.remove()
    this.tools.element.hidden = this.hint.hidden = true
    const isBlocked = typeof WebAssembly === "undefined" || /wasm|webassembly/i.test(String(error))
    const why = isBlocked ? "it blocks WebAssembly" : String(error)
    this.tell(`This page cannot draw the live graph: ${why}. The picture below is drawn anew when a run ends.`)
  }

  /** Note that traits changed; they are shown together, in the next frame. */
  note(...names) {
    for (const name of names) this.changed.add(name)
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined
      const changed = this.changed
      this.changed = new Set()
      this.update((...names) => names.some((name) => changed.has(name)))
    })
  }

  update(has) {
    if (has("status")) this.bar.setStatus(this.model.get("status"))
    if (has("trouble") && this.model.get("trouble")) this.bar.say(this.model.get("trouble"), true)
    if (has("surroundings")) {
      const surroundings = this.model.get("surroundings")
      this.bar.setSurroundings(surroundings)
      setText(this.advice, surroundings.advice ?? "")
    }
    if (has("graph")) this.place()
    if (has("stats", "graph", "status")) this.count()
    if (has("details", "code", "stats")) this.updatePanel()
  }

  /** Draw the graph, since its shape changed, or what is wanted of it. */
  place(isOther = false) {
    if (this.hasGivenUp) return
    this.graph = this.model.get("graph")
    const hasNodes = this.graph.nodes?.some(({ name }) => name !== "__entry_point")
    this.tools.setGraph(this.graph, this.wanted.prefixes)
    this.tools.element.hidden = this.hint.hidden = !hasNodes
    this.scene.stage.style.display = hasNodes ? "" : "none"
    if (!hasNodes) {
      this.scene.clear()
      this.tell("No nodes yet. Declare the first one in a cell of its own:", EXAMPLE)
    } else if (!this.engine) this.tell("drawing …")
    else {
      this.tell("")
      this.scene.place(this.engine, this.graph, this.wanted, isOther || !this.scene.isDrawn)
      this.scene.drawing.select(this.panel.name)
    }
  }

  count() {
    if (!this.scene.isDrawn) return
    const numbers = new Numbers(this.model.get("stats"))
    if (numbers.version !== this.graph.version) return // those of this graph come next
    this.numbers = numbers
    this.scene.setNumbers(numbers, this.model.get("status").run?.state === "running")
  }

  resized() {
    if (!this.scene.isDrawn) return
    if (this.scene.isNarrow !== this.scene.isDownward) this.show({}) // data flows the other way
    else this.scene.resize(this.panel.name)
  }

  // -- what to show of it ---------------------------------------------------------------------

  show(wanted) {
    Object.assign(this.wanted, wanted)
    this.tools.whole.hidden = !this.wanted.around && !this.wanted.prefixes.length
    this.tools.setAround(this.wanted.around ? this.wanted.hops : 0)
    this.place(true)
    this.count()
  }

  showAround() {
    const { name } = this.panel
    const { around, hops } = this.wanted
    if (name) this.show({ around: name, hops: around === name ? hops + 1 : 1 })
  }

  collapse(prefix) {
    const { prefixes } = this.wanted
    const isCollapsed = prefixes.includes(prefix)
    this.show({ prefixes: isCollapsed ? prefixes.filter((one) => one !== prefix) : [...prefixes, prefix] })
  }

  find(name, text) {
    if (name === undefined) return this.bar.say(`no node has “${text}” in its name`, true)
    this.bar.say("")
    if (!this.scene.find(name)?.box.node) this.show({ around: "", hops: 1, prefixes: [] })
    return this.open(name)
  }

  async save(kind) {
    const { stage, drawing, laid } = this.scene
    drawing.catchUp()
    try {
      await download(kind, picture(stage, drawing.element, laid.width, laid.height), "emitnb-graph")
    } catch (error) {
      this.bar.say(`the picture could not be made: ${error.message}`, true)
    }
  }

  // -- details --------------------------------------------------------------------------------

  openBox(box, withKeys) {
    if (!box.node) return this.collapse(box.prefix)
    this.open(box.node.name)
    if (withKeys) this.panel.focus()
    return undefined
  }

  open(name) {
    const index = this.graph.nodes.findIndex((node) => node.name === name)
    this.panel.showNode(this.graph.nodes[index], ...this.detailsOf(name, index))
    this.opened(name)
  }

  openLink(link, from, to) {
    if (!from.node || !to.node) return
    const messages = this.numbers?.ofEdges(link.members, this.graph.nodes.length) ?? 0
    this.panel.showEdge(link, `${from.title}${link.port ? "!" : ""}`, to.title, messages)
    this.opened(null)
    this.scene.drawing.light({ nodes: [from.title, to.title], edges: [[from.title, to.title]] })
  }

  opened(name) {
    this.panel.name = name
    this.panel.element.hidden = false
    this.tools.around.hidden = !name
    this.element.classList.add("has-panel")
    this.scene.hasPanel = true
    this.scene.drawing.light(null)
    this.scene.drawing.select(name)
    this.scene.resize(name)
  }

  closed() {
    const { name } = this.panel
    const hadFocus = this.panel.element.contains(document.activeElement) || document.activeElement === document.body
    this.panel.name = null
    this.scene.activate(false)
    this.panel.element.hidden = this.tools.around.hidden = true
    this.element.classList.remove("has-panel")
    this.scene.hasPanel = false
    this.scene.drawing.select(null)
    this.scene.drawing.light(null)
    this.scene.resize()
    const drawn = name && this.scene.find(name)
    if (drawn && hadFocus) this.scene.focus(drawn)
  }

  detailsOf(name, index) {
    return [this.model.get("code")[name], this.model.get("details")[name], this.numbers?.ofNodes([index])]
  }

  updatePanel() {
    const { name } = this.panel
    if (!name || !this.graph) return
    const index = this.graph.nodes.findIndex((node) => node.name === name)
    if (index < 0) return this.panel.close() // it was removed
    const [code, details, numbers] = this.detailsOf(name, index)
    this.panel.update(details, numbers, code)
    return undefined
  }

  escape() {
    this.scene.activate(false)
    if (!this.panel.element.hidden) this.panel.close()
  }

  // -- and the rest ---------------------------------------------------------------------------

  tell(text, example = "") {
    this.message.replaceChildren(text, ...(example ? [html("pre", {}, example)] : []))
    this.message.hidden = !text
  }

  mourn() {
    this.kernel.isGone = true
    this.element.classList.add("is-gone")
    this.bar.say("The kernel that drew this is gone: the graph is as it was then. %emit_graph draws it anew.", false, true)
  }

  dispose() {
    cancelAnimationFrame(this.frame)
    this.note = () => {}
    for (const [event, act] of this.onChange) this.model.off(event, act)
    this.kernel.dispose()
    this.scene.dispose()
    this.listening.abort()
    this.sizes.disconnect()
  }
}

/** The picture that is seen where no widget is goes away while there is one, and only then. */
function hidingOf(still) {
  const mine = `[data-emitnb-still="${CSS.escape(still)}"]`
  return `${mine} { display: none } .jp-OutputArea-child:has(${mine}) { display: none }`
}
