import { fileURLToPath } from 'node:url';
import { migrate, type MigrateResult } from '@ultracore/postgres';
import type { Pool } from 'pg';

/** Tools look for `tenant_configs` without naming a schema, so everything of the registry is in the one they search. */
export const SCHEMA = 'public';

const DIRECTORY = fileURLToPath(new URL('migrations', import.meta.url));

/** Brings the registry's database to the newest migration. Safe when several registries start at once. */
export const migrateRegistry = (pool: Pool): Promise<MigrateResult> => migrate(pool, { directory: DIRECTORY, schema: SCHEMA });

/** Names of positions in the log (`checkpoints`). */
export const CHECKPOINTS = { relay: 'relay', tenants: 'tenant_configs' } as const;
/** Names of what only one registry does at a time (`leases`). */
export const LEASES = { relay: 'relay', tenants: 'tenant_configs', schedule: 'schedule', rollout: 'rollout' } as const;
