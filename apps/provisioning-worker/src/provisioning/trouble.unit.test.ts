import { describe, expect, it } from 'vitest';
import { troubleOf, type TroubleKind } from './trouble.ts';

const withCode = (code: string, message = 'no'): Error => Object.assign(new Error(message), { code });
const kind = (error: unknown): TroubleKind => troubleOf(error).kind;

describe('a server that cannot be used', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EPIPE'])('%s', (code) => {
    expect(troubleOf(withCode(code))).toMatchObject({ kind: 'server', code: 'server_unreachable' });
  });

  it.each([
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Connection terminated due to connection timeout',
  ])('what pg says without a code: %s', (text) => {
    expect(kind(new Error(text))).toBe('server');
  });

  it.each(['57P01', '57P02', '57P03', '08006', '28P01', '58030'])('SQLSTATE %s', (state) => {
    expect(kind(withCode(state))).toBe('server');
  });
});

describe('what passes by itself', () => {
  it.each(['53300', '53200', '40001', '40P01', '55006', '55P03'])('SQLSTATE %s', (state) => {
    expect(kind(withCode(state))).toBe('passing');
  });

  it('two sessions that changed one catalog row', () => {
    expect(kind(withCode('XX000', 'tuple concurrently updated'))).toBe('passing');
    expect(kind(withCode('XX000', 'cache lookup failed'))).toBe('unclear');
  });
});

describe('everything else is unclear', () => {
  it.each(['42501', '42P07', '23505', '57014', '0A000'])('SQLSTATE %s', (state) => {
    expect(troubleOf(withCode(state))).toMatchObject({ kind: 'unclear', code: `pg_${state.toLowerCase()}` });
  });

  it('also what carries no code, or one of another package', () => {
    expect(troubleOf(new Error('odd'))).toEqual({ kind: 'unclear', code: 'unexpected', reason: 'odd' });
    expect(troubleOf(withCode('ERR_SOMETHING', 'odd')).code).toBe('err_something');
    expect(troubleOf('odd').reason).toBe('odd');
    expect(troubleOf(undefined).reason).toBe('undefined');
  });
});

it('gives a reason of one line and a bounded length', () => {
  expect(troubleOf(new Error('one\n  two')).reason).toBe('one two');
  expect(troubleOf(new Error('x'.repeat(5000))).reason.length).toBe(500);
  expect(troubleOf(new Error('')).reason).toBe('no reason given');
});
