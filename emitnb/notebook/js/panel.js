// The details of what was clicked: a node with all that is known of it, or an edge.

import { html, setAttribute, setText } from "./dom.js"
import { count, counted, ms } from "./format.js"
import { Histogram } from "./histogram.js"
import { Path } from "./path.js"
import { sourceOf } from "./source.js"
import { Table } from "./table.js"
import { waiting } from "./waiting.js"

const MESSAGES = 20
const HINT = "light up its path"
const ENTRY_POINT = "__entry_point"

/** The panel beside the graph. What it shows of a node is patched in place as it changes. */
export class Panel {
  /**
   * @param {{ask: (what: string, args: object) => Promise<any>, onClose: () => void,
   *          onTrace: (trace: object | null) => void}} options
   */
  constructor({ ask, onClose, onTrace }) {
    Object.assign(this, { ask, onClose })
    this.path = new Path({ ask, onTrace, onChosen: (row) => this.table?.choose(row) })
    this.title = html("h3", { class: "emitnb-title", tabindex: "-1" })
    this.signature = html("code", { class: "emitnb-signature" })
    this.notes = html("div", { class: "emitnb-faint" })
    const closing = html("button", { type: "button", class: "emitnb-close", "aria-label": "close the details", title: "close (Esc)", onclick: () => this.close() }, "×")
    this.content = html("div")
    this.element = html(
      "aside",
      { class: "emitnb-panel", "aria-label": "details" },
      html("div", { class: "emitnb-head" }, this.title, closing),
      this.signature,
      this.notes,
      this.content,
    )
  }

  /** Show a node: its entry in the graph, and what was sent ahead of it; all may be undefined. */
  showNode(node, code, details, counters) {
    if (this.shown !== node.name) this.build(node)
    this.node = node
    this.update(details, counters, code)
  }

  /** Show newer data of the same node. */
  update(details, counters, code) {
    if (!this.node) return
    setText(this.signature, code?.title ?? `${this.node.name}(${(this.node.fields ?? []).join(", ")})`)
    this.signature.hidden = this.node.name === ENTRY_POINT
    setText(this.notes, (code?.options ?? this.node.notes ?? []).join(" · "))
    this.setCounters(counters)
    const stale = details?.stale || (counters?.stale ? `${counted(counters.stale, "row")} from an older version of a cell` : "")
    setText(this.stale, stale && `stale: ${stale}`)
    this.setFailures(details, counters)
    this.setRows(details)
    setText(this.pace, details?.histogram ? "" : "nothing ran here yet")
    this.histogram.element.hidden = !details?.histogram
    if (details?.histogram) this.histogram.set(details.histogram)
    this.setCode(code)
  }

  /** Show an edge, and ask for the last messages that went over it. */
  showEdge(edge, from, to, number) {
    this.reset(`${from} → ${to}`)
    this.signature.hidden = true
    setText(this.notes, edgeNotes(edge, number))
    this.table = new Table({ label: "last messages", onRow: (row) => this.path.toggle(from, row), rowHint: HINT })
    this.table.element.hidden = true
    this.rowsNote = html("div", { class: "emitnb-faint", role: "status" })
    const again = html("button", { type: "button", onclick: () => this.peek(from, to) }, "look again")
    this.content.replaceChildren(section("Last messages", this.rowsNote, this.table.element, this.path.element, again))
    return this.peek(from, to)
  }

  /** Close the panel, and put out what it lit up. */
  close() {
    this.reset("")
    this.element.hidden = true
    this.onClose()
  }

  /** Take the focus: what is shown is read from its title on. */
  focus() {
    this.title.focus({ preventScroll: true })
  }

  // -- building -------------------------------------------------------------------------------

  reset(title) {
    this.shown = this.node = null
    this.asked = Symbol(title)
    this.path.forget()
    this.table = null
    this.content.replaceChildren()
    setText(this.title, title)
    setAttribute(this.element, "aria-label", `details of ${title}`)
    this.element.hidden = false
    this.element.scrollTop = 0
  }

  build({ name }) {
    this.reset(name)
    this.shown = name
    this.counters = html("div", { class: "emitnb-counters" })
    this.stale = html("div", { class: "emitnb-stale" })
    this.failuresNote = html("div", { class: "emitnb-faint" })
    this.failures = html("ul", { class: "emitnb-failures" })
    this.rowsNote = html("div", { class: "emitnb-faint" })
    this.table = new Table({ label: "last emissions", onRow: (row) => this.path.toggle(name, row), rowHint: HINT })
    this.pace = html("div", { class: "emitnb-faint" })
    this.histogram = new Histogram()
    this.subscriptions = html("ul", { class: "emitnb-plain" })
    this.source = html("div")
    this.failuresKey = this.codeKey = undefined
    const isEntry = name === ENTRY_POINT
    const parts = [
      this.counters,
      this.stale,
      section("Failures", this.failuresNote, this.failures),
      section(isEntry ? "Last pushed" : "Last emissions", this.rowsNote, this.table.element, this.path.element),
    ]
    const ofNodes = [section("Timings", this.pace, this.histogram.element), section("Subscriptions", this.subscriptions), section("Source", this.source)]
    this.content.replaceChildren(...parts, ...(isEntry ? [] : ofNodes))
  }

  // -- the parts of a node --------------------------------------------------------------------

  setCounters(counters) {
    this.counters.hidden = !counters
    if (!counters) return
    const { received = 0, emitted = 0, dropped = 0, failed = 0, kept = 0, seconds = 0 } = counters
    const words = [`${count(received)} received`, `${count(emitted)} emitted`]
    if (dropped) words.push(`${count(dropped)} dropped`)
    if (seconds && received) words.push(`${ms((1000 * seconds) / received)} a message`)
    const wrong = failed ? ` · ${count(failed)} failed${kept === failed ? "" : `, ${count(kept)} still kept`}` : ""
    const key = words.join(" · ") + wrong
    if (key === this.counters.textContent) return
    this.counters.replaceChildren(words.join(" · "), html("span", { class: "is-wrong" }, wrong))
  }

  setFailures(details, counters) {
    const groups = details?.failures ?? []
    const told = !details ? "not sent yet" : counters?.kept && !groups.length ? `${counted(counters.kept, "failure")} kept: %emit_failures` : "none"
    setText(this.failuresNote, groups.length ? (details.grouped ?? "") : told)
    const key = JSON.stringify(groups)
    if (key === this.failuresKey) return
    this.failuresKey = key
    this.failures.replaceChildren(...groups.map(failureOf))
  }

  setRows(details) {
    const rows = details?.rows ?? []
    const emitted = this.node.name === ENTRY_POINT ? "pushed" : "emitted"
    let told = details ? `nothing was ${emitted} yet` : "not sent yet"
    if (rows.length) told = `the last ${count(rows.length)} of ${counted(details.total, "row")}; a click on a row lights up its path`
    else if (details?.missing) told = counted(details.total, "row")
    setText(this.rowsNote, details?.missing ? `${told}. ${details.missing}` : told)
    this.table.element.hidden = !rows.length
    if (details) this.table.set(details)
  }

  setCode(code) {
    const key = JSON.stringify(code)
    if (key === this.codeKey && this.source.firstChild) return
    this.codeKey = key
    this.subscriptions.replaceChildren(...subscriptionsOf(code))
    if (!code) return this.source.replaceChildren("not sent yet")
    if (!code.tokens.length) return this.source.replaceChildren("there is no source to be seen")
    const where = html("div", { class: "emitnb-faint" }, code.cell ? `from ${code.cell}` : "")
    return this.source.replaceChildren(where, sourceOf(code.tokens, code.line))
  }

  // -- the parts of an edge -------------------------------------------------------------------

  async peek(from, to) {
    const asked = (this.asked = Symbol())
    const isWanted = () => this.asked === asked
    try {
      const found = await waiting(this.ask("peek", { edge: `${from} -> ${to}`, n: MESSAGES }), this.rowsNote, isWanted)
      if (!isWanted()) return
      const { rows } = found
      setText(this.rowsNote, rows.length ? `the last ${count(rows.length)}, the newest below; a click on a row lights up its path` : "nothing went over it yet")
      this.table.element.hidden = !rows.length
      this.table.set(found)
    } catch (error) {
      if (isWanted()) setText(this.rowsNote, error.message)
    }
  }
}

function section(title, ...children) {
  return html("section", { "aria-label": title.toLowerCase() }, html("h4", {}, title), ...children)
}

function failureOf({ error_type: kind, line, count: number, error, input, row }) {
  const where = line === null ? "" : ` in line ${line}`
  return html(
    "li",
    {},
    html("span", { class: "is-wrong" }, html("b", {}, kind), `${where} · ${counted(number, "message")}`),
    html("div", {}, error),
    html("div", { class: "emitnb-faint" }, "smallest input ", html("code", {}, input), ` · %emit_debug ${row}`),
  )
}

function subscriptionsOf(code) {
  if (!code) return [html("li", {}, "not sent yet")]
  const shown = code.subscriptions.map(({ written, resolved, more }) => {
    const names = resolved.join(", ") + (more ? ` and ${count(more)} more` : "")
    const meaning = names === written ? "" : ` → ${names || "nothing yet"}`
    return html("li", {}, html("code", {}, written), meaning)
  })
  const pushed = code.options.includes("entry point") ? [html("li", {}, "what is pushed into the router")] : []
  const ignored = code.ignores.map((written) => html("li", {}, "but not ", html("code", {}, written)))
  const all = [...pushed, ...shown, ...ignored]
  return all.length ? all : [html("li", {}, "none: it receives nothing")]
}

function edgeNotes(edge, number) {
  const notes = number === undefined ? [] : [`${counted(number, "message")} went over it`]
  if (edge?.port) notes.push("what fails goes this way")
  if (edge?.pattern) notes.push("subscribed by a pattern")
  if (edge?.back) notes.push("closes a loop")
  return notes.join(" · ")
}
