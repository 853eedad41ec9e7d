// Beside the drawing: search, zoom, what to show of a large graph, and saving a picture of it.

import { html, setText } from "./dom.js"
import { onKey } from "./keys.js"
import { prefixesOf } from "./shape.js"

const MOST_OFFERED = 40
let lists = 0

/** Search by name, "around", collapse, zoom buttons, export. Says what it wants through `on`. */
export class Tools {
  /** @param {object} on find(name), around(hops), whole(), collapse(prefix), zoom(factor), fit(), save(kind) */
  constructor(on) {
    this.on = on
    const list = `emitnb-names-${++lists}-${Math.random().toString(36).slice(2)}`
    this.names = html("datalist", { id: list })
    this.search = html("input", {
      type: "search", placeholder: "find a node", "aria-label": "Find a node", list, spellcheck: "false",
      onchange: () => this.find(),
    })
    onKey(this.search, (event) => this.typed(event))
    this.around = html("button", {
      type: "button", title: "show only this node and what is one edge away; again: two edges, and so on",
      onclick: () => on.around(), hidden: "",
    }, "Around")
    this.whole = html("button", { type: "button", title: "show the whole graph again", hidden: "", onclick: () => on.whole() }, "Whole graph")
    this.prefixes = html("select", { "aria-label": "Collapse by prefix", onchange: () => this.chosen(), hidden: "" })
    const small = (label, text, act) => html("button", { type: "button", "aria-label": label, title: label, onclick: act }, text)
    const save = html("select", { "aria-label": "Export picture", onchange: (event) => this.save(event.target) },
      html("option", { value: "" }, "Export …"), html("option", { value: "svg" }, "as SVG"), html("option", { value: "png" }, "as PNG"))
    this.element = html("div", { class: "emitnb-tools", role: "group", "aria-label": "view" },
      this.search, this.names, this.around, this.whole, this.prefixes,
      small("Zoom in", "+", () => on.zoom(1.3)), small("Zoom out", "−", () => on.zoom(1 / 1.3)),
      small("Fit the whole graph", "Fit", () => on.fit()), save)
  }

  /** Offer the nodes and prefixes of a graph. */
  setGraph(graph, collapsed) {
    this.graph = graph
    this.names.replaceChildren(...graph.nodes.map(({ name }) => html("option", { value: name })))
    const found = prefixesOf(graph).sort(([, one], [, other]) => other - one).slice(0, MOST_OFFERED)
    this.prefixes.hidden = !found.length
    this.prefixes.replaceChildren(
      html("option", { value: "" }, collapsed.length ? `Collapsed: ${collapsed.length}` : "Collapse …"),
      ...found.map(([prefix, number]) =>
        html("option", { value: prefix }, `${collapsed.includes(prefix) ? "✓ " : ""}${prefix}… (${number})`)),
    )
  }

  /** Say around what the graph is shown; null for the whole graph. */
  setAround(hops) {
    setText(this.around, hops ? `Around (${hops})` : "Around")
  }

  typed(event) {
    if (event.key === "Enter") this.find()
    if (event.key === "Escape") this.search.value = ""
  }

  /** Find the node of this name, or the first that has the text in its name. */
  find() {
    const wanted = this.search.value.trim().toLowerCase()
    if (!wanted) return
    const names = this.graph.nodes.map(({ name }) => name)
    const name = names.find((one) => one.toLowerCase() === wanted) ??
      names.find((one) => one.toLowerCase().startsWith(wanted)) ??
      names.find((one) => one.toLowerCase().includes(wanted))
    this.on.find(name, this.search.value.trim())
  }

  chosen() {
    const prefix = this.prefixes.value
    if (prefix) this.on.collapse(prefix)
  }

  save(choice) {
    const kind = choice.value
    choice.value = ""
    if (kind) this.on.save(kind)
  }
}
