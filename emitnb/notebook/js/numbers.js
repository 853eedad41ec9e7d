// The numbers of the wire: one Float64Array, and what is asked of it.

const HEAD = 2
const PER_NODE = 7

/** What went through boxes and over links; see emitnb/notebook/live/counting.py for the order. */
export class Numbers {
  /** @param {DataView} view the trait `stats` */
  constructor(view) {
    // Copied, since the bytes of a message need not begin where a float64 may.
    const bytes = view?.byteLength ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : new ArrayBuffer(16)
    this.values = new Float64Array(bytes)
  }

  get version() {
    return this.values[0]
  }

  get seconds() {
    return this.values[1]
  }

  /** The sum over some nodes. */
  ofNodes(indices) {
    const total = [0, 0, 0, 0, 0, 0, 0]
    for (const index of indices) {
      const first = HEAD + PER_NODE * index
      for (let place = 0; place < PER_NODE; place++) total[place] += this.values[first + place] ?? 0
    }
    const [received, emitted, dropped, failed, kept, stale, seconds] = total
    return { received, emitted, dropped, failed, kept, stale, seconds }
  }

  /** Messages over some edges, of a graph of so many nodes. */
  ofEdges(indices, nodes) {
    let total = 0
    for (const index of indices) total += this.values[HEAD + PER_NODE * nodes + index] ?? 0
    return total
  }
}

/** Remembers numbers of a second or two ago, for rates. */
export class Rates {
  constructor() {
    this.kept = []
  }

  /** Note new numbers. */
  add(numbers) {
    if (this.kept.length && this.kept[0].version !== numbers.version) this.kept = []
    this.kept.push(numbers)
    while (this.kept.length > 2 && numbers.seconds - this.kept[1].seconds >= 1) this.kept.shift()
  }

  /** Messages a second that some nodes took lately. */
  of(indices) {
    const [first, last] = [this.kept[0], this.kept.at(-1)]
    if (!first || first === last) return 0
    const over = last.seconds - first.seconds
    const taken = (numbers) => {
      const { received, emitted } = numbers.ofNodes(indices)
      return received || emitted
    }
    return over > 0 ? Math.max(taken(last) - taken(first), 0) / over : 0
  }

  /** Forget all but the last: nothing moves now. */
  rest() {
    this.kept = this.kept.slice(-1)
  }
}
