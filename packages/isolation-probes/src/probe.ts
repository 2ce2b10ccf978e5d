import type { Tier } from '@ultracore/contracts';

export const CATEGORIES = [
  'context-escape',
  'row-security',
  'backend-state',
  'catalogs',
  'other-databases',
  'denial-of-service',
  'own-rights',
  'gateway-paths',
] as const;
export type Category = (typeof CATEGORIES)[number];

/**
 * How the statements of a probe travel: each by itself; each with its values as parameters of the extended protocol; all in one
 * text; all in one transaction. `streamed` is the gateway's other way to answer a single statement.
 */
export const FORMS = ['simple', 'parameterised', 'multi-statement', 'transaction', 'streamed'] as const;
export type Form = (typeof FORMS)[number];

export const LOGINS = ['read-write', 'read-only'] as const;
export type Login = (typeof LOGINS)[number];

/** `direct`: with the tenant's own logins, as somebody could to whom a password leaked. `gateway`: SQL over HTTP. */
export const ROUTES = ['direct', 'gateway'] as const;
export type Route = (typeof ROUTES)[number];

/** What stays visible or possible with a tenant's own login, because Postgres cannot deny it; see `EXPOSURES`. */
export const EXPOSURE_IDS = [
  'names',
  'definitions',
  'row-estimates',
  'role-settings',
  'server',
  'notify',
  'lock-table',
  'session-settings',
  'own-role',
] as const;
export type ExposureId = (typeof EXPOSURE_IDS)[number];

/**
 * What must come of a probe. `codes` are SQLSTATEs, or codes of the gateway's problems.
 *
 * - `refused`: a statement fails, with one of the codes.
 * - `empty`: every statement succeeds, and the last one returns and changes no row.
 * - `harmless`: every statement succeeds; what comes back is the attacker's own.
 * - `shown`: every statement succeeds and shows or does what the named exposure says.
 *
 * Codes of `empty`, `harmless` and `shown` are failures that are as good. Whatever the verdict, nothing planted with a victim may come back.
 */
export type Expectation =
  | { readonly verdict: 'refused' | 'empty' | 'harmless'; readonly codes: readonly string[] }
  | { readonly verdict: 'shown'; readonly exposure: ExposureId; readonly codes: readonly string[] };

export type Verdict = Expectation['verdict'];

/**
 * One attack, as data. In its statements `{victim.schema}` is replaced by a name as it is, `<victim.client>` by a value: a
 * literal, or a parameter in the parameterised form. `self` is the attacker, `victim` its neighbour in the same tier, `small`,
 * `standard` and `enterprise` its neighbours in each. The names there are: `Names`.
 */
export interface Probe {
  /** `<what>/<how>`; stable. */
  readonly id: string;
  readonly category: Category;
  /** What it tries, as the end of "The attacker tries to …". */
  readonly attempts: string;
  readonly steps: readonly string[];
  /** By tier of the attacker; a tier that is missing has no such attack. */
  readonly expect: Readonly<Partial<Record<Tier, Expectation>>>;
  /** What must come of it through the gateway, where that differs: by default the same, or a refusal of the gateway's own. */
  readonly gateway?: Expectation | undefined;
  /** Both unless given. */
  readonly routes?: readonly Route[] | undefined;
  /** Both unless given. */
  readonly logins?: readonly Login[] | undefined;
  /** All that the route has unless given. */
  readonly forms?: readonly Form[] | undefined;
  /** Run afterwards by the same login, whatever came of the probe; may fail. */
  readonly cleanup?: readonly string[] | undefined;
  /** Another database than the attacker's own to connect to first; the failure to is the outcome. */
  readonly database?: string | undefined;
  /** The statements are given this long, by Postgres or by the gateway. */
  readonly timeoutMs?: number | undefined;
}

/** The expectation of a probe for one run, or undefined where the probe does not apply. */
export function expectationOf(probe: Probe, route: Route, tier: Tier): Expectation | undefined {
  const expectation = probe.expect[tier];
  return route === 'gateway' && expectation !== undefined ? (probe.gateway ?? expectation) : expectation;
}
