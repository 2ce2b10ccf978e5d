import type { HttpAttempt, HttpProbe, TokenKind } from './http-probe.ts';

const TENANT = 'x-ultracore-tenant-id';
/** What a success as the victim would bring back. */
export const EVERY_ROW = { sql: 'select * from clients', row_mode: 'array' };
const AS_VICTIM = { [TENANT]: '{victim}' };
const NO_RIGHT = ['403 tenant_mismatch'];
const NO_TOKEN = ['401 token_missing', '401 token_invalid'];
const BAD_TOKEN = ['401 token_invalid'];

type Row = readonly [id: string, attempts: string, requests: HttpAttempt | readonly HttpAttempt[], more?: Partial<HttpProbe>];

const define = (rows: readonly Row[]): HttpProbe[] =>
  rows.map(([id, attempts, requests, more]) => ({
    id,
    category: 'gateway-paths',
    attempts,
    requests: isOne(requests) ? [requests] : requests,
    ...more,
  }));
const isOne = (requests: HttpAttempt | readonly HttpAttempt[]): requests is HttpAttempt => 'token' in requests;

/** A token that must be good for nothing, with the victim named and with nobody named. */
const forged = (token: TokenKind, expect: readonly string[] = BAD_TOKEN): HttpAttempt[] => [
  { token, headers: AS_VICTIM, expect },
  { token, expect },
];

const raw = (text: string, ...statuses: number[]): Pick<HttpProbe, 'raw'> => ({
  raw: { text: text.replaceAll('\n', '\r\n'), statuses },
});
const BODY = JSON.stringify(EVERY_ROW);
const POST_QUERY = `POST /v1/query HTTP/1.1
host: gateway
authorization: Bearer {token}
content-type: application/json
`;
const HIDDEN = `${POST_QUERY}x-ultracore-tenant-id: {victim}
content-length: ${BODY.length}

${BODY}`;

/** Attacks on who a request is for, rather than on what its SQL does. */
export const HTTP_PROBES: readonly HttpProbe[] = define([
  ['header/victim', 'name a neighbour in the header', { token: 'own', headers: AS_VICTIM, expect: NO_RIGHT }],
  [
    'header/victim-transaction',
    'name a neighbour in the header of a transaction',
    {
      token: 'own',
      path: '/v1/transaction',
      body: { statements: [{ sql: 'select * from clients' }] },
      headers: AS_VICTIM,
      expect: NO_RIGHT,
    },
  ],
  [
    'header/victim-streamed',
    'name a neighbour in the header of a stream',
    { token: 'own', headers: { ...AS_VICTIM, accept: 'application/x-ndjson' }, expect: NO_RIGHT },
  ],
  [
    'header/repeated',
    'name itself, then a neighbour',
    { token: 'own', headers: { [TENANT]: ['{self}', '{victim}'] }, expect: ['400', '403'] },
  ],
  [
    'header/repeated-first',
    'name a neighbour, then itself',
    { token: 'own', headers: { [TENANT]: ['{victim}', '{self}'] }, expect: ['400', '403'] },
  ],
  [
    'header/list',
    'name two tenants in one header',
    { token: 'own', headers: { [TENANT]: '{self}, {victim}' }, expect: ['400', '403'] },
  ],
  [
    'header/empty-then-victim',
    'name nobody, then a neighbour',
    { token: 'own', headers: { [TENANT]: ['', '{victim}'] }, expect: ['400', '403'] },
  ],
  ['header/role-name', 'name a neighbour’s role', { token: 'own', headers: { [TENANT]: 'uc_{victim}' }, expect: ['400', '403'] }],
  [
    'header/read-only-login',
    'name a neighbour’s other login',
    { token: 'own', headers: { [TENANT]: '{victim}__ro' }, expect: ['400', '403'] },
  ],
  [
    'header/path',
    'climb from its own name to a neighbour’s',
    { token: 'own', headers: { [TENANT]: '{self}/../{victim}' }, expect: ['400', '403'] },
  ],
  [
    'header/encoded',
    'name a neighbour in another encoding',
    { token: 'own', headers: { [TENANT]: '%76ictim' }, expect: ['400', '403'] },
  ],
  ['header/upper-case', 'name itself in another case', { token: 'own', headers: { [TENANT]: '{SELF}' }, expect: ['400', '403'] }],
  [
    'header/others',
    'name a neighbour in headers that others trust',
    {
      token: 'own',
      headers: {
        'x-tenant-id': '{victim}',
        'x-forwarded-user': '{victim}',
        'x-original-url': '/v1/pools/{victim}',
        forwarded: 'for={victim}',
      },
      expect: ['200'],
    },
  ],
  [
    'body/tenant',
    'name a neighbour in the body',
    { token: 'own', body: { ...EVERY_ROW, tenant_id: '{victim}' }, expect: ['400'] },
  ],
  [
    'body/prototype',
    'name a neighbour in the body’s prototype',
    { token: 'own', body: '{"sql":"select * from clients","__proto__":{"tenant_id":"{victim}"}}', expect: ['400', '200'] },
  ],
  [
    'body/type',
    'send the body as something else',
    { token: 'own', headers: { 'content-type': 'text/plain' }, expect: ['415', '400'] },
  ],
  [
    'query-string/tenant',
    'name a neighbour in the query string',
    { token: 'own', path: '/v1/query?tenant_id={victim}&x-ultracore-tenant-id={victim}', expect: ['200', '400'] },
  ],
  [
    'query-string/sql',
    'send SQL where logs keep it',
    { token: 'own', method: 'GET', path: '/v1/query?sql=select%201', expect: ['404', '405'] },
  ],
  [
    'query-string/token',
    'send its token where logs keep it',
    { token: 'none', path: '/v1/query?access_token={token}', expect: NO_TOKEN },
  ],
  [
    'cookie/token',
    'send its token as a cookie',
    { token: 'none', headers: { cookie: 'authorization={token}; token={token}' }, expect: NO_TOKEN },
  ],
  [
    'path/pools-victim',
    'look at a neighbour’s connections',
    { token: 'own', method: 'GET', path: '/v1/pools/{victim}', expect: ['403'] },
  ],
  [
    'path/pools-climb',
    'climb to a neighbour’s connections',
    { token: 'own', method: 'GET', path: '/v1/pools/{self}/../{victim}', expect: ['403', '404', '400'] },
  ],
  [
    'path/pools-encoded',
    'climb to them in another encoding',
    { token: 'own', method: 'GET', path: '/v1/pools/{self}%2f..%2f{victim}', expect: ['403', '404', '400'] },
  ],
  [
    'path/pools-header',
    'look at a neighbour’s connections in its own name',
    { token: 'own', method: 'GET', path: '/v1/pools/{victim}', headers: { [TENANT]: '{self}' }, expect: ['403'] },
  ],
  ['path/pools-all', 'look at everybody’s connections', { token: 'own', method: 'GET', path: '/v1/pools', expect: ['403'] }],
  [
    'path/pools-oracle',
    'learn by its connections whether a tenant exists',
    [
      { token: 'own', method: 'GET', path: '/v1/pools/{victim}', expect: ['403'] },
      { token: 'own', method: 'GET', path: '/v1/pools/{unknown}', expect: ['403'] },
    ],
    { alike: true },
  ],
  ['path/method', 'use another method', { token: 'own', method: 'PUT', headers: AS_VICTIM, expect: ['403', '404', '405'] }],
  [
    'path/override',
    'use another method, in a header',
    { token: 'own', headers: { ...AS_VICTIM, 'x-http-method-override': 'GET' }, expect: NO_RIGHT },
  ],
  [
    'right/oracle',
    'learn whether a tenant exists',
    [
      { token: 'stranger', headers: AS_VICTIM, expect: ['403 tenant_forbidden'] },
      { token: 'stranger', headers: { [TENANT]: '{unknown}' }, expect: ['403 tenant_forbidden'] },
    ],
    { alike: true },
  ],
  [
    'right/oracle-own',
    'learn whether a tenant exists, with a token of its own',
    [
      { token: 'own', headers: AS_VICTIM, expect: NO_RIGHT },
      { token: 'own', headers: { [TENANT]: '{unknown}' }, expect: NO_RIGHT },
    ],
    { alike: true },
  ],
  ['right/stranger', 'run SQL without a grant', { token: 'stranger', headers: AS_VICTIM, expect: ['403 tenant_forbidden'] }],
  [
    'right/operator',
    'run a tenant’s SQL as an operator',
    { token: 'operator', headers: AS_VICTIM, expect: ['403 tenant_forbidden'] },
  ],
  [
    'right/auditor',
    'run a tenant’s SQL as an auditor',
    { token: 'auditor', headers: AS_VICTIM, expect: ['403 tenant_forbidden'] },
  ],
  [
    'right/creator',
    'run a tenant’s SQL as who may make tenants',
    { token: 'creator', headers: AS_VICTIM, expect: ['403 tenant_forbidden'] },
  ],
  [
    'right/read-only-write',
    'write with a token that reads',
    {
      token: 'own-read-only',
      body: { sql: `insert into clients (kind, family_name) values ('person', 'Intruder')`, readonly: false },
      expect: ['403'],
    },
  ],
  [
    'right/read-only-transaction',
    'write with a token that reads, in a transaction',
    {
      token: 'own-read-only',
      path: '/v1/transaction',
      body: { statements: [{ sql: `insert into clients (kind, family_name) values ('person', 'Intruder')` }], readonly: false },
      expect: ['403'],
    },
  ],
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
  [
    'raw/pipelined',
    'hide a request behind another',
    [],
    raw(`${POST_QUERY}content-length: ${BODY.length}\n\n${BODY}${HIDDEN}`, 200, 400, 403),
  ],
  [
    'raw/both-lengths',
    'have two readers disagree on where a request ends',
    [],
    raw(`${POST_QUERY}content-length: ${BODY.length + HIDDEN.length}\ntransfer-encoding: chunked\n\n0\n\n${HIDDEN}`, 400, 403),
  ],
  [
    'raw/two-lengths',
    'say two lengths',
    [],
    raw(`${POST_QUERY}content-length: ${BODY.length}\ncontent-length: 5\n\n${BODY}`, 400),
  ],
  ['raw/signed-length', 'say a length with a sign', [], raw(`${POST_QUERY}content-length: +${BODY.length}\n\n${BODY}`, 400)],
  [
    'raw/spelt-encoding',
    'spell the encoding so that one reader misses it',
    [],
    raw(`${POST_QUERY}transfer-encoding: xchunked\ncontent-length: ${BODY.length}\n\n${BODY}`, 200, 400, 501),
  ],
  [
    'raw/folded',
    'continue a header on the next line',
    [],
    raw(`${POST_QUERY}x-ultracore-tenant-id: {self}\n ,{victim}\ncontent-length: ${BODY.length}\n\n${BODY}`, 400, 403),
  ],
  [
    'raw/space-before-colon',
    'have a header read by one reader only',
    [],
    raw(`${POST_QUERY}x-ultracore-tenant-id : {victim}\ncontent-length: ${BODY.length}\n\n${BODY}`, 400, 403),
  ],
  [
    'raw/absolute',
    'name another host in the request line',
    [],
    raw(
      `${POST_QUERY.replace('/v1/query', 'http://victim/v1/query')}x-ultracore-tenant-id: {victim}\ncontent-length: ${BODY.length}\n\n${BODY}`,
      400,
      403,
      404,
    ),
  ],
  [
    'raw/nul',
    'end a name early',
    [],
    raw(`${POST_QUERY}x-ultracore-tenant-id: {victim}\0{self}\ncontent-length: ${BODY.length}\n\n${BODY}`, 400, 403),
  ],
]);
