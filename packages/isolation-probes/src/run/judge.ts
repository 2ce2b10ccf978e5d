import type { Expectation, Form, Login } from '../probe.ts';
import type { Reply } from './session.ts';

/** Codes by which the gateway says that it will not run a statement. Any other code of its own has to be named by the probe. */
const GUARD_CODES: readonly string[] = ['statement_refused'];

/** A login that may only read is refused, for want of the right or of a transaction that writes, also what would have been harmless. */
const READ_ONLY_CODES: readonly string[] = ['42501', '25006'];
/** Statements that cannot be in a transaction block say so before they ask for rights. */
const IN_TRANSACTION = '25001';
/** What comes of a statement once another of its transaction was refused. */
const FORMS_IN_TRANSACTION: readonly Form[] = ['multi-statement', 'transaction'];

/** Never anybody's business, whoever planted what: password verifiers, sealed credentials, the server's files. */
const SECRETS: readonly (readonly [string, RegExp])[] = [
  ['a password verifier', /SCRAM-SHA-256\$\d+:/],
  ['a sealed credential', /\bv1\.[\w-]+\.[\w-]{8,}\.[\w-]{12,}\.[\w-]{20,}/],
  ['a file of the server', /root:[x*!]?:0:0:/],
];

export interface Case {
  readonly expectation: Expectation;
  readonly form: Form;
  readonly login: Login;
  /** Everything planted with anybody but the attacker. */
  readonly markers: readonly string[];
  /** Texts of the request, which may come back in errors. */
  readonly sent: string;
}

/** What is wrong with a reply, one sentence each; empty when the probe came out as it must. */
export function faultsOf(reply: Reply, probe: Case): string[] {
  const verdict = faultOfVerdict(reply, probe);
  return [...leaksIn(reply.text, probe), ...(verdict === undefined ? [] : [verdict])];
}

/** Outcome in a few words, for the report. */
export function outcomeOf(reply: Reply): string {
  if (reply.code !== undefined) return `refused ${reply.code}`;
  const rows = rowsOfLast(reply);
  return rows === 0 ? 'empty' : `${rows} ${rows === 1 ? 'row' : 'rows'}`;
}

export function describeExpectation(expectation: Expectation): string {
  const codes = expectation.codes.length === 0 ? '' : ` (${expectation.codes.join(', ')})`;
  return `${expectation.verdict}${expectation.verdict === 'shown' ? ` ${expectation.exposure}` : ''}${codes}`;
}

/** What of a victim, or secret whoever it belongs to, is in a text. */
export function leaksIn(text: string, { markers, sent }: Pick<Case, 'markers' | 'sent'>): string[] {
  const planted = markers.flatMap((marker) =>
    [marker, Buffer.from(marker).toString('hex'), Buffer.from(marker).toString('base64').replace(/=+$/, '')]
      .filter((form) => text.includes(form))
      .slice(0, 1)
      .map(() => `returned what was planted with a victim: ${marker.replace(/-[0-9a-f]+$/, '')}`),
  );
  const secrets = SECRETS.filter(([, pattern]) => pattern.test(text) && !pattern.test(sent)).map(([what]) => `returned ${what}`);
  return [...planted, ...secrets];
}

function faultOfVerdict(reply: Reply, { expectation, form, login }: Case): string | undefined {
  if (reply.refusedBy === 'nobody') return `no answer (${reply.message ?? 'the connection was lost'})`;
  if (reply.code !== undefined) {
    return isAccepted(reply.code, reply, expectation, form, login)
      ? undefined
      : `refused with ${reply.code} (${reply.message ?? ''}), not ${describeExpectation(expectation)}`;
  }
  switch (expectation.verdict) {
    case 'refused':
      return `was allowed: ${outcomeOf(reply)}`;
    case 'empty':
      return rowsOfLast(reply) === 0 ? undefined : `${rowsOfLast(reply)} rows came back or were changed, where there are none`;
    case 'harmless':
    case 'shown':
      return undefined;
    default:
      return expectation satisfies never;
  }
}

function isAccepted(code: string, reply: Reply, expectation: Expectation, form: Form, login: Login): boolean {
  if (expectation.codes.includes(code)) return true;
  if (reply.refusedBy === 'gateway') {
    // The gateway takes one statement at a time: a text of several is refused whatever is in it.
    return GUARD_CODES.includes(code) && (form === 'multi-statement' || expectation.verdict !== 'empty');
  }
  if (login === 'read-only' && READ_ONLY_CODES.includes(code)) return true;
  return code === IN_TRANSACTION && expectation.verdict === 'refused' && FORMS_IN_TRANSACTION.includes(form);
}

function rowsOfLast(reply: Reply): number {
  const last = reply.results.at(-1);
  return last === undefined ? 0 : Math.max(last.rows.length, last.affected);
}
