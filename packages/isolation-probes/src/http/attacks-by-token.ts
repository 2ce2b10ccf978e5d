import { AS_VICTIM, BAD_TOKEN, define, NO_RIGHT, NO_TOKEN, TENANT } from './define-http.ts';
import type { HttpAttempt, TokenKind } from './http-probe.ts';

/** A token that must be good for nothing, with the victim named and with nobody named. */
const forged = (token: TokenKind, expect: readonly string[] = BAD_TOKEN): HttpAttempt[] => [
  { token, headers: AS_VICTIM, expect },
  { token, expect },
];

/** Tokens that prove nothing, and connections that must not remember the one before. */
export const ATTACKS_BY_TOKEN = define([
  ['token/none', 'send no token', forged('none', ['401 token_missing'])],
  ['token/empty', 'send an empty token', forged('empty', NO_TOKEN)],
  ['token/garbage', 'send something else as a token', forged('garbage')],
  ['token/basic', 'send its token by another scheme', { token: 'own', scheme: 'Basic', headers: AS_VICTIM, expect: BAD_TOKEN }],
  ['token/expired', 'send a token that has expired', forged('expired', ['401 token_expired'])],
  ['token/not-yet-valid', 'send a token from the future', forged('not-yet-valid')],
  ['token/without-expiry', 'send a token that never expires', forged('without-expiry')],
  ['token/without-subject', 'send a token of nobody', forged('without-subject')],
  [
    'token/several-tenants',
    'send a token that names several tenants',
    { token: 'several-tenants', headers: AS_VICTIM, expect: ['401', '403'] },
  ],
  ['token/wrong-audience', 'send a token made for another service', forged('wrong-audience')],
  ['token/wrong-issuer', 'send a token of another issuer', forged('wrong-issuer')],
  ['token/unsigned', 'send a token without a signature', forged('unsigned')],
  ['token/unsigned-spelt', 'send one without a signature, spelt in another way', forged('unsigned-spelt')],
  ['token/wrong-key', 'send a token that it signed itself', forged('wrong-key')],
  ['token/own-key', 'bring the key that its token is checked with', forged('own-key-in-header')],
  ['token/key-address', 'say where the key is that its token is checked with', forged('key-by-address')],
  ['token/key-file', 'name a file as the key', forged('key-id-of-a-file')],
  ['token/symmetric', 'sign with the issuer’s public key as a password', forged('symmetric')],
  ['token/tampered', 'change the tenant in its token', forged('tampered')],
  [
    'token/repeated',
    'send two tokens',
    {
      token: 'own',
      headers: { authorization: ['Bearer {token}', 'Bearer garbage'], ...AS_VICTIM },
      expect: ['400', '401', '403'],
    },
  ],
  [
    'connection/next-without-token',
    'be remembered by the connection',
    [
      { token: 'own', expect: ['200'] },
      { token: 'none', expect: ['401 token_missing'] },
      { token: 'none', headers: AS_VICTIM, expect: ['401 token_missing'] },
    ],
  ],
  [
    'connection/next-as-victim',
    'be a neighbour once the connection knows it',
    [
      { token: 'own', headers: { [TENANT]: '{self}' }, expect: ['200'] },
      { token: 'own', headers: AS_VICTIM, expect: NO_RIGHT },
      { token: 'own', expect: ['200'] },
    ],
  ],
  [
    'connection/after-refusal',
    'run the statement that was refused with the next one',
    [
      { token: 'own', body: { sql: 'select 1; select 2' }, expect: ['403 statement_refused'] },
      { token: 'expired', expect: ['401 token_expired'] },
      { token: 'own', expect: ['200'] },
    ],
  ],
]);
