import { randomBytes } from 'node:crypto';
import { homeNames, OWN_SCHEMA } from '@ultracore/tenant-database';
import { ProbeError } from '../errors.ts';
import type { Names } from './fill.ts';
import { COPIES, newMarker, newRows, type Planting } from './plant-rows.ts';
import { type Party, rowsOf, type Session } from './session.ts';

/** A tenant with something in its home to be looked for in everything that another tenant gets to see. */
export interface Planted {
  readonly party: Party;
  /** Texts that exist nowhere but in this tenant's home and sessions. Unique to the run. */
  readonly markers: readonly string[];
  /** As of now: its session may have had to be opened again. */
  names(): Names;
  /** What became of the session that it keeps open, in words; undefined when it is there. It is opened again. */
  checkPresence(): Promise<string | undefined>;
  /** Removes what was planted, and ends the session. */
  remove(): Promise<void>;
}

/**
 * Plants markers wherever a tenant keeps something: a row in every table, in enterprise a table and a function of its own, and,
 * where it is connected itself, a session whose last statement, name, prepared statement and open cursor hold one.
 * @throws ProbeError `not_planted`.
 */
export async function plant(party: Party): Promise<Planted> {
  const rows = newRows();
  const own = newMarker('own');
  const attendance = newMarker('session');
  const ownName = `${OWN_SCHEMA}.probe_${randomBytes(6).toString('hex')}`;
  const session = await party.open('read-write');
  try {
    for (const planting of [...rows.insert, ...(party.tier === 'enterprise' ? ownObjects(ownName, own) : [])]) {
      await demand(session, planting);
    }
    let pid = await attend(session, party, attendance);
    return {
      party,
      markers: [...rows.markers, own, attendance],
      names: () => ({
        ...homeNames(party.tenantId, party.tier),
        tenant: party.tenantId,
        client: rows.client,
        reference: rows.reference,
        pid,
      }),
      async checkPresence() {
        const reply = await send(session, [`select pg_backend_pid()::text, '${attendance}'`]);
        if (reply.code === undefined && (party.route === 'gateway' || rowsOf(reply)?.[0]?.[0] === pid)) return undefined;
        await session.reset();
        pid = await attend(session, party, attendance);
        return `session was ended, or what it ran (${reply.code ?? 'its connection is another'})`;
      },
      async remove() {
        await session.reset();
        for (const planting of rows.remove) await send(session, planting);
        if (party.tier === 'enterprise') await send(session, [`drop function if exists ${ownName}()`]);
        if (party.tier === 'enterprise') await send(session, [`drop table if exists ${ownName}`]);
        await session.close();
      },
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

const ownObjects = (name: string, marker: string): Planting[] => [
  [`create table ${name} (secret text)`],
  [`insert into ${name} select $1 from generate_series(1, ${COPIES})`, marker],
  [`create function ${name}() returns text language sql return '${marker}'`],
  [`comment on table ${name} is '${marker}'`],
];

/** Leaves the session as one at work: in a transaction with a cursor, the marker in its last statement and its name. Its backend's pid. */
async function attend(session: Session, party: Party, marker: string): Promise<string> {
  if (party.route === 'gateway') return '1';
  const steps = [
    'set idle_in_transaction_session_timeout = 0',
    `set application_name = '${marker}'`,
    `prepare marked as select '${marker}'`,
    'begin',
    `declare marked cursor for select '${marker}'`,
  ];
  for (const step of steps) await demand(session, [step]);
  const pid = rowsOf(await demand(session, [`select pg_backend_pid()::text, '${marker}'`]))?.[0]?.[0];
  if (typeof pid !== 'string') throw new ProbeError('not_planted', 'The victim’s session has no process id.');
  return pid;
}

const send = (session: Session, [sql, ...params]: Planting) =>
  session.run({ form: 'parameterised', statements: [{ sql, params }] });

async function demand(session: Session, planting: Planting) {
  const reply = await send(session, planting);
  if (reply.code === undefined) return reply;
  throw new ProbeError('not_planted', `A victim's row could not be planted (${reply.code}): ${reply.message ?? ''}`);
}
