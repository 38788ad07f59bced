// Prints the sizes of the built client and fails over budget. What counts is what travels: gzip, or the
// file as it is where gzip does not pay. Initial is what index.html names (build/firstView.ts). A channel is
// shown by that and the chunk `chat` with all that it imports; what stands around it comes right behind
// (ui/around.ts), and everything else waits until there are messages to read (ui/later.ts), or until it is used.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";

const DIST = new URL("../dist/", import.meta.url);
const KB = 1024;
const BUDGETS = {
  "initial JS": 80 * KB,
  "initial CSS": 15 * KB,
  "first channel view JS": 97 * KB,
  "first channel view CSS": 15 * KB,
  "lazy chunk": 30 * KB,
};

const travels = (file) => {
  const compressed = new URL(`${file}.gz`, DIST);
  return statSync(existsSync(compressed) ? compressed : new URL(file, DIST)).size;
};

const page = readFileSync(new URL("index.html", DIST), "utf8");
const named = new Set([...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file));
const files = readdirSync(new URL("assets/", DIST)).map((name) => `assets/${name}`);
const initial = (ending) => files.filter((file) => named.has(file) && file.endsWith(ending));
const total = (names) => names.reduce((sum, file) => sum + travels(file), 0);

/** A script and what it imports, directly or not. */
function withImports(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const code = readFileSync(new URL(file, DIST), "utf8");
  for (const [, name] of code.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    withImports(`assets/${name}`, found);
  return found;
}

const chunk = (name, ending) => {
  const file = files.find((one) => new RegExp(`/${name}-[^.]*\\.${ending}$`).test(one));
  if (!file) throw new Error(`there is no chunk ${name}: has the build changed?`);
  return file;
};
const scripts = [...new Set([...initial(".js"), ...withImports(chunk("chat", "js"))])];
const styles = [...new Set([...initial(".css"), chunk("chat", "css")])];

const rows = [
  ["initial JS", total(initial(".js")), BUDGETS["initial JS"]],
  ["initial CSS", total(initial(".css")), BUDGETS["initial CSS"]],
  ["first channel view JS", total(scripts), BUDGETS["first channel view JS"]],
  ["first channel view CSS", total(styles), BUDGETS["first channel view CSS"]],
  ...files
    .filter((file) => /\.(js|css)$/.test(file) && ![...scripts, ...styles].includes(file))
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
