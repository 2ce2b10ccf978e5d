import { randomBytes } from 'node:crypto';
import type { Tier } from '@ultracore/contracts';
import { scramVerifier } from '@ultracore/credentials';
import { homeNames, OWN_SCHEMA } from '@ultracore/tenant-database';
import { PROBES } from '../corpus/corpus.ts';
import { ProbeError } from '../errors.ts';
import { CATEGORIES, expectationOf, type Form, FORMS, type Login, LOGINS, type Probe } from '../probe.ts';
import { type OwnNames, type Scope, statementsOf } from './fill.ts';
import { describeExpectation, faultsOf, outcomeOf } from './judge.ts';
import { changesBetween, knownRandom, type Snapshot, stateLeft, stateOf, takeSnapshot } from './observe.ts';
import type { Planted } from './plant.ts';
import type { Damage, ProbeReport, ProbeResult } from './report.ts';
import { type Party, Refusal, type Reply, type Request, rowsOf, type Session } from './session.ts';

export interface RunOptions {
  readonly attacker: Party;
  /** The planted neighbours, by tier; that of the attacker's own tier must be there. */
  readonly victims: Readonly<Partial<Record<Tier, Planted>>>;
  readonly probes?: readonly Probe[] | undefined;
  readonly forms?: readonly Form[] | undefined;
  readonly logins?: readonly Login[] | undefined;
  readonly onResult?: ((result: ProbeResult) => void) | undefined;
}

/**
 * Runs the corpus from one tenant against its planted neighbours, one probe after the other, and judges every reply: the verdict,
 * anything of a victim's in it, what it left on the session; and after each category whether the victim of the attacker's tier is
 * what it was. Faults are in the report; it throws only when nothing could be judged.
 * @throws ProbeError `bad_tenants`, `no_session`, `not_planted`, `bad_probe`.
 */
export async function runProbes(options: RunOptions): Promise<ProbeReport> {
  const { attacker, victims, logins = LOGINS } = options;
  const victim = victims[attacker.tier];
  if (victim === undefined || victim.party.tenantId === attacker.tenantId) {
    throw new ProbeError('bad_tenants', `An attacker of tier ${attacker.tier} needs another tenant of that tier as its victim.`);
  }
  const results: ProbeResult[] = [];
  const damage: Damage[] = [];
  const skipped = new Set<string>();
  for (const login of logins) {
    const attack = await openAttack(options, victim, login);
    try {
      for (const category of CATEGORIES) {
        const probes = (options.probes ?? PROBES).filter(
          (probe) => probe.category === category && appliesTo(probe, attacker, login),
        );
        if (probes.length === 0) continue;
        const before = await takeSnapshot(victim.party, attacker);
        for (const probe of probes) {
          const forms = formsOf(probe, attacker, options.forms);
          for (const form of forms) {
            // A connection is reset after each form; at the gateway what any form left stays, and is seen after the last one.
            const isSeen = attacker.route === 'direct' || form === forms.at(-1);
            const result = await attack.run(probe, form, isSeen);
            if (result === undefined) skipped.add(probe.id);
            else {
              results.push(result);
              options.onResult?.(result);
            }
          }
        }
        const changes = await changesTo(victim, before, attacker);
        damage.push(...changes.map((change) => ({ tier: attacker.tier, route: attacker.route, login, category, change })));
      }
    } finally {
      await attack.close();
    }
  }
  return { results, damage, skipped: [...skipped] };
}

function appliesTo(probe: Probe, attacker: Party, login: Login): boolean {
  return (
    expectationOf(probe, attacker.route, attacker.tier) !== undefined &&
    (probe.routes ?? [attacker.route]).includes(attacker.route) &&
    (probe.logins ?? LOGINS).includes(login)
  );
}

function formsOf(probe: Probe, attacker: Party, wanted: readonly Form[] = FORMS): Form[] {
  return (probe.forms ?? FORMS).filter((form) => wanted.includes(form) && (form !== 'streamed' || attacker.route === 'gateway'));
}

/** A victim that can no longer be read was changed. */
async function changesTo(victim: Planted, before: Snapshot, attacker: Party): Promise<string[]> {
  try {
    const session = await victim.checkPresence();
    const changes = changesBetween(before, await takeSnapshot(victim.party, attacker));
    return session === undefined ? changes : [session, ...changes];
  } catch (error) {
    if (error instanceof Refusal) return [`login is refused: ${error.message}`];
    if (error instanceof ProbeError) return [error.message];
    throw error;
  }
}

interface Attack {
  /** Undefined when the probe is about a neighbour that the run does not have. */
  run(probe: Probe, form: Form, isStateSeen: boolean): Promise<ProbeResult | undefined>;
  close(): Promise<void>;
}

async function openAttack({ attacker, victims }: RunOptions, victim: Planted, login: Login): Promise<Attack> {
  const session = await attacker.open(login);
  const self = await ownNames(attacker, login);
  const scopeNow = (): Scope => ({
    self,
    victim: victim.names(),
    small: victims.small?.names(),
    standard: victims.standard?.names(),
    enterprise: victims.enterprise?.names(),
  });
  const markers = Object.values(victims).flatMap((planted) => planted.markers);
  const known = await knownRandom(session);
  let clean = await stateOf(session, attacker, known);
  return {
    close: () => session.close(),
    async run(probe, form, isStateSeen) {
      const scope = scopeNow();
      const statements = statementsOf(probe, form, scope);
      const expectation = expectationOf(probe, attacker.route, attacker.tier);
      const [target] = statementsOf({ id: probe.id, steps: [probe.database ?? ''] }, 'simple', scope) ?? [];
      if (statements === undefined || expectation === undefined || target === undefined) return undefined;
      const request = { form, statements, timeoutMs: probe.timeoutMs };
      const began = performance.now();
      const reply = target.sql === '' ? await session.run(request) : await elsewhere(attacker, login, target.sql, request);
      const ms = Math.round(performance.now() - began);
      const sent = JSON.stringify(statements);
      const faults = faultsOf(reply, { expectation, form, login, markers, sent });
      const left = isStateSeen ? await stateAfter(session, attacker, clean, known) : undefined;
      if (left !== undefined) {
        faults.push(left.fault);
        clean = left.state;
      }
      await cleanUp(session, probe, scope);
      return {
        probe: probe.id,
        category: probe.category,
        tier: attacker.tier,
        route: attacker.route,
        login,
        form,
        expected: describeExpectation(expectation),
        outcome: outcomeOf(reply),
        ms,
        faults,
      };
    },
  };
}

/** What the next user of the session meets. A state that was left is told once, and is the state to compare with from then on. */
async function stateAfter(
  session: Session,
  attacker: Party,
  clean: string,
  known: string,
): Promise<{ fault: string; state: string } | undefined> {
  try {
    await session.reset();
    const state = await stateOf(session, attacker, known);
    const fault = stateLeft(clean, state);
    return fault === undefined ? undefined : { fault, state };
  } catch (error) {
    if (!(error instanceof ProbeError) && !(error instanceof Refusal)) throw error;
    return { fault: `the next request fails: ${error.message}`, state: clean };
  }
}

async function cleanUp(session: Session, probe: Probe, scope: Scope): Promise<void> {
  if (probe.cleanup === undefined) return;
  for (const statement of statementsOf({ id: probe.id, steps: probe.cleanup }, 'simple', scope) ?? []) {
    await session.run({ form: 'simple', statements: [statement] });
  }
}

/** A connection to another database; being refused it is the outcome. */
async function elsewhere(attacker: Party, login: Login, database: string, request: Request): Promise<Reply> {
  let session: Session;
  try {
    session = await attacker.open(login, { database });
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
  try {
    return await session.run(request);
  } finally {
    await session.close();
  }
}

/** The attacker has a row of its own, so that "nothing came back" and "nothing is there" differ. */
async function ownNames(attacker: Party, login: Login): Promise<OwnNames> {
  const names = homeNames(attacker.tenantId, attacker.tier);
  const session = await attacker.open('read-write');
  try {
    const insert = `insert into clients (kind, family_name, external_reference) values ('person', 'Own', 'own') on conflict (tenant_id, external_reference) do nothing`;
    await session.run({ form: 'simple', statements: [{ sql: insert, params: [] }] });
    const select = `select id from clients where external_reference = 'own'`;
    const reply = await session.run({ form: 'simple', statements: [{ sql: select, params: [] }] });
    const client = rowsOf(reply)?.[0]?.[0];
    if (typeof client !== 'string') {
      throw new ProbeError(
        'no_session',
        `Tenant ${attacker.tenantId} cannot read its own row (${reply.code ?? 'no row'}): ${reply.message ?? ''}`,
      );
    }
    const [own, other] = login === 'read-write' ? [names.role, names.readonlyRole] : [names.readonlyRole, names.role];
    return {
      ...names,
      tenant: attacker.tenantId,
      client,
      reference: 'own',
      login: own,
      otherLogin: other,
      verifier: attacker.verifier?.(login) ?? scramVerifier(randomBytes(24).toString('base64url')),
      creates: attacker.tier === 'enterprise' ? OWN_SCHEMA : names.schema,
    };
  } finally {
    await session.close();
  }
}
