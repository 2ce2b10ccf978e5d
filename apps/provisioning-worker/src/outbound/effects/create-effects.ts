import type { KeyRing } from '@ultracore/credentials';
import type { Migration } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import type { WorkKind } from '../../provisioning/situation.ts';
import type { ClaimFromStock } from '../stock/claim-from-stock.ts';
import type { Logger } from '../under-lease.ts';
import { createMakeHome } from './creation/make-home.ts';
import { createMigrateHome } from './creation/migrate-home.ts';
import { createOpenLogin } from './creation/open-login.ts';
import { createSmokeTest } from './creation/smoke-test.ts';
import { removeHome } from './creation/undo-home.ts';
import type { Effect } from './effect.ts';
import { closingMeanwhile } from './migration/closing-meanwhile.ts';
import { createUpgradeHome } from './migration/upgrade-home.ts';
import { createCloseAndCount } from './purge/close-and-count.ts';
import { createForgetCredentials } from './purge/forget-credentials.ts';
import { createListRemaining, createProveGone } from './purge/prove-gone.ts';
import { removeEverything } from './purge/remove-everything.ts';
import { createVerifyReplica } from './replica/verify-replica.ts';
import { checkLogins } from './rotation/check-logins.ts';
import { createSetPasswords } from './rotation/set-passwords.ts';
import { createSealCredential } from './seal-credential.ts';

export interface EffectOptions {
  readonly pool: Pool;
  readonly keyRing: KeyRing;
  readonly migrations: readonly Migration[];
  readonly claimFromStock: ClaimFromStock;
  readonly logger: Logger;
  /** Of one statement of a migration that a rollout runs in a home in use. */
  readonly migrationLimits: { readonly lockTimeoutMs: number; readonly statementTimeoutMs: number };
}

/** What each step of each kind of work does beside telling its fact. */
export function createEffects(options: EffectOptions): Readonly<Record<WorkKind, Readonly<Partial<Record<string, Effect>>>>> {
  const credentials = createSealCredential(options);
  return {
    provision: {
      credentials,
      home: createMakeHome(options),
      migrate: createMigrateHome(options),
      open: createOpenLogin(options),
      smoke: createSmokeTest(options),
      undo: removeHome,
    },
    rotate: { check: checkLogins, credentials, passwords: createSetPasswords(options) },
    purge: {
      close: createCloseAndCount(options),
      remove: removeEverything,
      forget: createForgetCredentials(options),
      prove: createProveGone(options),
      purge_failed: createListRemaining(options),
    },
    migrate: { upgrade: closingMeanwhile(createUpgradeHome(options), options) },
    verify_replica: { verify: createVerifyReplica(options) },
  };
}
