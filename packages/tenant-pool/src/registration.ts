import { PoolError } from './errors.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface TenantLogin {
  readonly user: string;
  /**
   * In the order to try: the next one is taken when Postgres says that the password is wrong. Called when a login needs it, which has half of its
   * time for that; what it returns is kept no longer. The keys that a login has made of it are kept, and spare later logins the call, until the
   * logins are registered anew or removed.
   */
  readonly passwords: readonly (() => Promise<string>)[];
}

/** A tenant, where it lives, and this process's share of what it may use there. */
export interface TenantRegistration {
  readonly tenantId: string;
  readonly database: string;
  readonly primary: ServerAddress;
  /** A standby that reads may go to. */
  readonly replica?: ServerAddress | undefined;
  readonly readwrite: TenantLogin;
  readonly readonly: TenantLogin;
  /** Connections that stay open while the tenant is in use. Over both logins and all servers, as `maxConnections`. */
  readonly minConnections: number;
  readonly maxConnections: number;
  /** Statements, and connections lent out, at one time; what comes on top waits. */
  readonly maxConcurrentQueries: number;
  /** How long a request waits for a connection. */
  readonly connectionTimeoutMs: number;
  /** After so long without use a connection is closed, and after so long without any the tenant is not in use. */
  readonly idleTimeoutMs: number;
  /** What sorts and hashes of all its connections together may take; becomes `work_mem` of each. */
  readonly maxMemoryMb?: number | undefined;
  /** Settings of every connection, beside and before the manager's own. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** @throws PoolError `pool_invalid`, naming the field. */
export function assertRegistration(registration: TenantRegistration): void {
  const { tenantId, database, primary, replica, readwrite, readonly } = registration;
  if (tenantId === '') throw invalid(tenantId, 'tenantId must not be empty');
  if (database === '') throw invalid(tenantId, 'database must not be empty');
  for (const [name, server] of [['primary', primary] as const, ['replica', replica] as const]) {
    if (server === undefined) continue;
    if (server.host === '') throw invalid(tenantId, `${name}.host must not be empty`);
    if (!Number.isInteger(server.port) || server.port < 1 || server.port > 65_535)
      throw invalid(tenantId, `${name}.port must be a port`);
  }
  for (const [name, login] of [['readwrite', readwrite] as const, ['readonly', readonly] as const]) {
    if (login.user === '') throw invalid(tenantId, `${name}.user must not be empty`);
    if (login.passwords.length === 0) throw invalid(tenantId, `${name}.passwords must name at least one`);
  }
  if (readwrite.user === readonly.user) throw invalid(tenantId, 'the two logins must be different roles');
  assertSizes(registration);
  assertWhole(registration, 'maxConcurrentQueries', 1);
  assertWhole(registration, 'connectionTimeoutMs', 1);
  assertWhole(registration, 'idleTimeoutMs', 1);
  if (registration.maxMemoryMb !== undefined) assertWhole(registration, 'maxMemoryMb', 1);
}

/** @throws PoolError `pool_invalid`. */
export function assertSizes(sizes: Pick<TenantRegistration, 'tenantId' | 'minConnections' | 'maxConnections'>): void {
  assertWhole(sizes, 'minConnections', 0);
  assertWhole(sizes, 'maxConnections', 1);
  if (sizes.minConnections > sizes.maxConnections)
    throw invalid(sizes.tenantId, 'minConnections must not be more than maxConnections');
}

function assertWhole<K extends string>(
  values: { readonly tenantId: string } & { readonly [P in K]?: number | undefined },
  name: K,
  least: number,
): void {
  const value = values[name];
  if (!Number.isSafeInteger(value) || Number(value) < least) {
    throw invalid(values.tenantId, `${name} must be a whole number of at least ${least}, not ${String(value)}`);
  }
}

const invalid = (tenantId: string, what: string): PoolError =>
  new PoolError('pool_invalid', `Tenant ${JSON.stringify(tenantId)} cannot be registered: ${what}.`);

/** Whether connections of the one may serve the other. A changed password is no difference: sessions outlive it. */
export function sameHome(a: TenantRegistration, b: TenantRegistration): boolean {
  return (
    a.database === b.database &&
    sameServer(a.primary, b.primary) &&
    a.readwrite.user === b.readwrite.user &&
    a.readonly.user === b.readonly.user
  );
}

export function sameServer(a: ServerAddress | undefined, b: ServerAddress | undefined): boolean {
  return a?.host === b?.host && a?.port === b?.port;
}

/** What a tenant's sessions begin with, and come back to when they are reset. */
export function settingsOf(registration: TenantRegistration): Readonly<Record<string, string>> {
  const workMem = workMemKb(registration);
  return { ...registration.settings, ...(workMem === undefined ? {} : { work_mem: `${workMem}kB` }) };
}

/** Whether sessions of the one begin as those of the other. */
export function sameSettings(a: TenantRegistration, b: TenantRegistration): boolean {
  const [before, now] = [settingsOf(a), settingsOf(b)];
  const names = Object.keys(now);
  return names.length === Object.keys(before).length && names.every((name) => before[name] === now[name]);
}

const LEAST_WORK_MEM_KB = 1_024;
const MOST_WORK_MEM_KB = 65_536;
/** Sorts and hashes that one statement is assumed to run at one time. */
const OPERATIONS = 4;

/** `work_mem` with which all connections of a tenant, each with four sorts or hashes, stay within its memory; 1 to 64 MB. */
export function workMemKb(registration: Pick<TenantRegistration, 'maxMemoryMb' | 'maxConnections'>): number | undefined {
  if (registration.maxMemoryMb === undefined) return undefined;
  const each = Math.floor((registration.maxMemoryMb * 1_024) / (registration.maxConnections * OPERATIONS));
  return Math.min(MOST_WORK_MEM_KB, Math.max(LEAST_WORK_MEM_KB, each));
}
