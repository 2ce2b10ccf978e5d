import type { Target } from '../load/messages.ts';

export const CONTENDERS = ['gateway', 'pgbouncer', 'plain'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

export const CONTENDER_NAMES: Readonly<Record<ContenderName, string>> = {
  gateway: 'pool-gateway',
  pgbouncer: 'PgBouncer',
  plain: 'fastify + pg.Pool',
};

/** What stands between clients and Postgres, in one process. */
export interface Contender extends AsyncDisposable {
  readonly name: ContenderName;
  readonly pid: number;
  readonly target: Target;
  /** Whether a session of Postgres with this `application_name` is one of its own. */
  readonly owns: (applicationName: string) => boolean;
  /** Where its inspector listens, where it was asked to have one. */
  readonly inspectorPort?: number | undefined;
  /** What a reader of the report must know of it: version, settings. */
  readonly description: string;
}
