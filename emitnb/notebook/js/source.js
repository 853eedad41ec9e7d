// Source with highlighting: pieces of text with the classes that Pygments has for them.

import { html } from "./dom.js"

/** Return lines of source with their numbers, from `[class, text]` pairs. */
export function sourceOf(tokens, first) {
  const lines = linesOf(tokens)
  const width = `${String(first + lines.length - 1).length}ch`
  const shown = lines.map((pieces, place) =>
    html("span", { class: "line" }, html("span", { class: "number", "aria-hidden": "true", style: `width:${width}` }, String(first + place)), ...pieces, "\n"),
  )
  return html("pre", { class: "emitnb-source emitnb-scroll", tabindex: "0", role: "group", "aria-label": "source" }, html("code", {}, ...shown))
}

function linesOf(tokens) {
  const lines = [[]]
  for (const [name, text] of tokens) {
    text.split("\n").forEach((piece, place) => {
      if (place) lines.push([])
      if (piece) lines.at(-1).push(name ? html("span", { class: `k-${name}` }, piece) : piece)
    })
  }
  return lines
}
