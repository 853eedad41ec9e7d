// Graphviz, compiled to WebAssembly: a bundle of its own, since it is sent once a kernel.
export { Graphviz } from "@hpcc-js/wasm-graphviz"
