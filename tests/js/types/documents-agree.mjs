// The contract is written down three times: for people (docs/protocol.md), as an AsyncAPI document
// and as TypeScript types. Checks that all three name the same requests, pushes, codes and objects;
// whether the server keeps to them is for the tests that talk to it.
import { readFileSync } from "node:fs";
import ts from "typescript";
import { parse } from "yaml";

const docs = new URL("../../../docs/", import.meta.url);
const read = (name) => readFileSync(new URL(name, docs), "utf8");

/** Names declared in the types: members of the two event maps, codes, and fields by interface. */
function fromTypes() {
  const source = ts.createSourceFile("vibetalk.d.ts", read("vibetalk.d.ts"), ts.ScriptTarget.ES2022);
  const fields = new Map();
  let codes = [];
  for (const node of source.statements) {
    if (ts.isInterfaceDeclaration(node)) {
      const bases = (node.heritageClauses ?? []).flatMap((clause) => clause.types);
      const inherited = bases.flatMap((base) => fields.get(base.expression.text));
      const own = node.members.filter(ts.isPropertySignature);
      const declared = own.map(({ name, questionToken }) => [name.text, !questionToken]);
      fields.set(node.name.text, [...inherited, ...declared]);
    } else if (ts.isTypeAliasDeclaration(node) && node.name.text === "ErrorCode") {
      codes = node.type.types.map((type) => type.literal.text);
    }
  }
  const names = (map) => fields.get(map).map(([name]) => name);
  return { requests: names("ClientToServerEvents"), pushes: names("ServerToClientEvents"), codes, fields };
}

/** The same from the AsyncAPI document: what the server receives are requests, what it sends pushes. */
function fromAsyncapi() {
  const document = parse(read("asyncapi.yaml"));
  const resolve = (ref) => ref.slice(2).split("/").reduce((at, key) => at[key], document);
  const named = (action) =>
    Object.values(document.operations)
      .filter((operation) => operation.action === action)
      .map(({ messages: [{ $ref }] }) => resolve(resolve($ref).$ref).name);
  const { schemas } = document.components;
  return { requests: named("receive"), pushes: named("send"), codes: schemas.ErrorCode.enum, schemas };
}

/** First columns of the tables below the headings "Requests…", "Pushes…" and "Errors". */
function fromProtocol() {
  const section = { requests: new Set(), pushes: new Set(), codes: new Set() };
  let current;
  for (const line of read("protocol.md").split("\n")) {
    const heading = /^## (\w+)/.exec(line);
    if (heading) current = section[heading[1].toLowerCase().replace("errors", "codes")];
    if (current && line.startsWith("| `")) {
      for (const [, name] of line.split("|")[1].matchAll(/`([^`]+)`/g)) current.add(name);
    }
  }
  return Object.fromEntries(Object.entries(section).map(([key, names]) => [key, [...names]]));
}

let failures = 0;
function same(what, expected, actual) {
  const missing = expected.filter((name) => !actual.includes(name));
  const extra = actual.filter((name) => !expected.includes(name));
  if (missing.length + extra.length === 0) return;
  failures += 1;
  console.error(`${what}: missing [${missing.join(", ")}], not in the types [${extra.join(", ")}]`);
}

const types = fromTypes();
const asyncapi = fromAsyncapi();
const protocol = fromProtocol();
for (const kind of ["requests", "pushes", "codes"]) {
  same(`asyncapi.yaml, ${kind}`, types[kind], asyncapi[kind]);
  same(`protocol.md, ${kind}`, types[kind], protocol[kind]);
}

let compared = 0;
for (const [name, schema] of Object.entries(asyncapi.schemas)) {
  const fields = types.fields.get(name);
  if (!fields || !schema.properties) continue;
  compared += 1;
  const required = fields.filter(([, isRequired]) => isRequired).map(([field]) => field);
  same(`asyncapi.yaml, fields of ${name}`, fields.map(([field]) => field), Object.keys(schema.properties));
  same(`asyncapi.yaml, required fields of ${name}`, required, schema.required ?? []);
}

if (failures > 0) process.exit(1);
const counts = `${types.requests.length} requests, ${types.pushes.length} pushes, ${compared} objects`;
console.log(`protocol.md, asyncapi.yaml and vibetalk.d.ts agree: ${counts}`);
