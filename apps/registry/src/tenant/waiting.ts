import type { ExistingTenant, Request } from './state.ts';

/** Work that failed is not asked for again by itself before this time has passed: somebody may have to mend something first. */
const AFTER_FAILURE_MS = 24 * 60 * 60_000;

/** What the registry itself asks for when its time has come. Times are ISO 8601 in UTC. */
export interface Wait {
  /** From when on the tenant's data is to be purged; null while it is not to be, or somebody has asked for it. */
  readonly purgeFrom: string | null;
  /** Since when the passwords in force could have been replaced; null while they need not or cannot be. */
  readonly passwordSince: string | null;
  /** Before this time they are not replaced, however old they are; null where nothing has failed. */
  readonly rotateNotBefore: string | null;
}

export const waitOf = (state: ExistingTenant): Wait => ({
  purgeFrom: purgeFrom(state),
  passwordSince: state.status === 'active' && state.requests.rotate?.outcome !== 'open' ? state.credentialSince : null,
  rotateNotBefore: retryFrom(state.requests.rotate),
});

function purgeFrom(state: ExistingTenant): string | null {
  const { legalHold, requests } = state;
  if (state.status !== 'terminated' || legalHold || requests.purge?.outcome === 'open') return null;
  return latest(state.purgeAfter, retryFrom(requests.purge));
}

/** From when on the passwords are to be replaced once they are as old as this; null while they are not to be. */
export function rotationFrom(state: ExistingTenant, maxAgeMs: number): string | null {
  const { passwordSince, rotateNotBefore } = waitOf(state);
  if (passwordSince === null) return null;
  return latest(later(passwordSince, maxAgeMs), rotateNotBefore);
}

/** Null where nothing has failed. */
const retryFrom = (request: Request | null): string | null =>
  request?.outcome === 'failed' ? later(request.requestedAt, AFTER_FAILURE_MS) : null;

const later = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString();
const latest = (a: string, b: string | null): string => (b !== null && Date.parse(b) > Date.parse(a) ? b : a);
