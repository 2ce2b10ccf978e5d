import type { Tier } from '@ultracore/contracts';

/** What a verdict depends on beside the text. */
export interface StatementContext {
  readonly tier: Tier;
  /** Whether the statement is one of a `/v1/transaction`. */
  readonly inTransaction: boolean;
}

/** `own`: only on a backend taken for it alone, which is reset afterwards. `none`: leaves nothing behind on the session. */
export type Effect = 'refuse' | 'own' | 'none';

interface Rule {
  readonly effect: (context: StatementContext) => Effect;
  /** For the caller of a refused statement: what to do instead. */
  readonly detail: string;
}

const always = (effect: Effect) => (): Effect => effect;
/** Tenants of the small and standard tiers live in one database with others. */
const notWhereTenantsShare = ({ tier }: StatementContext): Effect => (tier === 'enterprise' ? 'own' : 'refuse');
const onlyInTransaction = ({ inTransaction }: StatementContext): Effect => (inTransaction ? 'own' : 'refuse');
const never = (detail: string): Rule => ({ effect: always('refuse'), detail });
const alone: Rule = { effect: always('own'), detail: '' };

/**
 * Everything the walk over a statement's tree can find, and what it means by tier and place. A refusal's code is the rule's name.
 * The second line of defence: rights in the database deny what belongs to others; these rules deny what Postgres cannot deny to a login
 * and what would outlive the statement on a connection that others of the tenant use next.
 */
export const RULES = {
  unknown_construct: never('This part of the SQL grammar is not one that the gateway lets through.'),
  transaction_control: never('Transactions are not opened or ended by SQL: send the statements to POST /v1/transaction.'),
  savepoint: { effect: onlyInTransaction, detail: 'Savepoints exist inside of POST /v1/transaction only.' },
  session_setting: never(
    'Settings of the session cannot be changed. timeout_ms of the request limits a statement; inside of POST /v1/transaction SET LOCAL may set ' +
      'TimeZone, lock_timeout and settings named app.*.',
  ),
  local_setting: { effect: onlyInTransaction, detail: 'SET LOCAL has an effect inside of POST /v1/transaction only.' },
  function_setting: never('A function may bring its own search_path and TimeZone, and no other setting.'),
  session_role: never('The role of the session is the tenant’s own and cannot be changed.'),
  session_state: never('Connections are shared by the requests of a tenant: their state can be neither discarded nor looked at.'),
  prepared_statement: never('The gateway prepares statements itself: send the text with params.'),
  notification: never('LISTEN and NOTIFY do not work over pooled connections.'),
  cursor_with_hold: never(
    'A cursor WITH HOLD outlives its transaction. Ask for application/x-ndjson to read a large result as a stream.',
  ),
  cursor: { effect: onlyInTransaction, detail: 'Cursors exist inside of POST /v1/transaction only.' },
  copy: never('COPY is not spoken here: INSERT several rows at once, and read with application/x-ndjson.'),
  table_lock: {
    effect: ({ tier, inTransaction }) => (tier === 'enterprise' && inTransaction ? 'own' : 'refuse'),
    detail:
      'LOCK TABLE would stand in the way of others: lock rows with SELECT … FOR UPDATE. Enterprise tenants may use it inside of POST /v1/transaction.',
  },
  session_lock: never(
    'An advisory lock of the session outlives the statement. Enterprise tenants may use pg_advisory_xact_lock.',
  ),
  advisory_lock: {
    effect: notWhereTenantsShare,
    detail: 'Advisory locks have one key space for all tenants of a database: lock a row with SELECT … FOR UPDATE instead.',
  },
  role_administration: never('Logins, passwords, roles, owners and default privileges are kept by the platform.'),
  server_administration: never('Databases, files, replication, statistics and other sessions are not a tenant’s to touch.'),
  extension: never('Extensions, languages, foreign servers and publications are installed by the platform’s operators.'),
  large_object: never('Large objects belong to no tenant: keep bytes in a bytea column.'),
  dynamic_sql: never('Functions that run SQL given as text are refused: send that SQL as the statement.'),
  temporary_object: never('Temporary objects stay on a connection that other requests use: use WITH, or a table.'),
  catalog_write: never('Catalogs are not written to.'),
  code_block: { effect: notWhereTenantsShare, detail: 'DO blocks are for databases of one tenant (tier enterprise).' },
  definition: {
    effect: notWhereTenantsShare,
    detail: 'Tables and all else in this schema are made by migrations, not by tenants.',
  },
  maintenance: { effect: notWhereTenantsShare, detail: 'Maintenance of tables is done by the platform.' },
  truncate: {
    effect: ({ tier }) => (tier === 'small' ? 'refuse' : 'own'),
    detail: 'The tables are shared with other tenants: DELETE removes the tenant’s own rows.',
  },
  parameter_number: never('The highest parameter that can be given is $65535.'),

  /** Of pg_catalog and volatile, and not known to leave the session as it was. */
  volatile_function: alone,
  /** Nobody has said what it does. */
  unknown_function: alone,
  procedure: alone,
  explain_analyze: alone,
  /** Neither the schema the tenant's tables are in nor one of Postgres's: what is there may be the tenant's own code. */
  other_schema: alone,
  app_schema: { effect: ({ tier }) => (tier === 'standard' ? 'own' : 'none'), detail: '' },
  tenant_schema: { effect: ({ tier }) => (tier === 'standard' ? 'none' : 'own'), detail: '' },
} satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;
