import { actorSchema } from '@ultracore/contracts';
import { expect, test } from 'vitest';
import { actorOf, creatorOf } from '../../src/inbound/http/access.ts';

test.each([
  ['an ordinary subject', 'auth0|5f7c', 'auth0|5f7c'],
  ['control characters', 'a\nb\u0000c\u2028d', 'a\uFFFDb\uFFFDc\uFFFDd'],
  ['half of a character at the cut', `${'a'.repeat(254)}😀`, `${'a'.repeat(254)}\uFFFD`],
  ['more than a column holds', 'x'.repeat(300), 'x'.repeat(255)],
])('%s of a token is an actor that the contract and the read model take', (_, subject, actor) => {
  expect(actorOf({ subject, roles: [] })).toBe(actor);
  expect(creatorOf({ subject: 's', email: subject, roles: [] })).toBe(actor);
  expect(actorSchema.safeParse(actor).success).toBe(true);
});

test('a token without an address names its subject', () => {
  expect(creatorOf({ subject: 'op-1', roles: ['operator'] })).toBe('op-1');
  expect(creatorOf({ subject: 'op-1', email: '', roles: ['operator'] })).toBe('op-1');
});
