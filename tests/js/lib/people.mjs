/** Registers and logs people in over HTTP. A person is `{ id, username, password, user, accessToken, refreshToken, … }`. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { remember } from './secrets.mjs';

export const PASSWORD = 'correct horse battery';

export function freshName(prefix = 'person') {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}

export async function register(server, prefix) {
  const username = freshName(prefix);
  const { status, body } = await server.http('POST', '/api/v1/auth/register', { body: { username, password: PASSWORD } });
  assert.equal(status, 201, `register: ${JSON.stringify(body)}`);
  return person(body, username);
}

/** Another session of the same person. */
export async function login(server, { username, password = PASSWORD }) {
  const { status, body } = await server.http('POST', '/api/v1/auth/login', { body: { username, password } });
  assert.equal(status, 200, `login: ${JSON.stringify(body)}`);
  return person(body, username, password);
}

function person(tokens, username, password = PASSWORD) {
  remember(tokens.accessToken, tokens.refreshToken, password);
  return { ...tokens, id: tokens.user.id, username, password };
}
