import { randomBytes } from 'node:crypto';
import type { Tier } from '@ultracore/contracts';
import { TenantDatabaseError } from '../errors.ts';
import { APP_SCHEMA, type NamedHome, SHARED_DATABASE } from '../names.ts';

/** Tiers whose homes can be made ahead: a small tenant has nothing but its rows and its logins. */
export type StockTier = Exclude<Tier, 'small'>;

/** A home that is made and belongs to nobody yet. */
export interface StockHome {
  /** 20 hexadecimal digits, drawn anew for each home. */
  readonly stockId: string;
  readonly tier: StockTier;
  /** Of what it was made from: `stockFingerprint`. */
  readonly fingerprint: string;
}

const STOCK_ID = /^[0-9a-f]{20}$/;
const STOCK_NAME = /^(?:ultracore|tenant|uc)__stock_([0-9a-f]{20})(?:__ro)?$/;
const TAG = /^ultracore stock ready ([0-9a-f]{16})$/;

/** The comment of a stock home's schemas while it is made, and of those in an enterprise database until its tenant is fixed. */
export const STOCK_COMMENT = 'ultracore stock';

/** Of 80 random bits: none comes twice. */
export const newStockId = (): string => randomBytes(10).toString('hex');

/**
 * The names of a home in stock. No tenant id has `__`, so none is a tenant's.
 * @throws TenantDatabaseError `bad_tenant_id` for anything that is not a stock id.
 */
export function namedStockHome({ stockId, tier }: Pick<StockHome, 'stockId' | 'tier'>): NamedHome {
  if (!STOCK_ID.test(stockId)) {
    throw new TenantDatabaseError('bad_tenant_id', `${JSON.stringify(stockId)} is not the id of a home in stock.`);
  }
  const role = `uc__stock_${stockId}`;
  const names = { role, readonlyRole: `${role}__ro` };
  return tier === 'enterprise'
    ? { tier, names: { database: `ultracore__stock_${stockId}`, schema: APP_SCHEMA, ...names } }
    : { tier, names: { database: SHARED_DATABASE, schema: `tenant__stock_${stockId}`, ...names } };
}

/** The comment that a stock home's database, or schema, gets last of all. Without it a home is half made. */
export const stockTag = (fingerprint: string): string => `ultracore stock ready ${fingerprint}`;

/** The fingerprint that a tag speaks of; undefined for every other comment. */
export const parseStockTag = (comment: string | null): string | undefined => TAG.exec(comment ?? '')?.[1];

/** The stock home that a database, schema or role is of; undefined when the name is none of the stock's. */
export const stockIdOf = (name: string): string | undefined => STOCK_NAME.exec(name)?.[1];
