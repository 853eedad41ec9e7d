// The live graph of emitnb: an anywidget.
import { View } from "./view.js"

function render({ model, el }) {
  const view = new View(model)
  el.append(view.element)
  return () => view.dispose()
}

export default { render }
