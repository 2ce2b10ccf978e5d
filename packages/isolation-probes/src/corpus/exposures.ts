import type { ExposureId } from '../probe.ts';

export interface Exposure {
  readonly title: string;
  /** What is visible or possible, with a tenant's own login and Postgres's own protocol. */
  readonly direct: string;
  /** What of it remains through the gateway. */
  readonly gateway: string;
}

const SAME = 'The same: catalog tables are readable.';
const CLOSED = 'Refused.';

/** What the boundary does not hold back, each with what becomes of it at the gateway. Everything else is a finding. */
export const EXPOSURES: Readonly<Record<ExposureId, Exposure>> = {
  names: {
    title: 'Names',
    direct:
      'Names of databases, roles, schemas and tables of every tenant on the same server, their owners, rights, memberships and comments: so tenant ids, and who is enterprise, standard or small.',
    gateway: SAME,
  },
  definitions: {
    title: 'Definitions',
    direct:
      'In the same database: definitions of tables, views, functions, constraints and policies. They are the platform’s migrations; only an enterprise tenant makes objects of its own, in a database that no other tenant enters.',
    gateway: SAME,
  },
  'row-estimates': {
    title: 'Row estimates',
    direct:
      'In the shared database: about how many rows and pages a table has (`pg_class`), for a standard neighbour’s tables and for all small tenants together; in the small tier also the planner’s estimates, and the number of rows that a plan filtered away.',
    gateway: SAME,
  },
  'role-settings': {
    title: 'Settings of roles',
    direct: 'Limits and search_path of every role on the server (`pg_db_role_setting`).',
    gateway: SAME,
  },
  server: {
    title: 'The server',
    direct:
      'Its version and most of its settings, when it was started and configured, and how many transactions it runs, by the numbers it gives them.',
    gateway: SAME,
  },
  notify: {
    title: 'NOTIFY and LISTEN',
    direct:
      'In the shared database channels belong to everybody: a tenant can listen to any and send on any. The platform uses none; product teams must not send anything on them there.',
    gateway: CLOSED,
  },
  'lock-table': {
    title: 'LOCK TABLE',
    direct:
      'In the small tier: whoever may delete rows of a table may lock the whole of it, up to ACCESS EXCLUSIVE, for all small tenants.',
    gateway: CLOSED,
  },
  'session-settings': {
    title: 'Settings of the session',
    direct:
      'Statement and idle timeouts, `work_mem`: a session can lift its own. `temp_file_limit` and the number of connections it cannot.',
    gateway:
      'Refused where the text says so. A block or a function of an enterprise tenant’s own can do it for as long as its statement runs; then the session is reset. The statement timeout the gateway keeps itself, with a cancel.',
  },
  'own-role': {
    title: 'Its own role',
    direct: 'Its own password, and settings of its own role. The provisioning worker’s periodic pass sets both again.',
    gateway:
      'Refused where the text says so. A block or a function of an enterprise tenant’s own can do it all the same: it locks out its own login, until the worker’s next pass.',
  },
};
