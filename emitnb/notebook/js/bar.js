// Above the drawing: what the run does, where nodes run, and the buttons that steer it.

import { html, setAttribute, setText } from "./dom.js"
import { count, counted } from "./format.js"

const PATIENCE = 300
const READ = 6000
const READ_ERROR = 20_000

const BUTTONS = [
  ["pause", "Pause", "pause after the batch under way"],
  ["resume", "Resume", "let paused runs go on"],
  ["step", "Step", "commit one more batch, then pause"],
  ["stop", "Stop", "end the run; what is committed stays"],
  ["retry", "Retry failures", "send what failed through its node again"],
  ["replay", "Replay stale", "run again what comes from an older version of a cell"],
]

/** The state of the run, progress, the backend, and buttons for all that can be done now. */
export class Bar {
  constructor(kernel) {
    this.kernel = kernel
    this.state = html("span", { class: "emitnb-state" })
    this.progress = html("progress", { "aria-label": "messages committed", hidden: "" })
    this.amount = html("span", { class: "emitnb-amount" })
    this.failed = html("span", { class: "emitnb-failed" })
    this.backend = html("span", { class: "emitnb-backend" })
    this.note = html("div", { class: "emitnb-note", role: "status" })
    this.buttons = new Map(BUTTONS.map(([name, label, help]) => [name, this.button(name, label, help)]))
    const buttons = html("span", { class: "emitnb-buttons" }, ...this.buttons.values())
    const line = html("div", { class: "emitnb-line" }, this.state, this.progress, this.amount, this.failed, buttons, this.backend)
    this.element = html("div", { class: "emitnb-bar" }, line)
  }

  button(name, label, help) {
    return html("button", { type: "button", title: help, hidden: "", onclick: () => this.press(name, label) }, label)
  }

  async press(name, label) {
    const button = this.buttons.get(name)
    if (button.getAttribute("aria-busy")) return
    setAttribute(button, "aria-busy", "true")
    // Where the answer is quick, nothing flashes.
    const waits = setTimeout(() => this.say(`${label}: waiting for the kernel, which is busy …`, false, true), PATIENCE)
    try {
      this.say(await this.kernel.ask(name, { runs: this.runs }))
    } catch (error) {
      this.say(error.message, true)
    } finally {
      clearTimeout(waits)
      setAttribute(button, "aria-busy", null)
    }
  }

  /** Tell the user a line, as text. What is neither wrong nor lasting goes after a while. */
  say(text, isWrong = false, isLasting = false) {
    setText(this.note, text ?? "")
    this.note.classList.toggle("is-wrong", isWrong)
    clearTimeout(this.fading)
    if (!isLasting) this.fading = setTimeout(() => setText(this.note, ""), isWrong ? READ_ERROR : READ)
  }

  /** Show the trait `status`. */
  setStatus({ run, runs = [], others = 0, failing = 0, can = {} }) {
    // A button means the runs that were there when it was pressed.
    this.runs = runs
    const word = run?.state === "running" ? run.doing : run?.state
    setText(this.state, !run ? "nothing pushed yet" : word === "ready" ? "waiting" : word)
    setAttribute(this.state, "data-state", run?.state ?? "idle")
    const total = run?.total
    const isGoing = run && ["running", "pausing", "paused", "stopping", "ready"].includes(run.state)
    this.progress.hidden = !isGoing
    if (isGoing && total) Object.assign(this.progress, { max: total, value: run.done })
    else this.progress.removeAttribute("value")
    const of = total && total !== run.done ? ` of ${count(total)}` : ""
    const parts = run ? [`${count(run.done)}${of} ${total === 1 || (!total && run.done === 1) ? "message" : "messages"}`] : []
    if (run?.background) parts.unshift(`run ${run.number}`)
    if (run?.hint) parts.push(run.hint)
    if (run?.error && run.error !== this.error) this.say(run.error, true)
    this.error = run?.error
    if (others) parts.push(`and ${counted(others, "more run")}`)
    setText(this.amount, parts.join(" · "))
    setText(this.failed, failing ? `${count(failing)} failed` : "")
    for (const [name, button] of this.buttons) {
      if (!can[name] && document.activeElement === button) this.focusNext(button, can)
      button.hidden = !can[name]
    }
  }

  /** A button that goes away must not take the keyboard's place in the page with it. */
  focusNext(gone, can) {
    for (const [name, button] of this.buttons) {
      if (can[name] && button !== gone) {
        button.hidden = false
        return button.focus()
      }
    }
    return undefined
  }

  /** Show where nodes run. */
  setSurroundings({ backend = "", workers = "", dashboard = "" }) {
    const parts = [backend]
    if (workers) parts.push(` · ${workers} ${workers === "1" ? "worker" : "workers"}`)
    // An address is data: only one that opens a page becomes a link.
    if (/^https?:\/\//.test(dashboard)) {
      parts.push(" · ", html("a", { href: dashboard, target: "_blank", rel: "noopener noreferrer" }, "dashboard"))
    }
    this.backend.replaceChildren(...parts)
  }
}
