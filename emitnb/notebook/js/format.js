// Numbers and texts as people read them.

const whole = new Intl.NumberFormat("en-US")
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 })

/** A count: exact up to ten million, then "12.35M". */
export function count(number) {
  return number < 1e7 ? whole.format(number) : compact.format(number)
}

/** A rate in messages a second. */
export function rate(number) {
  return number >= 10 ? `${count(Math.round(number))}/s` : `${number.toPrecision(2)}/s`
}

/** Milliseconds, with three digits; very short times in microseconds. */
export function ms(number) {
  if (number >= 100) return `${count(Math.round(number))} ms`
  if (number >= 0.01) return `${Number(number.toPrecision(3))} ms`
  return `${Number((1e3 * number).toPrecision(number < 1e-3 ? 2 : 3))} µs`
}

/** A count with its noun. */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`
}
