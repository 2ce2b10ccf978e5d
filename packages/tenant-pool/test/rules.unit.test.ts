import { describe, expect, it } from 'vitest';
import { PoolError } from '../src/index.ts';
import { assertRegistration, type TenantRegistration, workMemKb } from '../src/registration.ts';
import { backoffMs, connectFailureError, isWrongPassword, judgeConnectFailure } from '../src/scheduling/connect-failure.ts';
import { mayRunAfterLoss, mayRunAfterStrayCancel } from '../src/scheduling/rerun.ts';
import { WireError } from '../src/wire/errors.ts';

describe('a statement whose connection was lost', () => {
  const write = { attempts: 1, touched: false, repeatable: false };
  const read = { ...write, repeatable: true };

  it('is run again when its turn had not come, or when it only reads', () => {
    expect(mayRunAfterLoss({ ...write, attempts: 9 }, false)).toBe(true);
    expect(mayRunAfterLoss(read, true)).toBe(true);
  });

  it('is not when it may have taken effect, when its caller has seen a part of the answer, or for ever', () => {
    expect(mayRunAfterLoss(write, true)).toBe(false);
    expect(mayRunAfterLoss({ ...read, touched: true }, true)).toBe(false);
    expect(mayRunAfterLoss({ ...read, attempts: 2 }, true)).toBe(false);
  });
});

describe('a statement that was hit by its neighbour’s cancel', () => {
  it('is run again unless its caller has seen a part of the answer', () => {
    expect(mayRunAfterStrayCancel({ attempts: 1, touched: false, repeatable: false })).toBe(true);
    expect(mayRunAfterStrayCancel({ attempts: 1, touched: true, repeatable: true })).toBe(false);
  });
});

describe('a connection that cannot be opened', () => {
  const postgres = (code: 'login_failed' | 'connect_failed' | 'postgres', sqlstate: string): WireError =>
    new WireError(code, 'no', { postgres: { sqlstate, severity: 'FATAL' } });

  it('concerns the login when Postgres refuses it, all of the server when nobody gets in, and waits when there are too many', () => {
    expect(judgeConnectFailure(postgres('login_failed', '28P01'))).toEqual({ scope: 'login', code: 'login_failed' });
    expect(judgeConnectFailure(postgres('postgres', '3D000'))).toEqual({ scope: 'login', code: 'login_failed' });
    expect(judgeConnectFailure(new WireError('connect_failed', 'no'))).toEqual({ scope: 'server', code: 'server_unreachable' });
    expect(judgeConnectFailure(new WireError('connect_timeout', 'no'))).toEqual({ scope: 'server', code: 'server_unreachable' });
    expect(judgeConnectFailure(postgres('connect_failed', '57P03'))).toEqual({ scope: 'server', code: 'server_unreachable' });
    expect(judgeConnectFailure(postgres('connect_failed', '53300'))).toEqual({ scope: 'limit', code: 'too_many_connections' });
    expect(judgeConnectFailure(new Error('the key ring is locked'))).toEqual({ scope: 'login', code: 'login_failed' });
  });

  it('is worth another password only when the password was wrong', () => {
    expect(isWrongPassword(postgres('login_failed', '28P01'))).toBe(true);
    expect(isWrongPassword(postgres('login_failed', '28000'))).toBe(false);
    expect(isWrongPassword(new Error('x'))).toBe(false);
  });

  it('names its tenant to nobody else: not where it concerns all of the server', () => {
    const messageOf = (cause: WireError): string => connectFailureError(judgeConnectFailure(cause), 'acme', cause).message;
    expect(messageOf(new WireError('connect_timeout', 'too late'))).toBe('The server cannot be reached: too late');
    expect(messageOf(postgres('login_failed', '28P01'))).toBe('No connection for tenant acme: no');
  });

  it('is tried again after pauses that grow to a bound', () => {
    expect([1, 2, 3, 99].map((failures) => backoffMs(failures, 100, 1_000))).toEqual([100, 200, 400, 1_000]);
  });
});

describe('a registration', () => {
  const good: TenantRegistration = {
    tenantId: 'a-1',
    database: 'd',
    primary: { host: 'h', port: 5432 },
    readwrite: { user: 'uc_a_1', passwords: [async () => 'x'] },
    readonly: { user: 'uc_a_1__ro', passwords: [async () => 'x'] },
    minConnections: 1,
    maxConnections: 2,
    maxConcurrentQueries: 10,
    connectionTimeoutMs: 1_000,
    idleTimeoutMs: 1_000,
  };

  it.each([
    [{ minConnections: 3 }, 'minConnections'],
    [{ maxConnections: 0 }, 'maxConnections'],
    [{ maxConcurrentQueries: 1.5 }, 'maxConcurrentQueries'],
    [{ primary: { host: '', port: 1 } }, 'primary.host'],
    [{ replica: { host: 'h', port: 0 } }, 'replica.port'],
    [{ readwrite: { user: 'uc_a_1', passwords: [] } }, 'passwords'],
    [{ readonly: good.readwrite }, 'different roles'],
    [{ idleTimeoutMs: 0 }, 'idleTimeoutMs'],
  ] as const)('with %o is refused, and told why', (change, field) => {
    expect(() => assertRegistration(good)).not.toThrow();
    const refused = (): void => assertRegistration({ ...good, ...change });
    expect(refused).toThrow(PoolError);
    expect(refused).toThrow(field);
  });

  it('turns the tenant’s memory into work_mem that all its connections together stay within, from 1 to 64 MB', () => {
    expect(workMemKb({ maxConnections: 10 })).toBeUndefined();
    expect(workMemKb({ maxConnections: 16, maxMemoryMb: 2_048 })).toBe(32_768);
    expect(workMemKb({ maxConnections: 50, maxMemoryMb: 10 })).toBe(1_024);
    expect(workMemKb({ maxConnections: 1, maxMemoryMb: 2_048 })).toBe(65_536);
  });
});
