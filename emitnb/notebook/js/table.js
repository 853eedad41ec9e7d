// A small table of texts: what is shown can be sorted, and its rows chosen.

import { html, setAttribute, setText } from "./dom.js"

const NEXT = { none: "ascending", ascending: "descending", descending: "none" }
const SIGNS = { none: "", ascending: " ▲", descending: " ▼" }
const NUMBERS = /^(u?int|float|complex)/i

/**
 * Rows whose first cell is their number.
 *
 * While somebody is on a row, with the mouse or the keyboard, the rows stay; newer ones come in
 * when they leave.
 */
export class Table {
  /** @param {{label: string, onRow?: (row: number) => void, rowHint?: string}} options */
  constructor({ label, onRow, rowHint = "" }) {
    this.onRow = onRow
    this.rowHint = rowHint
    this.sort = { name: null, order: "none" }
    this.rows = new Map()
    this.chosen = null
    this.head = html("tr")
    this.body = html("tbody", { onpointerleave: () => this.left(), onfocusout: () => this.left() })
    this.note = html("div", { class: "emitnb-faint", hidden: "" }, "rows stay while you are on them")
    const table = html("table", { "aria-label": label }, html("thead", {}, this.head), this.body)
    this.box = html("div", { class: "emitnb-scroll", tabindex: "0", role: "group", "aria-label": label }, table)
    this.element = html("div", { class: "emitnb-table" }, this.box, this.note)
  }

  /** Show other rows, `{columns, dtypes, rows}`; each row has its number first. */
  set(data) {
    const key = JSON.stringify([data.columns, data.dtypes, data.rows])
    const isOther = key !== this.key
    this.later = isOther && this.rows.size && this.isHeld() ? data : null
    this.note.hidden = !this.later
    if (!isOther || this.later) return
    this.key = key
    this.data = data
    this.setHead(["row", ...data.columns], ["", ...data.dtypes])
    this.setRows()
  }

  /** Mark the row of a number, or none. */
  choose(number) {
    this.chosen = number
    for (const [row, { element, button }] of this.rows) {
      element.classList.toggle("is-chosen", row === number)
      if (button) setAttribute(button, "aria-pressed", row === number)
    }
  }

  isHeld() {
    return this.body.matches(":hover") || this.body.matches(":focus-within")
  }

  /** Somebody left the rows, and may be on them still with the other of mouse and keyboard. */
  left() {
    queueMicrotask(() => {
      if (this.later && !this.isHeld()) this.set(this.later)
    })
  }

  setHead(names, dtypes) {
    const key = JSON.stringify([names, dtypes])
    if (key === this.headKey) return this.markSort()
    this.headKey = key
    this.names = names
    this.isNumber = dtypes.map((dtype, place) => place === 0 || NUMBERS.test(dtype))
    if (!names.includes(this.sort.name)) this.sort = { name: null, order: "none" }
    this.sorters = names.map((name, place) => {
      const sign = html("span", { "aria-hidden": "true" })
      const kind = html("span", { class: "emitnb-dtype" }, dtypes[place])
      const button = html("button", { type: "button", onclick: () => this.sortBy(place) }, name, sign, kind)
      const cell = html("th", { scope: "col", class: this.isNumber[place] ? "is-number" : null }, button)
      return { cell, sign }
    })
    this.head.replaceChildren(...this.sorters.map(({ cell }) => cell))
    return this.markSort()
  }

  sortBy(place) {
    const name = this.names[place]
    const before = this.sort.name === name ? this.sort.order : "none"
    this.sort = { name, order: NEXT[before] }
    this.markSort()
    this.setRows()
  }

  markSort() {
    this.sorters.forEach(({ cell, sign }, place) => {
      const order = this.names[place] === this.sort.name ? this.sort.order : "none"
      setAttribute(cell, "aria-sort", order)
      setText(sign, SIGNS[order])
    })
  }

  setRows() {
    const before = this.rows
    this.rows = new Map()
    const elements = this.sorted().map((row) => {
      const shown = before.get(row[0]) ?? this.rowOf(row[0])
      this.fill(shown, row)
      this.rows.set(row[0], shown)
      return shown.element
    })
    this.body.replaceChildren(...elements)
    this.choose(this.chosen)
  }

  sorted() {
    const { rows } = this.data
    const place = this.names.indexOf(this.sort.name)
    if (place < 0 || this.sort.order === "none") return rows
    const compare = this.isNumber[place] ? byNumber : byText
    const sign = this.sort.order === "ascending" ? 1 : -1
    return [...rows].sort((one, two) => compare(one[place], two[place], sign))
  }

  rowOf(number) {
    const button = this.onRow
      ? html("button", { type: "button", "aria-pressed": "false", title: this.rowHint, "aria-label": `row ${number}: ${this.rowHint}` }, String(number))
      : null
    const element = html("tr", {}, html("th", { scope: "row", class: "is-number" }, button ?? String(number)))
    if (this.onRow) element.addEventListener("click", () => isSelecting() || this.onRow(number))
    return { element, button, cells: [] }
  }

  fill(shown, row) {
    const texts = row.slice(1)
    while (shown.cells.length > texts.length) shown.cells.pop().remove()
    texts.forEach((text, place) => {
      const cell = (shown.cells[place] ??= shown.element.appendChild(html("td")))
      setText(cell, text)
      setAttribute(cell, "title", text)
      setAttribute(cell, "class", this.isNumber[place + 1] ? "is-number" : null)
    })
  }
}

function isSelecting() {
  return String(getSelection() ?? "") !== ""
}

/** Numbers in order, and what is none behind them whichever way they are sorted. */
function byNumber(one, two, sign) {
  const [left, right] = [Number(one), Number(two)]
  if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right)
  return left === right ? 0 : sign * (left < right ? -1 : 1)
}

function byText(one, two, sign) {
  return sign * one.localeCompare(two)
}
