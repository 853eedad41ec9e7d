// The drawing as a file: SVG with the looks it has now, or a PNG of that.

import { svg } from "./dom.js"

const LOOKS = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "display", "transform",
]
const MARGIN = 16

/** Return the whole drawing as the text of an SVG file, with its size in pixels. */
export function picture(stage, moved, width, height) {
  const whole = [width + 2 * MARGIN, height + 2 * MARGIN].map(Math.ceil)
  const hidden = [...moved.querySelectorAll("[style*='display']")]
  const before = hidden.map((element) => element.style.display)
  stage.classList.add("is-exported")
  hidden.forEach((element) => (element.style.display = ""))
  const copy = copied(moved)
  stage.classList.remove("is-exported")
  hidden.forEach((element, index) => (element.style.display = before[index]))
  copy.setAttribute("transform", `translate(${MARGIN} ${MARGIN})`)
  copy.style.transform = ""
  const paper = svg("rect", { width: "100%", height: "100%", fill: getComputedStyle(stage).backgroundColor })
  const root = svg("svg", { width: whole[0], height: whole[1], viewBox: `0 0 ${whole.join(" ")}` }, paper, copy)
  return { text: new XMLSerializer().serializeToString(root), width: whole[0], height: whole[1] }
}

function copied(element) {
  const copy = element.cloneNode(false)
  for (const { name } of [...copy.attributes]) {
    if (/^(role|tabindex|class|aria-|data-)/.test(name)) copy.removeAttribute(name)
  }
  if (!["title", "g"].includes(element.tagName) || element.style?.transform) {
    const looks = getComputedStyle(element)
    copy.setAttribute("style", LOOKS.map((name) => `${name}:${looks.getPropertyValue(name)}`).join(";"))
  }
  for (const child of element.childNodes) {
    copy.append(child.nodeType === Node.ELEMENT_NODE ? copied(child) : child.cloneNode())
  }
  return copy
}

/** Offer a picture as a download: "svg" or "png". */
export async function download(kind, drawn, name) {
  const text = new Blob([drawn.text], { type: "image/svg+xml" })
  const blob = kind === "svg" ? text : await raster(drawn)
  const url = URL.createObjectURL(blob)
  const link = document.createElement("a")
  link.href = url
  link.download = `${name}.${kind}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

async function raster({ text, width, height }) {
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`
  await image.decode()
  // Twice as fine as the screen, as far as browsers allow pictures to go.
  const scale = Math.min(2, 16_000 / Math.max(width, height))
  const canvas = document.createElement("canvas")
  canvas.width = width * scale
  canvas.height = height * scale
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"))
}
