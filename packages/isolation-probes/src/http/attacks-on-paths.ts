import { AS_VICTIM, define, EVERY_ROW, NO_RIGHT, NO_TOKEN, TENANT } from './define-http.ts';

/** Naming somebody else: in headers, bodies, query strings and paths, and by a role that gives no right. */
export const ATTACKS_ON_PATHS = define([
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
]);
