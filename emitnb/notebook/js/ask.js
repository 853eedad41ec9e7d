// Questions to the kernel. It answers between two cells, or at once where it can do both.

/** Sends questions over the widget's model, and waits for the answers. */
export class Kernel {
  constructor(model) {
    this.model = model
    this.waiting = new Map()
    this.next = 1
    this.isGone = false
    this.prefix = Math.random().toString(36).slice(2)
    this.hear = (answer) => this.settle(answer)
    model.on("msg:custom", this.hear)
  }

  /** Ask for something to be done; resolves to what came of it, rejects with what went wrong. */
  ask(what, details = {}) {
    if (this.isGone) return Promise.reject(new Error("the kernel is gone; %emit_graph draws the graph anew"))
    const id = `${this.prefix}-${this.next++}`
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.model.send({ ...details, id, do: what })
    })
  }

  settle(answer) {
    const asked = this.waiting.get(answer.id)
    if (!asked) return // another view of the same graph asked
    this.waiting.delete(answer.id)
    if (answer.ok) asked.resolve(answer.result)
    else asked.reject(new Error(answer.error))
  }

  dispose() {
    this.model.off("msg:custom", this.hear)
  }
}
