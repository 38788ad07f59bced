// Prints the sizes of the built client and fails over budget. What counts is what travels: gzip, or the
// file as it is where gzip does not pay. Initial is what index.html names: Vite lists there what the entry
// imports, directly or not. All other scripts are loaded when they are needed.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";

const DIST = new URL("../dist/", import.meta.url);
const KB = 1024;
const BUDGETS = { "initial JS": 100 * KB, "initial CSS": 15 * KB, "lazy chunk": 30 * KB };

const travels = (file) => {
  const compressed = new URL(`${file}.gz`, DIST);
  return statSync(existsSync(compressed) ? compressed : new URL(file, DIST)).size;
};

const page = readFileSync(new URL("index.html", DIST), "utf8");
const named = new Set([...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file));
const files = readdirSync(new URL("assets/", DIST)).map((name) => `assets/${name}`);
const initial = (ending) => files.filter((file) => named.has(file) && file.endsWith(ending));
const total = (names) => names.reduce((sum, file) => sum + travels(file), 0);

const rows = [
  ["initial JS", total(initial(".js")), BUDGETS["initial JS"]],
  ["initial CSS", total(initial(".css")), BUDGETS["initial CSS"]],
  ...files
    .filter((file) => /\.(js|css)$/.test(file) && !named.has(file))
    .map((file) => [`lazy ${file.slice("assets/".length)}`, travels(file), BUDGETS["lazy chunk"]])
    .sort(([, one], [, other]) => other - one),
];
if (initial(".js").length === 0)
  throw new Error("index.html names no script of assets/: has the build changed?");

for (const [name, bytes, budget] of rows) {
  const verdict = bytes > budget ? "OVER" : "of";
  console.log(`${(bytes / KB).toFixed(1).padStart(7)} KB gz ${verdict} ${budget / KB}  ${name}`);
}
const over = rows.filter(([, bytes, budget]) => bytes > budget);
if (over.length > 0) {
  console.error(`over budget: ${over.map(([name]) => name).join(", ")}`);
  process.exit(1);
}
