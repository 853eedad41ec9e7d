// What part of the drawing is seen: drag, wheel (once the graph was clicked), buttons, keys.

const CLOSEST = 2.5
const READABLE = 0.8
/** The scale down to which text can be read, if need be. */
export const LEGIBLE = 0.6
const REST = 60
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
    Object.assign(this, { stage, moved, onMove, x: 0, y: 0, scale: 1, width: 1, height: 1, isActive: false, isGrabbed: false, anchor: null })
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

  /** Whether all of it can be read at once. */
  get fits() {
    return this.fitting >= LEGIBLE
  }

  /** Show all of it, or what can be read of it around its anchor: the box where data comes in. */
  begin() {
    if (this.fits || !this.anchor) return this.fit()
    const { x, y, width, height } = this.anchor
    const place = (start, size, whole, stage) => {
      if (whole * READABLE + 2 * MARGIN <= stage) return (stage - whole * READABLE) / 2
      // No further than to the edges of the drawing.
      const least = stage - MARGIN - whole * READABLE
      return Math.min(Math.max(stage / 2 - (start + size / 2) * READABLE, least), MARGIN)
    }
    return this.moveTo(
      place(x, width, this.width, this.stageWidth),
      place(y, height, this.height, this.stageHeight),
      READABLE,
    )
  }

  /** Bring several boxes into view, smaller if need be. */
  showAll(boxes) {
    const [left, top] = [Math.min(...boxes.map(({ x }) => x)), Math.min(...boxes.map(({ y }) => y))]
    const width = Math.max(...boxes.map((box) => box.x + box.width)) - left
    const height = Math.max(...boxes.map((box) => box.y + box.height)) - top
    const view = this.view()
    if (left >= view.left && top >= view.top && left + width <= view.right && top + height <= view.bottom) return
    const room = Math.min((this.stageWidth - 2 * MARGIN) / width, (this.stageHeight - 2 * MARGIN) / height)
    const scale = Math.min(this.scale, room)
    this.moveTo((this.stageWidth - width * scale) / 2 - left * scale, (this.stageHeight - height * scale) / 2 - top * scale, scale)
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
    // Some of the drawing stays in view, however far it is dragged.
    x = Math.min(Math.max(x, REST - this.width * scale), this.stageWidth - REST)
    y = Math.min(Math.max(y, REST - this.height * scale), this.stageHeight - REST)
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
      this.isGrabbed = false
    }
    this.wasDragged = false
    this.isGrabbed = true
    this.stage.addEventListener("pointermove", move)
    this.stage.addEventListener("pointerup", drop)
    this.stage.addEventListener("pointercancel", drop)
  }
}
