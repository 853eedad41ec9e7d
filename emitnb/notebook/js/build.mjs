// Bundles the widget and its engine into ../static, or into the folder named on the command line.
import { build } from "esbuild"
import { copyFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const out = process.argv[2] ?? join(here, "..", "static")

await build({
  absWorkingDir: here,
  entryPoints: { widget: "widget.js", engine: "engine-source.js" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  loader: { ".css": "text" },
  legalComments: "none",
})
const license = join(here, "node_modules/@hpcc-js/wasm-graphviz/LICENSE")
await copyFile(license, join(out, "engine.LICENSE.txt"))
await copyFile(join(here, "engine.NOTICE.txt"), join(out, "engine.NOTICE.txt"))
