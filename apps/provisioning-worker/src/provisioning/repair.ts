import type { WantedHome, WantedLimits } from './wanted.ts';

/** A login role as the server has it. */
export interface FoundLogin {
  readonly exists: boolean;
  readonly ours: boolean;
  readonly canLogin: boolean;
  readonly connectionLimit: number;
  readonly settings: readonly string[];
  /** How its settings in the home's own database differ from what was made; those beat `settings`. */
  readonly strays: readonly string[];
}

export interface FoundHome {
  readonly role: FoundLogin;
  readonly readonlyRole: FoundLogin;
  readonly database: { readonly exists: boolean; readonly ours: boolean } | undefined;
  readonly schema: { readonly exists: boolean; readonly ours: boolean } | undefined;
}

export type Repair =
  /** As it should be, as far as the catalogs tell. Logins that are open are still to be tested. */
  | { readonly do: 'nothing' }
  /** Limits, verifiers and LOGIN are to be set. */
  | { readonly do: 'open'; readonly because: readonly string[] }
  /** What there is of this tenant's logins is to be closed, also where a part of the home is `missing`. */
  | { readonly do: 'close'; readonly missing: readonly string[] }
  /** A part of the home is gone or somebody else's: nothing that this pass could mend. */
  | { readonly do: 'report'; readonly missing: readonly string[] };

/**
 * What brings a home's logins in line with what is wanted. `settled`: they are known to have been brought in line with just that
 * before. Where they are not, closed logins prove nothing: sessions that began before they were closed may still be there.
 */
export const decideRepair = (wanted: WantedHome, found: FoundHome, settled: boolean): Repair => {
  const parts = { role: found.role, readonly_role: found.readonlyRole, database: found.database, schema: found.schema };
  const missing = Object.entries(parts).flatMap(([part, state]) =>
    state === undefined || (state.exists && state.ours) ? [] : [part],
  );
  const logins = { role: found.role, readonly_role: found.readonlyRole };
  if (!wanted.login) {
    const isShut = settled && Object.values(logins).every(({ ours, canLogin }) => !(ours && canLogin));
    if (!isShut) return { do: 'close', missing };
  }
  if (missing.length > 0) return { do: 'report', missing };
  if (!wanted.login) return { do: 'nothing' };
  const because = Object.entries(logins).flatMap(([name, login]) =>
    faultsOf(login, wanted.limits).map((fault) => `${name}: ${fault}`),
  );
  return because.length === 0 ? { do: 'nothing' } : { do: 'open', because };
};

const faultsOf = (login: FoundLogin, limits: WantedLimits): string[] => [
  ...(login.canLogin ? [] : ['cannot log in']),
  ...(login.connectionLimit === limits.connectionLimit ? [] : [`connection limit ${login.connectionLimit}`]),
  ...wantedSettings(limits).flatMap((setting) => (login.settings.includes(setting) ? [] : [`not ${setting}`])),
  ...login.strays,
];

/** As `pg_db_role_setting` shows them. */
const wantedSettings = (limits: WantedLimits): string[] => [
  `statement_timeout=${limits.statementTimeoutMs}`,
  `idle_in_transaction_session_timeout=${limits.idleInTransactionTimeoutMs}`,
  `temp_file_limit=${limits.tempFileLimitMb}MB`,
];
