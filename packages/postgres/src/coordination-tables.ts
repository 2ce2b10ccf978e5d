import { quoteIdent } from './quote.ts';

/**
 * The tables of `createCheckpoint` and `createLease`. A released lease keeps its row, because the token must go on growing.
 */
export function coordinationTables(schema: string): string {
  const name = quoteIdent(schema);
  return `
    create table if not exists ${name}.checkpoints (
      name text primary key,
      position bigint not null,
      updated_at timestamptz not null default now()
    );
    create table if not exists ${name}.leases (
      name text primary key,
      holder text not null,
      token bigint not null,
      expires_at timestamptz not null
    )`;
}
