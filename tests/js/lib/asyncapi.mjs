/** docs/asyncapi.yaml as validators: of the ack of each request and of each push, by the name on the wire. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parse } from 'yaml';

const Ajv = createRequire(import.meta.url)('ajv').default;
const document = parse(readFileSync(new URL('../../../docs/asyncapi.yaml', import.meta.url), 'utf8'));
const ajv = new Ajv({ strict: false });
ajv.addSchema(document, 'asyncapi');

const resolve = ({ $ref }) => $ref.slice(2).split('/').reduce((node, key) => node[key], document);
const message = (reference) => resolve(resolve(reference));
const validator = ({ payload }) => ajv.compile({ $ref: `asyncapi${payload.$ref}` });

// Without a prototype, so that the names of its members (`toString`) are as unknown as any other.
export const acks = Object.create(null);
export const pushes = Object.create(null);
for (const { action, messages, reply } of Object.values(document.operations)) {
  for (const reference of messages) {
    const described = message(reference);
    if (action === 'receive') acks[described.name] = validator(message(reply.messages[0]));
    else pushes[described.name] = validator(described);
  }
}

/** What the document says against a value; unknown names are the caller's business. */
export function documentProblems(validators, name, value) {
  const validate = validators[name];
  if (!validate || validate(value)) return [];
  return validate.errors.map(({ instancePath, message: text }) => `asyncapi.yaml: ${name}${instancePath} ${text}`);
}
