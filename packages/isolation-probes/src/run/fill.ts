import { quoteLiteral } from '@ultracore/postgres';
import { ProbeError } from '../errors.ts';
import type { Form, Probe } from '../probe.ts';
import type { Statement } from './session.ts';

/** What the placeholders of one party stand for. */
export interface Names {
  readonly tenant: string;
  readonly database: string;
  readonly schema: string;
  readonly role: string;
  readonly readonlyRole: string;
  /** Id and external reference of one of its clients, which the attacker is taken to know. */
  readonly client: string;
  readonly reference: string;
  /** A backend on which it is connected. */
  readonly pid: string;
}

/** What the attacker knows of itself, for one of its logins. */
export interface OwnNames extends Omit<Names, 'pid'> {
  readonly login: string;
  readonly otherLogin: string;
  readonly verifier: string;
  /** Where it may create, or would have to: `own` of an enterprise tenant, otherwise its schema. */
  readonly creates: string;
}

/** Of the other tiers' neighbours those that the run has. */
export interface Scope {
  readonly self: OwnNames;
  readonly victim: Names;
  readonly small?: Names | undefined;
  readonly standard?: Names | undefined;
  readonly enterprise?: Names | undefined;
}

const PLACEHOLDER = /\{([a-z]+)\.([a-zA-Z]+)\}|<([a-z]+)\.([a-zA-Z]+)>/g;

/** The statements of a probe with every name filled in; undefined when it is about a neighbour that the run does not have. */
export function statementsOf(probe: Pick<Probe, 'id' | 'steps'>, form: Form, scope: Scope): Statement[] | undefined {
  const statements = probe.steps.map((step) => fill(probe.id, step, form === 'parameterised', scope));
  return statements.every((statement) => statement !== undefined) ? statements : undefined;
}

function fill(probeId: string, step: string, parameterised: boolean, scope: Scope): Statement | undefined {
  const params: string[] = [];
  let missing = false;
  const sql = step.replace(PLACEHOLDER, (_all, rawParty?: string, rawName?: string, party?: string, name?: string) => {
    const value = lookUp(probeId, scope, rawParty ?? party ?? '', rawName ?? name ?? '');
    if (value === undefined) {
      missing = true;
      return '';
    }
    if (rawParty !== undefined) return value;
    if (!parameterised) return quoteLiteral(value);
    params.push(value);
    return `$${params.length}`;
  });
  return missing ? undefined : { sql, params };
}

function lookUp(probeId: string, scope: Scope, party: string, name: string): string | undefined {
  const parties: Readonly<Record<string, object | undefined>> = { ...scope };
  if (!['self', 'victim', 'small', 'standard', 'enterprise'].includes(party)) {
    throw new ProbeError('bad_probe', `Probe ${probeId} names a party ${party}, which no run has.`);
  }
  const names = parties[party];
  if (names === undefined) return undefined;
  const value: unknown = Object.entries(names).find(([key]) => key === name)?.[1];
  if (typeof value !== 'string') throw new ProbeError('bad_probe', `Probe ${probeId} names ${party}.${name}, which no run has.`);
  return value;
}
