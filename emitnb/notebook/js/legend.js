// What the looks of boxes and lines mean, in words; closed until somebody asks.

import { html } from "./dom.js"

const LOOKS = [
  ["blue frame", "an entry point, or messages on their way"],
  ["thick frame", "keeps state"],
  ["round", "async"],
  ["stacked", "takes batches, or several nodes collapsed"],
  ["red frame", "failures are kept for a retry"],
  ["dashed frame", "rows of an older version of a cell"],
  ["width of a line", "how many messages went over it"],
  ["dotted line", "subscribed by a pattern alone"],
  ["long dashes", "closes a loop"],
  ["red dashes, !", "from a failure port"],
]

/** The legend, with how to move about. */
export function legend() {
  const rows = LOOKS.flatMap(([look, meaning]) => [html("dt", {}, look), html("dd", {}, meaning)])
  return html("details", { class: "emitnb-legend", hidden: "" },
    html("summary", {}, "drag to move, click the graph to zoom with the wheel; what the looks mean"),
    html("dl", {}, ...rows))
}
