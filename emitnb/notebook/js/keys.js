// Keys pressed inside the widget are its own. A notebook hears them before any element of a page
// does, and in its command mode two of them delete a cell.

const OWN = "emitnb-key"

/** Keep keys that are pressed inside an element from the page around it, and hand them to `onKey`. */
export function ownKeys(root, signal) {
  const hear = (event) => {
    if (!root.contains(event.target) || isForPage(event)) return
    event.stopImmediatePropagation()
    event.target.dispatchEvent(new CustomEvent(OWN, { bubbles: true, detail: event }))
  }
  window.addEventListener("keydown", hear, { capture: true, signal })
}

/** Call `act` with the events of keys that are pressed in an element. */
export function onKey(element, act) {
  element.addEventListener(OWN, ({ detail }) => act(detail))
}

/** Saving, running the cell and the like mean the page wherever the focus is. */
function isForPage({ key, ctrlKey, metaKey, altKey, shiftKey, target }) {
  return ctrlKey || metaKey || altKey || (key === "Enter" && shiftKey && !target.matches("input, select"))
}
