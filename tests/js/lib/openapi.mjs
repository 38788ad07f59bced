/** openapi.json as validators of the bodies that routes take and answer. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const Ajv = createRequire(import.meta.url)('ajv').default;
const ajv = new Ajv({ strict: false, validateFormats: false });

/** What names in a path are called is left to the document. */
export const withoutNames = (path) => path.replace(/\{\w+\}/g, '{}');

/** What the document says against a request to a row of the table of routes, and against its answer. */
export function routeProblems(document, { method, path }, sent, { status, body }) {
  const [, item] = Object.entries(document.paths).find(([known]) => withoutNames(known) === withoutNames(`/api/v1/${path}`));
  const { requestBody, responses } = item[method.toLowerCase()];
  assert.ok(responses[status], `openapi.json: ${method} ${path} answers ${status}`);
  return [...problems(document, requestBody, sent), ...problems(document, responses[status], body)];
}

function problems(document, described, value) {
  const schema = described?.content?.['application/json'].schema;
  if (!schema) return value === undefined ? [] : ['openapi.json: there is a body'];
  const validate = ajv.compile({ ...schema, components: document.components });
  if (validate(value)) return [];
  return validate.errors.map(({ instancePath, message }) => `openapi.json: ${instancePath} ${message}`);
}
