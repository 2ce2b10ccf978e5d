import { createHash } from 'node:crypto';
import { type Connect, type Connection, withConnection } from '../client.ts';
import type { Migration } from '../migrations/load.ts';
import { type Home, homeNames, type HomeNames, SHARED_DATABASE } from '../names.ts';
import { compareDescriptions } from './compare.ts';
import { type Description, readDescription, readHomeVersion } from './describe.ts';
import { buildPattern, type Pattern } from './scratch.ts';

/** Differences that a report lists; it counts all of them. */
export const DIFFERENCES_LISTED = 50;
/** Versions that a fleet is on at the same time, and both kinds of home: what is not in use is made anew. */
const PATTERNS_KEPT = 16;

/** How a home compares with what its version should look like. */
export interface DriftReport {
  /** The newest migration that the home has. */
  readonly version: string;
  /** The first of them in the order of the alphabet, a sentence each: `table orders: index orders_open is missing`. None: as it should be. */
  readonly differences: readonly string[];
  /** Of all. */
  readonly count: number;
  /** Of all differences and the version, in hex; empty when there is none. Equal for equal reports, in every process. */
  readonly fingerprint: string;
}

export type DriftLook =
  | { readonly judged: true; readonly report: DriftReport }
  /** `not_migrated`: the home has no version. `unknown_version`: it is ahead of the migrations known here. `changing`: two looks in a row differed, or a migration came in between. */
  | { readonly judged: false; readonly because: 'not_migrated' | 'unknown_version' | 'changing' };

export interface DriftCheck {
  /** Compares a home, on a connection of the admin to its database. Changes nothing, and reads nothing but catalogs and our own bookkeeping. */
  look(connection: Connection, home: Pick<Home, 'tenantId' | 'tier'>): Promise<DriftLook>;
}

/**
 * Compares homes of one server with what the migrations make there. What a version should look like is found out by applying
 * it once, in the shared database, which `connect` opens as the admin.
 */
export function createDriftCheck(options: { readonly connect: Connect; readonly migrations: readonly Migration[] }): DriftCheck {
  const patterns = new Map<string, Promise<Pattern>>();

  function patternOf(server: string, migrations: readonly Migration[], shared: boolean): Promise<Pattern> {
    const key = JSON.stringify([server, shared, migrations.map(({ version, checksum }) => [version, checksum])]);
    const known = patterns.get(key);
    if (known) return known;
    const oldest = patterns.size >= PATTERNS_KEPT ? patterns.keys().next().value : undefined;
    if (oldest !== undefined) patterns.delete(oldest);
    const made = withConnection(options.connect, SHARED_DATABASE, (connection) =>
      buildPattern(connection, { migrations, shared }),
    );
    patterns.set(key, made);
    made.catch(() => patterns.delete(key));
    return made;
  }

  return {
    async look(connection, home) {
      const names = homeNames(home.tenantId, home.tier);
      const { version, server } = await readHomeVersion(connection, names.schema);
      if (version === undefined) return { judged: false, because: 'not_migrated' };
      const migrations = options.migrations.filter((migration) => migration.version <= version);
      if (migrations.at(-1)?.version !== version) return { judged: false, because: 'unknown_version' };
      const expected = renamed(await patternOf(server, migrations, home.tier === 'small'), names);
      const look = async (): Promise<DriftReport> =>
        reportOf(version, compareDescriptions(await readDescription(connection, names.schema), expected, version));
      const report = await look();
      if (report.count === 0) return { judged: true, report };
      // Somebody's change may have been under way: what is told is only what stays. A migration that was committed after the version
      // was read stays too, and is none.
      const stays = (await look()).fingerprint === report.fingerprint;
      if (stays && (await readHomeVersion(connection, names.schema)).version === version) return { judged: true, report };
      return { judged: false, because: 'changing' };
    },
  };
}

function reportOf(version: string, all: readonly string[]): DriftReport {
  const fingerprint =
    all.length === 0
      ? ''
      : createHash('sha256')
          .update(JSON.stringify([version, all]))
          .digest('hex');
  return { version, differences: all.slice(0, DIFFERENCES_LISTED), count: all.length, fingerprint };
}

/** The pattern's names are random and in need of no quotes or escapes, so they can be replaced in the text of it. */
function renamed({ names: from, objects }: Pattern, to: HomeNames): Description {
  const text = JSON.stringify(objects)
    .replaceAll(from.readonlyRole, to.readonlyRole)
    .replaceAll(from.role, to.role)
    .replaceAll(from.schema, to.schema);
  // What was made into text a line above.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as Description;
}
