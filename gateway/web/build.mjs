/** Builds gateway/static from gateway/web: `node gateway/web/build.mjs [FOLDER]`. What it makes is committed. */

import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const into = process.argv[2] ?? join(here, "..", "static");
const target = ["chrome114", "firefox115", "safari16.4"];
const banner = "Built from gateway/web by `make web`: do not edit.";

/** Style sheets become strings, without the spaces. */
const styles = {
  name: "styles",
  setup(building) {
    building.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true, target });
      return { contents: code, loader: "text" };
    });
  },
};

await build({
  entryPoints: [join(here, "src", "widget.ts")],
  outfile: join(into, "widget.js"),
  bundle: true,
  minify: true,
  format: "iife",
  charset: "utf8",
  target,
  plugins: [styles],
  banner: { js: `/* ${banner} */` },
});

// The page without JavaScript looks the same: it takes the chat's own styles after its own.
const sheets = await Promise.all(["page.css", "chat.css"].map((name) => readFile(join(here, name), "utf8")));
await writeFile(join(into, "page.css"), `/* ${banner} */\n${sheets.join("\n")}`);
