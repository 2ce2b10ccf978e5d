import {
  mergeReports,
  plant,
  type Planted,
  type ProbeReport,
  type ProbeResult,
  runHttpProbes,
  runProbes,
} from '@ultracore/isolation-probes';
import { SHARED_DATABASE, superuserConnect, verifyDatabase, verifyServer, withConnection } from '@ultracore/tenant-database';
import type { Tier } from '@ultracore/contracts';
import { LauncherError } from '../errors.ts';
import { issueTenantToken, jwksOf, signClaims } from '../identity.ts';
import type { Secrets } from '../secrets.ts';
import { JWT_AUDIENCE, JWT_ISSUER } from '../services.ts';
import type { Stack } from '../stack-file.ts';
import type { VerifyOptions } from './options.ts';
import type { Pairs } from './tenants.ts';

export interface Verdict extends ProbeReport {
  /** What the server's own verification finds, a sentence each. */
  readonly hardening: readonly string[];
}

/** Attacks each pair's victim from its attacker, and reads the hardening of the server back. Leaves the victims as they were. */
export async function verifyIsolation(
  { stack, secrets, pairs }: { stack: Stack; secrets: Secrets; pairs: Pairs },
  { tiers, routes }: VerifyOptions,
  onResult: (result: ProbeResult) => void,
): Promise<Verdict> {
  const admin = superuserConnect(adminUrl(stack));
  const planted: Planted[] = [];
  // With its own login a victim also is in a session, whatever the route of the attack.
  const inHomeOf = async (tier: Tier): Promise<Planted> => {
    const victim = await plant(pairs[tier].victim.party('direct'));
    planted.push(victim);
    return victim;
  };
  try {
    const victims = {
      enterprise: await inHomeOf('enterprise'),
      standard: await inHomeOf('standard'),
      small: await inHomeOf('small'),
    };
    for (const database of [SHARED_DATABASE, pairs.enterprise.victim.database]) {
      await withConnection(admin, database, (connection) => connection.query('analyze'));
    }
    const reports: ProbeReport[] = [];
    for (const tier of tiers) {
      for (const route of routes) {
        reports.push(await runProbes({ attacker: pairs[tier].attacker.party(route), victims, onResult }));
      }
      if (routes.includes('gateway')) reports.push(await attackPaths({ stack, secrets, pairs }, tier, victims[tier], onResult));
    }
    const findings = [
      ...(await verifyServer(admin)),
      ...(await withConnection(admin, pairs.enterprise.victim.database, (home) => verifyDatabase(home, { shared: false }))),
    ];
    return { ...mergeReports(reports), hardening: findings.map(({ code, detail }) => `${code}: ${detail}`) };
  } finally {
    for (const each of planted) await each.remove();
  }
}

/** Through the edge, as callers come, and at the gateway itself, as whoever is inside could. */
async function attackPaths(
  { stack, secrets, pairs }: { stack: Stack; secrets: Secrets; pairs: Pairs },
  tier: Tier,
  victim: Planted,
  onResult: (result: ProbeResult) => void,
): Promise<ProbeReport> {
  const { attacker } = pairs[tier];
  const [publicJwk] = jwksOf(secrets).keys;
  const tokens = {
    issuer: JWT_ISSUER,
    audience: JWT_AUDIENCE,
    own: await issueTenantToken(secrets, { tenantId: attacker.tenantId }),
    ownReadOnly: attacker.tokens['read-only'],
    ...stack.tokens,
    sign: (claims: Readonly<Record<string, unknown>>) => signClaims(secrets, { ...claims }),
    publicJwk,
  };
  const urls = [stack.edge_url, stack.service_urls['pool-gateway']].filter((url) => url !== undefined);
  const runs = [];
  for (const url of urls) runs.push(await runHttpProbes({ url, attacker, victim, tokens, onResult }));
  return {
    results: runs.flatMap(({ results }) => results),
    damage: [],
    skipped: runs.flatMap(({ skipped }) => skipped),
  };
}

function adminUrl({ postgres, postgres_admin: admin }: Stack): string {
  if (postgres === undefined || admin === undefined) {
    throw new LauncherError('not_running', 'The running stack has no Postgres: start it without --only.');
  }
  return `postgres://${encodeURIComponent(admin.user)}:${encodeURIComponent(admin.password)}@${postgres.host}:${postgres.port}/postgres`;
}
