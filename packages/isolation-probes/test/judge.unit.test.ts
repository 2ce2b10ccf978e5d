import { describe, expect, it } from 'vitest';
import type { Expectation, Reply } from '../src/index.ts';
import { type Case, faultsOf } from '../src/run/judge.ts';

const MARKER = 'marker-name-00ff00ff00ff00ff00';
const REFUSED: Expectation = { verdict: 'refused', codes: ['42501'] };
const EMPTY: Expectation = { verdict: 'empty', codes: [] };
const HARMLESS: Expectation = { verdict: 'harmless', codes: [] };

const reply = (more: Partial<Reply>): Reply => ({ code: undefined, results: [], text: '', ...more });
const rows = (...values: unknown[]): Reply =>
  reply({ results: [{ rows: values.map((value) => [value]), affected: values.length }], text: JSON.stringify(values) });
const failure = (code: string, refusedBy: NonNullable<Reply['refusedBy']> = 'postgres', text = ''): Reply =>
  reply({ code, refusedBy, message: 'no', text });

const judge = (answer: Reply, expectation: Expectation, more: Partial<Case> = {}): string[] =>
  faultsOf(answer, { expectation, form: 'simple', login: 'read-write', markers: [MARKER], sent: '', ...more });

describe('whatever a probe expects, a victim’s marker is a fault', () => {
  it.each([
    ['in a value', rows(`x ${MARKER}`)],
    ['in bytes as text', rows(`\\x${Buffer.from(`a${MARKER}b`).toString('hex')}`)],
    ['in base64', rows(Buffer.from(MARKER).toString('base64'))],
    ['in the text of an error', failure('42501', 'postgres', `value "${MARKER}"`)],
    ['in a refusal of the gateway', failure('statement_refused', 'gateway', MARKER)],
  ])('%s', (_where, answer) => {
    for (const expectation of [REFUSED, EMPTY, HARMLESS]) {
      expect(judge(answer, expectation)).toContainEqual(expect.stringMatching(/planted with a victim/));
    }
  });

  it('unless it is another’s', () => {
    expect(judge(rows('marker-name-1111'), HARMLESS)).toEqual([]);
  });
});

describe('whoever it belongs to, a secret is a fault', () => {
  it.each([
    ['a password verifier', 'SCRAM-SHA-256$4096:c2FsdA==$a:b'],
    ['a sealed credential', 'v1.k1.AAAAAAAAAAA.BBBBBBBBBBBBBBBB.CCCCCCCCCCCCCCCCCCCCCCCC'],
    ['a file of the server', 'root:x:0:0:root:/root:/bin/bash'],
  ])('%s', (what, text) => {
    expect(judge(rows(text), HARMLESS)).toEqual([`returned ${what}`]);
    expect(judge(rows(text), HARMLESS, { sent: text }), 'sent by the attacker itself').toEqual([]);
  });
});

describe('a probe that must be refused', () => {
  it('is, by its code', () => expect(judge(failure('42501'), REFUSED)).toEqual([]));
  it('is not, by success', () => expect(judge(rows(), REFUSED)).toHaveLength(1));
  it('is not, by another code: a slip of the pen is no refusal', () => expect(judge(failure('42601'), REFUSED)).toHaveLength(1));
  it('is not, by a lost connection', () => expect(judge(failure('connection_lost', 'nobody'), REFUSED)).toHaveLength(1));
  it('is, by the gateway’s guard', () => expect(judge(failure('statement_refused', 'gateway'), REFUSED)).toEqual([]));
  it('is not, by the gateway being busy, or wrong', () => {
    for (const code of ['queue_full', 'gateway_busy', 'internal', 'directory_stale', 'tenant_mismatch']) {
      expect(judge(failure(code, 'gateway'), REFUSED)).toHaveLength(1);
    }
  });
  it('may be told first that it cannot be in a transaction', () => {
    expect(judge(failure('25001'), REFUSED, { form: 'transaction' })).toEqual([]);
    expect(judge(failure('25001'), REFUSED, { form: 'simple' })).toHaveLength(1);
  });
});

describe('a probe that must find nothing', () => {
  it('finds nothing', () => expect(judge(rows(), EMPTY)).toEqual([]));
  it('does not find a row', () => expect(judge(rows(1), EMPTY)).toHaveLength(1));
  it('does not change a row', () => expect(judge(reply({ results: [{ rows: [], affected: 1 }] }), EMPTY)).toHaveLength(1));
  it('does not fail: nothing was tried then', () => expect(judge(failure('42601'), EMPTY)).toHaveLength(1));
  it('is not refused by the gateway’s guard', () =>
    expect(judge(failure('statement_refused', 'gateway'), EMPTY)).toHaveLength(1));
  it('is, as a text of several statements', () => {
    expect(judge(failure('statement_refused', 'gateway'), EMPTY, { form: 'multi-statement' })).toEqual([]);
  });
});

describe('a probe that must do no harm', () => {
  it('does not learn from an error', () => expect(judge(failure('23505'), HARMLESS)).toHaveLength(1));
  it('may be refused where its login only reads', () => {
    expect(judge(failure('25006'), HARMLESS, { login: 'read-only' })).toEqual([]);
    expect(judge(failure('25006'), HARMLESS)).toHaveLength(1);
  });
});
