// Which boxes and edges of the whole graph are drawn: all, those around a node, or with what
// shares a prefix collapsed into one box.

/**
 * @typedef {object} Box  key, title, members (indices into graph.nodes), node (the only member);
 *   of several members also entering (indices into graph.edges) and leaving (into graph.nodes)
 * @typedef {object} Link  from and to (indices into boxes), members (indices into graph.edges)
 */

/**
 * Return the boxes and links to draw.
 * @param {object} graph the trait: nodes and edges
 * @param {{around: string, hops: number, prefixes: string[]}} wanted
 */
export function shapeOf(graph, { around = "", hops = 1, prefixes = [] } = {}) {
  const near = nearby(graph, around, hops)
  const boxes = new Map()
  const boxOf = graph.nodes.map((node, index) => {
    if (near && !near.has(index)) return null
    const prefix = prefixes.find((prefix) => node.name.startsWith(prefix))
    const key = prefix === undefined ? `node ${node.name}` : `prefix ${prefix}`
    if (!boxes.has(key)) boxes.set(key, { key, prefix, members: [] })
    boxes.get(key).members.push(index)
    return key
  })
  const list = [...boxes.values()].map((box) => described(box, graph))
  const place = new Map(list.map((box, index) => [box.key, index]))
  return { boxes: list, links: linksOf(graph, boxOf, place) }
}

/** Prefixes that several nodes share, with how many: what can be collapsed. */
export function prefixesOf(graph) {
  const found = new Map()
  for (const { name } of graph.nodes) {
    if (name === "__entry_point") continue
    for (const end of name.matchAll(/[._]/g)) {
      if (end.index) found.set(name.slice(0, end.index + 1), (found.get(name.slice(0, end.index + 1)) ?? 0) + 1)
    }
  }
  return [...found].filter(([, number]) => number > 1)
}

function described(box, graph) {
  const nodes = box.members.map((index) => graph.nodes[index])
  if (box.prefix === undefined) {
    const [node] = nodes
    return { ...box, title: node.name, fields: node.fields, notes: node.notes, kinds: node.kinds, node }
  }
  const notes = [`${nodes.length} nodes, collapsed`]
  return { ...box, ...border(box, graph), title: `${box.prefix}…`, fields: [], notes, kinds: ["group"], node: null }
}

/** What goes in and out of a group: edges from outside, and members that emit to the outside. */
function border({ members }, graph) {
  const inside = new Set(members)
  const listened = new Set(graph.edges.map(({ from }) => from))
  const leaving = new Set(graph.edges.filter(({ from, to }) => inside.has(from) && !inside.has(to)).map(({ from }) => from))
  return {
    entering: graph.edges.flatMap(({ from, to }, index) => (inside.has(to) && !inside.has(from) ? [index] : [])),
    leaving: members.filter((index) => leaving.has(index) || !listened.has(index)),
  }
}

function linksOf(graph, boxOf, place) {
  const links = new Map()
  graph.edges.forEach((edge, index) => {
    const [from, to] = [boxOf[edge.from], boxOf[edge.to]]
    if (!from || !to) return
    if (from === to && from.startsWith("prefix ")) return
    const key = `${from}\n${edge.port ? "!" : ""}${to}`
    if (!links.has(key)) {
      links.set(key, { key, from: place.get(from), to: place.get(to), members: [], ...looks(edge) })
    }
    const link = links.get(key)
    link.members.push(index)
    link.pattern &&= edge.pattern
  })
  return [...links.values()]
}

function looks({ port, pattern, back }) {
  return { port, pattern, back }
}

/** Indices of nodes at most `hops` edges away from one; null for all. */
function nearby(graph, name, hops) {
  const start = graph.nodes.findIndex((node) => node.name === name)
  if (!name || start < 0) return null
  const found = new Set([start])
  let rim = [start]
  for (let hop = 0; hop < hops; hop++) {
    const inside = new Set(rim)
    rim = []
    for (const { from, to } of graph.edges) {
      for (const [here, there] of [[from, to], [to, from]]) {
        if (inside.has(here) && !found.has(there)) {
          found.add(there)
          rim.push(there)
        }
      }
    }
  }
  return found
}
