import type { HttpAttempt, HttpProbe } from './http-probe.ts';

export const TENANT = 'x-ultracore-tenant-id';
/** What a success as the victim would bring back. */
export const EVERY_ROW = { sql: 'select * from clients', row_mode: 'array' };
export const AS_VICTIM = { [TENANT]: '{victim}' };
export const NO_RIGHT = ['403 tenant_mismatch'];
export const NO_TOKEN = ['401 token_missing', '401 token_invalid'];
export const BAD_TOKEN = ['401 token_invalid'];

type Row = readonly [id: string, attempts: string, requests: HttpAttempt | readonly HttpAttempt[], more?: Partial<HttpProbe>];

/** Probes from rows of data. */
export const define = (rows: readonly Row[]): HttpProbe[] =>
  rows.map(([id, attempts, requests, more]) => ({
    id,
    category: 'gateway-paths',
    attempts,
    requests: isOne(requests) ? [requests] : requests,
    ...more,
  }));
const isOne = (requests: HttpAttempt | readonly HttpAttempt[]): requests is HttpAttempt => 'token' in requests;
