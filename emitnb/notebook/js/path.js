// The way of one emission: what it was made from, and what was made from it.

import { html, setText } from "./dom.js"
import { count, counted, ms } from "./format.js"
import { waiting } from "./waiting.js"

/** Asks for the path of an emission, lists its hops, and hands it on to be lit up. */
export class Path {
  /** @param {{ask: Function, onTrace: Function, onChosen: (row: number | null) => void}} options */
  constructor({ ask, onTrace, onChosen }) {
    this.ask = ask
    this.onTrace = onTrace
    this.onChosen = onChosen
    this.status = html("div", { role: "status", class: "emitnb-faint" })
    this.hops = html("ol", { class: "emitnb-hops emitnb-scroll", tabindex: "0", "aria-label": "the path", hidden: "" })
    this.out = html("button", { type: "button", hidden: "", onclick: () => this.clear() }, "put the path out")
    this.element = html("div", { class: "emitnb-path" }, this.status, this.hops, this.out)
  }

  /** Light the path of a row up, or put it out if it is lit. */
  async toggle(node, row) {
    if (this.row === row && this.node === node) return this.clear()
    this.forget()
    Object.assign(this, { node, row })
    this.onChosen(row)
    const name = `the path of ${node} ${count(row)}`
    try {
      const trace = await waiting(this.ask("trace", { node, row }), this.status, () => this.row === row && this.node === node)
      if (this.row === row && this.node === node) this.show(name, trace)
    } catch (error) {
      if (this.row === row && this.node === node) setText(this.status, error.message)
    }
    return undefined
  }

  show(name, trace) {
    const { hops, total = hops.length } = trace
    const part = total > hops.length ? `, ${count(hops.length)} of them below` : ""
    setText(this.status, `${name}: ${counted(total, "emission")}${part}`)
    this.hops.replaceChildren(...hops.map(hopOf))
    this.hops.hidden = this.out.hidden = false
    this.isLit = true
    this.onTrace(trace)
  }

  /** Put the path out. */
  clear() {
    this.forget()
    this.onChosen(null)
  }

  forget() {
    this.node = this.row = null
    this.hops.hidden = this.out.hidden = true
    this.hops.replaceChildren()
    setText(this.status, "")
    if (this.isLit) this.onTrace(null)
    this.isLit = false
  }
}

function hopOf({ hop, node, row, ms: time, values }) {
  const where = hop < 0 ? "made from" : hop === 0 ? "this one" : "made of it"
  return html(
    "li",
    { class: hop === 0 ? "is-chosen" : null },
    html("span", { class: "emitnb-faint" }, `${where} `),
    html("b", {}, `${node} ${count(row)}`),
    html("code", {}, ` ${values} `),
    html("span", { class: "emitnb-faint" }, time === null ? "" : ms(time)),
  )
}
