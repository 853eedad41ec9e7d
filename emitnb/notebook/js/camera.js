// What part of the drawing is seen: drag, wheel (once the graph was clicked), buttons, keys.

const CLOSEST = 2.5
const READABLE = 0.7
const SMALLEST_TEXT = 5
const TEXT_SIZE = 11
const MARGIN = 14

export class Camera {
  /**
   * @param {SVGElement} stage the svg element
   * @param {SVGElement} moved the group that is moved
   * @param {(view: object, isFar: boolean) => void} onMove called with the visible rectangle, in the drawing's units, and
   *   whether its text is too small to be read
   */
  constructor(stage, moved, onMove) {
    Object.assign(this, { stage, moved, onMove, x: 0, y: 0, scale: 1, width: 1, height: 1, isActive: false })
    stage.addEventListener("pointerdown", (event) => this.grab(event))
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false })
  }

  /** Note how large the drawing is, and the window onto it. */
  setSizes(width, height, stageWidth, stageHeight) {
    Object.assign(this, { width, height, stageWidth, stageHeight })
  }

  get fitting() {
    return Math.min(
      (this.stageWidth - 2 * MARGIN) / this.width,
      (this.stageHeight - 2 * MARGIN) / this.height,
    )
  }

  /** Show all of it, or what can be read of it from where data comes in. */
  begin() {
    const scale = Math.min(this.fitting, 1)
    if (scale >= READABLE) this.fit()
    else this.moveTo(MARGIN, Math.min(MARGIN, (this.stageHeight - this.height * READABLE) / 2), READABLE)
  }

  fit() {
    const scale = Math.min(this.fitting, 1)
    this.moveTo((this.stageWidth - this.width * scale) / 2, (this.stageHeight - this.height * scale) / 2, scale)
  }

  /** Bring a box into the middle, at a scale at which it can be read. */
  centre({ x, y, width, height }) {
    const scale = Math.max(this.scale, READABLE)
    this.moveTo(
      this.stageWidth / 2 - (x + width / 2) * scale,
      this.stageHeight / 2 - (y + height / 2) * scale,
      scale,
    )
  }

  /** Bring a box into view, if it is not. */
  reveal(box) {
    const view = this.view()
    const isSeen =
      box.x >= view.left && box.x + box.width <= view.right && box.y >= view.top && box.y + box.height <= view.bottom
    if (!isSeen || this.scale * TEXT_SIZE < SMALLEST_TEXT) this.centre(box)
  }

  zoom(factor, x = this.stageWidth / 2, y = this.stageHeight / 2) {
    const lowest = Math.min(this.fitting, 0.5)
    const scale = Math.min(Math.max(this.scale * factor, lowest), CLOSEST)
    const change = scale / this.scale
    this.moveTo(x - (x - this.x) * change, y - (y - this.y) * change, scale)
  }

  shift(x, y) {
    this.moveTo(this.x + x, this.y + y, this.scale)
  }

  moveTo(x, y, scale) {
    if (![x, y, scale].every(Number.isFinite)) return
    Object.assign(this, { x, y, scale })
    this.moved.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`)
    // Text that nobody can read is not painted.
    const isFar = scale * TEXT_SIZE < SMALLEST_TEXT
    this.stage.classList.toggle("is-far", isFar)
    this.onMove(this.view(80), isFar)
  }

  /** The visible rectangle, and so much around it, in the drawing's units. */
  view(around = 0) {
    const { x, y, scale, stageWidth, stageHeight } = this
    return {
      left: (-x - around) / scale,
      top: (-y - around) / scale,
      right: (stageWidth - x + around) / scale,
      bottom: (stageHeight - y + around) / scale,
    }
  }

  wheel(event) {
    if (!this.isActive) return // the page scrolls
    event.preventDefault()
    const { left, top } = this.stage.getBoundingClientRect()
    const lines = event.deltaMode === 1 ? 16 : 1
    this.zoom(Math.exp((-event.deltaY * lines) / 400), event.clientX - left, event.clientY - top)
  }

  grab(event) {
    if (event.button !== 0) return
    let [x, y] = [event.clientX, event.clientY]
    let isDragged = false
    const move = (moved) => {
      if (!isDragged && Math.hypot(moved.clientX - x, moved.clientY - y) < 4) return
      if (!isDragged) this.stage.setPointerCapture(event.pointerId)
      isDragged = true
      this.shift(moved.clientX - x, moved.clientY - y)
      ;[x, y] = [moved.clientX, moved.clientY]
    }
    const drop = () => {
      this.stage.removeEventListener("pointermove", move)
      this.stage.removeEventListener("pointerup", drop)
      this.stage.removeEventListener("pointercancel", drop)
      this.wasDragged = isDragged
    }
    this.wasDragged = false
    this.stage.addEventListener("pointermove", move)
    this.stage.addEventListener("pointerup", drop)
    this.stage.addEventListener("pointercancel", drop)
  }
}
