import { randomBytes, randomUUID } from 'node:crypto';
import { homeNames, OWN_SCHEMA } from '@ultracore/tenant-database';
import { ProbeError } from '../errors.ts';
import type { Names } from './fill.ts';
import { type Party, rowsOf, type Session } from './session.ts';

/** What was put into a tenant's home, to be looked for in everything that another tenant gets to see. */
export interface Planted {
  readonly party: Party;
  readonly names: Names;
  /** Texts that exist nowhere but in this tenant's home and sessions. Unique to the run. */
  readonly markers: readonly string[];
  /** Removes what was planted, and ends the sessions that kept it in sight. */
  remove(): Promise<void>;
}

/** Rows a marker is in: many of the same, so that statistics name it among the most common values. */
const ROWS = 40;

/**
 * Plants markers wherever a tenant keeps something: rows of its tables, in enterprise a table and a function of its own, and a
 * session whose last statement, name and open cursor hold one.
 * @throws ProbeError `not_planted`.
 */
export async function plant(party: Party): Promise<Planted> {
  const run = randomBytes(6).toString('hex');
  const marker = (what: string): string => `marker-${what}-${randomBytes(9).toString('hex')}`;
  const markers = {
    name: marker('name'),
    note: marker('note'),
    report: marker('report'),
    own: marker('own'),
    session: marker('session'),
  };
  const client = randomUUID();
  const account = randomUUID();
  const portfolio = randomUUID();
  const case_ = randomUUID();
  const reference = `ref-${run}`;
  const own = `probe_${run}`;
  const session = await party.open('read-write');
  const must = (sql: string, ...params: string[]) => demand(session, sql, params);
  await must(
    `insert into clients (id, kind, family_name, external_reference, kyc_review_due_on) values ($1, 'person', $2, $3, current_date)`,
    client,
    markers.name,
    reference,
  );
  await must(
    `insert into clients (kind, family_name, given_name, email, relationship_manager) select 'person', $1, $1, $1 || '@example.com', $1 from generate_series(1, ${ROWS})`,
    markers.name,
  );
  await must(
    `insert into accounts (id, account_number, name, kind, currency) values ($1, $2, $3, 'custody', 'CHF')`,
    account,
    `ACC-${run.toUpperCase()}`,
    markers.name,
  );
  await must(
    `insert into portfolios (id, account_id, name, mandate, base_currency, strategy) values ($1, $2, $3, 'advisory', 'CHF', $3)`,
    portfolio,
    account,
    markers.name,
  );
  await must(
    `insert into compliance_cases (id, case_number, kind, client_id, title) values ($1, $2, 'kyc_review', $3, $4)`,
    case_,
    `CASE-${run}`,
    client,
    markers.note,
  );
  await must(`insert into compliance_case_notes (case_id, author, note) values ($1, $2, $2)`, case_, markers.note);
  await must(
    `insert into reports (kind, client_id, period_start, period_end, parameters) values ('tax', $1, current_date, current_date, jsonb_build_object('secret', $2::text))`,
    client,
    markers.report,
  );
  if (party.tier === 'enterprise') {
    await must(`create table ${OWN_SCHEMA}.${own} (secret text)`);
    await must(`insert into ${OWN_SCHEMA}.${own} select $1 from generate_series(1, ${ROWS})`, markers.own);
    await must(`create function ${OWN_SCHEMA}.${own}() returns text language sql return '${markers.own}'`);
    await must(`comment on table ${OWN_SCHEMA}.${own} is '${markers.own}'`);
  }
  const presence = party.route === 'direct' ? await attend(session, markers.session) : undefined;
  return {
    party,
    markers: Object.values(markers),
    names: { ...homeNames(party.tenantId, party.tier), tenant: party.tenantId, client, reference, pid: presence ?? '1' },
    async remove() {
      await session.reset();
      const remove = (sql: string, ...params: string[]) => session.run({ form: 'parameterised', statements: [{ sql, params }] });
      await remove('delete from compliance_case_notes where case_id = $1', case_);
      await remove('delete from compliance_cases where id = $1', case_);
      await remove('delete from reports where client_id = $1', client);
      await remove('delete from portfolios where id = $1', portfolio);
      await remove('delete from accounts where id = $1', account);
      await remove('delete from clients where family_name = $1', markers.name);
      if (party.tier === 'enterprise') {
        await remove(`drop function if exists ${OWN_SCHEMA}.${own}()`);
        await remove(`drop table if exists ${OWN_SCHEMA}.${own}`);
      }
      await session.close();
    },
  };
}

/** Leaves the session as a victim's at work: in a transaction with a cursor, its last statement and name with the marker in them. */
async function attend(session: Session, marker: string): Promise<string> {
  const pid = rowsOf(await demand(session, 'select pg_backend_pid()', []))?.[0]?.[0];
  await demand(session, 'set idle_in_transaction_session_timeout = 0', []);
  await demand(session, `set application_name = '${marker}'`, []);
  await demand(session, `prepare marked as select '${marker}'`, []);
  await demand(session, 'begin', []);
  await demand(session, `declare marked cursor for select '${marker}'`, []);
  await demand(session, `select '${marker}'`, []);
  return String(pid);
}

async function demand(session: Session, sql: string, params: readonly string[]) {
  const reply = await session.run({ form: 'parameterised', statements: [{ sql, params }] });
  if (reply.code === undefined) return reply;
  throw new ProbeError('not_planted', `A victim's row could not be planted (${reply.code}): ${reply.message ?? ''}`);
}
