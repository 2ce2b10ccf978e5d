import type { Tier } from '@ultracore/contracts';
import { SHARED_DATABASE } from '@ultracore/tenant-database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Category, faultLines, type Party, PROBES, type ProbeReport, runProbes, type Session } from '../src/index.ts';
import { type Bench, startBench } from './homes.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

/** Some categories of the suite, or all, in one form and without what only costs time. */
function run(attacker: Party, ...categories: Category[]): Promise<ProbeReport> {
  const wanted = (category: Category) =>
    categories.length === 0 ? category !== 'denial-of-service' : categories.includes(category);
  const probes = PROBES.filter(({ category, id }) => wanted(category) && id !== 'state/end-session');
  return runProbes({ attacker, victims: bench.victims, probes, forms: ['simple'], logins: ['read-write'] });
}

const ofTier = (tier: Tier) => bench.attackers[tier];
const victim = (tier: Tier) => bench.victims[tier].names();

/** A fault in a home: what makes it, what mends it, and what the suite must say of it. */
interface Seeded {
  readonly fault: string;
  readonly tier: Tier;
  readonly category: Category;
  readonly database: () => string;
  readonly make: () => string;
  readonly mend: () => string;
  readonly says: RegExp;
}

const shared = () => SHARED_DATABASE;
const SEEDED: readonly Seeded[] = [
  {
    fault: 'a policy that lets every row through',
    tier: 'small',
    category: 'row-security',
    database: shared,
    make: () => 'create policy intruder on app.clients using (true)',
    mend: () => 'drop policy intruder on app.clients',
    says: /^rows\/read-all .* returned what was planted with a victim/,
  },
  {
    fault: 'row security disabled on a table that no probe names',
    tier: 'small',
    category: 'row-security',
    database: shared,
    make: () => 'alter table app.fx_rates disable row level security',
    mend: () => 'alter table app.fx_rates enable row level security',
    says: /^rows\/xml-database .* returned what was planted with a victim/,
  },
  {
    fault: 'row security disabled on a table',
    tier: 'small',
    category: 'row-security',
    database: shared,
    make: () => 'alter table app.clients disable row level security',
    mend: () => 'alter table app.clients enable row level security',
    says: /^rows\/read-others .* rows came back/,
  },
  {
    fault: 'a view that reads with its owner’s rights',
    tier: 'small',
    category: 'row-security',
    database: shared,
    make: () =>
      'alter view app.clients_due_for_review set (security_invoker = false); alter view app.clients_due_for_review owner to postgres',
    mend: () =>
      'alter view app.clients_due_for_review owner to ultracore_owner; alter view app.clients_due_for_review set (security_invoker = true)',
    says: /^rows\/review-view .* returned what was planted with a victim/,
  },
  {
    fault: 'a grant widened: SELECT on a standard tenant’s tables to PUBLIC',
    tier: 'standard',
    category: 'row-security',
    database: shared,
    make: () =>
      `grant usage on schema ${victim('standard').schema} to public; grant select on ${victim('standard').schema}.clients to public`,
    mend: () =>
      `revoke usage on schema ${victim('standard').schema} from public; revoke select on ${victim('standard').schema}.clients from public`,
    says: /^rows\/standard-home .* returned what was planted with a victim/,
  },
  {
    fault: 'CONNECT on a tenant’s database to PUBLIC',
    tier: 'enterprise',
    category: 'other-databases',
    database: () => 'postgres',
    make: () => `grant connect on database ${victim('enterprise').database} to public`,
    mend: () => `revoke connect on database ${victim('enterprise').database} from public`,
    says: /^connect\/enterprise /,
  },
  {
    fault: 'a tenant’s role made a member of another’s',
    tier: 'standard',
    category: 'context-escape',
    database: () => 'postgres',
    make: () => `grant ${victim('standard').role} to uc_${ofTier('standard').tenantId.replaceAll('-', '_')}`,
    mend: () => `revoke ${victim('standard').role} from uc_${ofTier('standard').tenantId.replaceAll('-', '_')}`,
    says: /^role\/set-victim .* was allowed/,
  },
  {
    fault: 'EXECUTE on a hidden function to PUBLIC',
    tier: 'small',
    category: 'catalogs',
    database: shared,
    make: () => 'grant execute on function pg_stat_get_activity(integer) to public; grant pg_read_all_stats to ultracore_small',
    mend: () =>
      'revoke execute on function pg_stat_get_activity(integer) from public; revoke pg_read_all_stats from ultracore_small',
    says: /^sessions\/activity .* returned what was planted with a victim/,
  },
  {
    fault: 'a tenant that may make temporary tables',
    tier: 'small',
    category: 'backend-state',
    database: shared,
    make: () => `grant temporary on database ${SHARED_DATABASE} to public`,
    mend: () => `revoke temporary on database ${SHARED_DATABASE} from public`,
    says: /^state\/temp-table .* was allowed/,
  },
];

describe('the suite turns red for', () => {
  it.each(SEEDED)('$fault ($tier)', async ({ tier, category, database, make, mend, says }) => {
    await bench.sql(database(), make());
    try {
      expect(faultLines(await run(ofTier(tier), category))).toContainEqual(expect.stringMatching(says));
    } finally {
      await bench.sql(database(), mend());
      if (tier === 'small') await bench.repair();
    }
  });

  it('a policy dropped: its tenants’ own rows are gone with their neighbours’', async () => {
    await bench.sql(SHARED_DATABASE, 'drop policy tenant_rows on app.clients');
    try {
      await expect(run(ofTier('small'), 'row-security')).rejects.toMatchObject({ code: 'no_session' });
    } finally {
      await bench.sql(
        SHARED_DATABASE,
        `create policy tenant_rows on app.clients to public using (tenant_id = (select ultracore.current_tenant_id()))
           with check (tenant_id = (select ultracore.current_tenant_id()))`,
      );
    }
  });

  it('a backend handed on without a reset', async () => {
    const report = await run(
      through(ofTier('small'), (session) => ({ ...session, reset: async () => {} })),
      'backend-state',
    );
    expect(faultLines(report)).toContainEqual(
      expect.stringMatching(/^state\/search-path .* the next request (finds another session|fails)/),
    );
    expect(faultLines(report)).toContainEqual(expect.stringMatching(/^state\/seed .* the next request finds another session/));
  });

  it('a backend shared between two tenants, once in a while', async () => {
    const other = await bench.victims.small.party.open('read-write');
    let requests = 0;
    const sharing = (session: Session): Session => ({
      ...session,
      run: (request) => ((requests += 1) % 100 === 0 ? other.run(request) : session.run(request)),
    });
    const report = await run(through(ofTier('small'), sharing), 'row-security');
    await other.close();
    expect(faultLines(report)).not.toEqual([]);
  });

  it('a victim that was changed, though no reply shows it', async () => {
    const { role } = victim('standard');
    let before = 0;
    const meddling = (session: Session): Session => ({
      ...session,
      async run(request) {
        if ((before += 1) === 50) await bench.sql('postgres', `alter role ${role} set work_mem = '1MB'`);
        return session.run(request);
      },
    });
    const report = await run(through(ofTier('standard'), meddling), 'row-security');
    await bench.sql('postgres', `alter role ${role} reset work_mem`);
    expect(faultLines(report)).toContainEqual(expect.stringMatching(/the victim’s settings of roles .* changed/));
  });

  it('nothing, once every fault is mended', async () => {
    expect(faultLines(await run(ofTier('small')))).toEqual([]);
    expect(faultLines(await run(ofTier('standard'), 'context-escape', 'row-security'))).toEqual([]);
  });
});

/** The party with every session of it replaced. */
const through = (party: Party, replace: (session: Session) => Session): Party => ({
  ...party,
  open: async (login, options) => replace(await party.open(login, options)),
});
