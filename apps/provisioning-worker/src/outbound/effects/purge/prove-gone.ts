import { findLeftovers, TenantDatabaseError, type HomeObject } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { judge } from '../../judge.ts';
import type { PurgeRest } from '../../translate/purge.ts';
import { connectUnderLease } from '../connect-under-lease.ts';
import type { Effect, EffectContext } from '../effect.ts';
import { keptCredentials } from './kept-credentials.ts';

const NAMED_AT_MOST = 10;

/** Searches every place where something of the tenant could be. Fails with what it finds: a purge is done only when nothing is left. */
export function createProveGone({ pool }: { pool: Pool }): Effect {
  return async (context) => {
    const found = await everythingLeft(pool, context);
    if (found.length === 0) return { outcome: {} };
    const named = found.slice(0, NAMED_AT_MOST).map(({ kind, name }) => `${kind} ${name}`);
    const more = found.length > named.length ? ` and ${found.length - named.length} more` : '';
    throw new TenantDatabaseError('left_over', `Of ${context.home.tenantId} there is still ${named.join(', ')}${more}.`);
  };
}

/** What is told with a purge that failed. Where even the search fails the list is empty, and the reason says why. */
export function createListRemaining({ pool }: { pool: Pool }): Effect {
  return async (context) => {
    const outcome: PurgeRest = { remaining: await everythingLeft(pool, context).catch(noneUnlessPassing) };
    return { outcome };
  };
}

async function everythingLeft(pool: Pool, { home, sessions }: EffectContext): Promise<HomeObject[]> {
  const found = await findLeftovers(connectUnderLease(sessions), home.tenantId);
  return [...found, ...(await keptCredentials(pool, home.tenantId))];
}

function noneUnlessPassing(error: unknown): [] {
  const { kind } = judge(error);
  if (kind === 'server' || kind === 'passing') throw error;
  return [];
}
