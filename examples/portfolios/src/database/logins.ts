import type { TenantRegistration } from '@ultracore/tenant-pool';
import { z } from 'zod';

const url = z
  .url({ protocol: /^postgres(ql)?$/ })
  .transform((text) => new URL(text))
  .refine((parsed) => parsed.username !== '' && parsed.password !== '', 'must name user and password');

/** Tenant → URLs of its two logins, as `npm run as-tenant -- <id> --url`, and with `--readonly`, prints them. */
export const loginsSchema = z.record(z.string(), z.strictObject({ url, readonly_url: url }));

const CONNECTIONS = {
  minConnections: 0,
  maxConnections: 5,
  maxConcurrentQueries: 20,
  connectionTimeoutMs: 5_000,
  idleTimeoutMs: 60_000,
};

const loginOf = ({ username, password }: URL) => ({
  user: decodeURIComponent(username),
  passwords: [async () => decodeURIComponent(password)],
});

export const toRegistrations = (logins: z.infer<typeof loginsSchema>): TenantRegistration[] =>
  Object.entries(logins).map(([tenantId, { url: readwrite, readonly_url: readonly }]) => ({
    tenantId,
    database: decodeURIComponent(readwrite.pathname.slice(1)),
    primary: { host: readwrite.hostname, port: Number(readwrite.port || 5432) },
    readwrite: loginOf(readwrite),
    readonly: loginOf(readonly),
    ...CONNECTIONS,
  }));
