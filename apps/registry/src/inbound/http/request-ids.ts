import { createHash, randomUUID } from 'node:crypto';
import { v5 } from 'uuid';

/** Namespace of the ids of requests that came with an Idempotency-Key. Never changed: a repeated request is recognised by it. */
const KEYED_REQUESTS = '6f1c7a52-5d0e-5a44-9b5c-8d1f7f0c2e13';

/**
 * One id for every repetition of a request under its key (a list cannot be confused with another), a fresh one without a key. With the
 * fingerprint of its body, what is asked under a key that has been forgotten is another request: its events are not those of the first.
 */
export const requestIdOf = (principal: string, route: string, key: string | undefined, fingerprint?: Buffer): string =>
  key === undefined
    ? randomUUID()
    : v5(JSON.stringify([principal, route, key, ...(fingerprint ? [fingerprint.toString('hex')] : [])]), KEYED_REQUESTS);

/** A tenant id for a request that leaves it out: 22 characters, the same for the same request. */
export const derivedTenantId = (requestId: string): string =>
  `t-${createHash('sha256').update(requestId).digest('hex').slice(0, 20)}`;

/** What tells two bodies apart. `body` has been parsed, so the order of its fields is the schema's. */
export const fingerprintOf = (body: object): Buffer => createHash('sha256').update(JSON.stringify(body)).digest();
