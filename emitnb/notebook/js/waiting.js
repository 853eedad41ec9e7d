// Answers that take their time: the kernel runs one cell after the other.

import { setText } from "./dom.js"

const PATIENCE = 300

/** Return what a promise brings; meanwhile, if that takes long, say in `place` that it is waited for. */
export async function waiting(promise, place, isWanted = () => true) {
  const late = setTimeout(() => isWanted() && setText(place, "waiting for the kernel …"), PATIENCE)
  try {
    return await promise
  } finally {
    clearTimeout(late)
    if (isWanted()) setText(place, "")
  }
}
