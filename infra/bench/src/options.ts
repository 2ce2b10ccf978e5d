import { parseArgs } from 'node:util';

export interface BenchOptions {
  json: boolean;
  /** Measured rounds of everything that is measured in rounds. */
  rounds: number;
  /** Tenants measured one by one, per tier. */
  tenants: number;
  /** Tenants queued at once, per tier. */
  queued: number;
  /** Streams made in each round. */
  streams: number;
  inFlight: number;
  /** Tiers of the provisioning bench. */
  tiers: string[];
  /** Parts of the registry bench. */
  parts: string[];
  dataDir: string;
}

export const HELP = `npm run bench -- <name> [options]

  provisioning   request → active and first query, per tier; tenants per second when many are queued
  registry       creations against the client's own appends; when lists show them; relay against a bare producer; rebuild against upserts

  --json           one JSON object instead of text
  --rounds <n>     measured rounds (default 5)
  --tenants <n>    provisioning: tenants one by one, per tier (default 60)
  --queued <n>     provisioning: tenants queued at once, per tier (default 500; 0 leaves it out)
  --tiers <a,b>    provisioning: default small,standard,enterprise
  --streams <n>    registry: tenants created in each round (default 2000)
  --in-flight <n>  requests under way at once (default 64)
  --parts <a,b>    registry: creations,visibility,relay,rebuild (default all)
  --data-dir <d>   where the bench's own platform keeps its data; emptied first (default .local/bench)
`;

/** Throws a sentence for what it does not understand. */
export function parseOptions(args: readonly string[]): { name: string | undefined; options: BenchOptions } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      tenants: { type: 'string', default: '60' },
      queued: { type: 'string', default: '500' },
      tiers: { type: 'string', default: 'small,standard,enterprise' },
      streams: { type: 'string', default: '2000' },
      'in-flight': { type: 'string', default: '64' },
      parts: { type: 'string', default: 'creations,visibility,relay,rebuild' },
      'data-dir': { type: 'string', default: '.local/bench' },
    },
  });
  return {
    name: positionals[0],
    options: {
      json: values.json,
      rounds: count('rounds', values.rounds, 1),
      tenants: count('tenants', values.tenants, 0),
      queued: count('queued', values.queued, 0),
      streams: count('streams', values.streams, 1),
      inFlight: count('in-flight', values['in-flight'], 1),
      tiers: values.tiers.split(','),
      parts: values.parts.split(','),
      dataDir: values['data-dir'],
    },
  };
}

function count(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new TypeError(`--${name} must be a whole number from ${least} on.`);
  return value;
}
