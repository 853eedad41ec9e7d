// Elements, made without markup: all that comes from data goes in as text.

const SVG = "http://www.w3.org/2000/svg"

/** Return an HTML element with attributes and children (nodes, or text). */
export function html(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children)
}

/** Return an SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children)
}

/** Set the text of an element, if it is another one: even an equal text is laid out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** Set or remove an attribute, if it changes. */
export function setAttribute(element, name, value) {
  if (value === null || value === false || value === undefined) element.removeAttribute(name)
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value)
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
    else setAttribute(element, name, value)
  }
  element.append(...children)
  return element
}
