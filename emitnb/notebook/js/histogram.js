// How many messages took how long: small bars, and the same in words.

import { html, setAttribute, setText, svg } from "./dom.js"
import { count, counted, ms } from "./format.js"

const HEIGHT = 44
const STEP = 20

/** Bars of `{edges_ms, counts}`; their heights are counts, their places milliseconds a message. */
export class Histogram {
  constructor() {
    this.bars = svg("svg", { role: "img", preserveAspectRatio: "none", class: "emitnb-bars" })
    this.first = html("span")
    this.last = html("span")
    const axis = html("div", { class: "emitnb-axis", "aria-hidden": "true" }, this.first, html("span", {}, "a message"), this.last)
    this.words = html("figcaption")
    this.element = html("figure", { class: "emitnb-histogram" }, this.words, this.bars, axis)
  }

  /** Show other numbers. */
  set({ edges_ms: edges, counts }) {
    const highest = Math.max(...counts, 1)
    setAttribute(this.bars, "viewBox", `0 0 ${STEP * counts.length} ${HEIGHT}`)
    while (this.bars.children.length > counts.length) this.bars.lastChild.remove()
    counts.forEach((number, place) => this.setBar(place, number, highest, `${span(edges, place)}: ${counted(number, "message")}`))
    setText(this.first, ms(edges[0]))
    setText(this.last, ms(edges.at(-1)))
    setText(this.words, inWords(edges, counts))
    const filled = counts.flatMap((number, place) => (number ? [`${span(edges, place)}: ${count(number)}`] : []))
    setAttribute(this.bars, "aria-label", `messages by milliseconds a message; ${filled.join("; ")}`)
  }

  setBar(place, number, highest, text) {
    const bar = this.bars.children[place] ?? this.bars.appendChild(svg("rect", { width: STEP - 2, x: STEP * place + 1 }, svg("title")))
    const height = number ? Math.max((HEIGHT * number) / highest, 1.5) : 0
    setAttribute(bar, "y", HEIGHT - height)
    setAttribute(bar, "height", height)
    setText(bar.firstChild, text)
  }
}

function span(edges, place) {
  return `${ms(edges[place])} to ${ms(edges[place + 1])}`
}

/** Up to where half of the messages are, and all of them. */
function inWords(edges, counts) {
  const total = counts.reduce((sum, number) => sum + number, 0)
  let sum = 0
  const half = counts.findIndex((number) => (sum += number) >= total / 2)
  if (counts.length === 1) return `${counted(total, "message")}: ${span(edges, 0)} each`
  return `${counted(total, "message")}: half of them in ${ms(edges[half + 1])} or less, all in ${ms(edges.at(-1))} or less`
}
