import { parseArgs } from 'node:util';
import { ROUTES, type Route } from '@ultracore/isolation-probes';
import { TIERS, type Tier } from '@ultracore/contracts';
import { LauncherError } from '../errors.ts';

export interface VerifyOptions {
  readonly tiers: readonly Tier[];
  readonly routes: readonly Route[];
  /** Tenants that were given instead of the throwaway pair of a tier. */
  readonly pairs: Readonly<Partial<Record<Tier, Pair>>>;
  readonly json: boolean;
  readonly help: boolean;
  readonly dataDir: string | undefined;
}

export interface Pair {
  readonly attacker: string;
  readonly victim: string;
}

export const USAGE = `npm run verify-isolation -- [options]     attack tenants of the running platform, as their neighbours

  --tier <a,b>                     only attackers of these tiers: ${TIERS.join(', ')}
  --route <a,b>                    only this way: direct (the tenant's own logins), gateway (SQL over HTTP)
  --pair <tier>=<attacker>,<victim> these tenants instead of a throwaway pair; nobody else may use them meanwhile
  --json                           print the report as JSON
  --data-dir <dir>                 which stack (default .local)

Exit code 0: nothing got through. 1: something did, and the report says what. 2: it could not be found out.
`;

/** @throws LauncherError `bad_option`. */
export function parseVerifyOptions(argv: readonly string[]): VerifyOptions {
  const values = parse(argv);
  return {
    tiers: listOf('--tier', values.tier, TIERS),
    routes: listOf('--route', values.route, ROUTES),
    pairs: Object.fromEntries(values.pair.map(pairOf)),
    json: values.json,
    help: values.help,
    dataDir: values['data-dir'],
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        tier: { type: 'string' },
        route: { type: 'string' },
        pair: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        'data-dir': { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new LauncherError('bad_option', `${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

function listOf<T extends string>(option: string, text: string | undefined, known: readonly T[]): readonly T[] {
  if (text === undefined) return known;
  const asked = text.split(',').map((each) => each.trim());
  const unknown = asked.filter((each) => !known.some((name) => name === each));
  if (unknown.length > 0) {
    throw new LauncherError('bad_option', `${option} knows no ${unknown.join(', ')}; it knows ${known.join(', ')}.`);
  }
  return known.filter((name) => asked.includes(name));
}

function pairOf(text: string): [Tier, Pair] {
  const [, name, attacker, victim] = /^(\w+)=([a-z0-9-]+),([a-z0-9-]+)$/.exec(text) ?? [];
  const tier = TIERS.find((each) => each === name);
  if (tier === undefined || attacker === undefined || victim === undefined || attacker === victim) {
    throw new LauncherError('bad_option', `--pair is <tier>=<attacker>,<victim> with two tenants of that tier, not ${text}.`);
  }
  return [tier, { attacker, victim }];
}
