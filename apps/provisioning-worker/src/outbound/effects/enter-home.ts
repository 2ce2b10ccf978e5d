import { smokeTest, TenantDatabaseError } from '@ultracore/tenant-database';
import type { Passwords } from '../passwords.ts';
import { asTenant, type LoginKind } from '../tenant-login.ts';
import type { EffectContext } from './effect.ts';

/** Enters the home through both logins: each is the tenant, reads its tables, and writes them exactly if it may. */
export async function enterHome(context: EffectContext, { readWrite, readOnly }: Passwords): Promise<void> {
  await Promise.all([enter(context, 'read-write', readWrite), enter(context, 'read-only', readOnly)]);
}

async function enter({ server, home }: EffectContext, kind: LoginKind, password: string): Promise<void> {
  const end = await asTenant(server, home, { kind, password }, (connection) => smokeTest(connection, home, kind));
  if (end === 'refused') throw new TenantDatabaseError('smoke_failed', `The ${kind} login of ${home.tenantId} is refused.`);
}
