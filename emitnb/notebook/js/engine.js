// The engine that lays graphs out: fetched from the kernel's one Engine model, started once a page.

/**
 * Return the started engine of a kernel. Rejects where the page blocks WebAssembly.
 * @param {object} model the widget's model
 * @param {() => void} onGone called when the kernel is gone
 * @param {AbortSignal} signal ends the listening for that
 */
export async function engineOf(model, onGone, signal) {
  const shared = await model.widget_manager.get_model(model.get("engine"))
  const listen = () => shared.comm_live || onGone()
  shared.on("comm_live_update", listen)
  // The model outlives its views.
  signal.addEventListener("abort", () => shared.off("comm_live_update", listen))
  // Kept on the model, so that all widgets of a kernel share it and it goes with the kernel.
  shared.emitnbEngine ??= start(shared.get("source"))
  return shared.emitnbEngine
}

async function start(source) {
  // Asked here: the engine would fill the console with what is no more than the page's wish.
  if (typeof WebAssembly === "undefined") throw new Error("there is no WebAssembly")
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }))
  try {
    const { Graphviz } = await import(url)
    return await Graphviz.load()
  } finally {
    URL.revokeObjectURL(url)
  }
}
