import { quoteIdent } from '@ultracore/postgres';
import { type Connect, type Connection, inTransaction, withConnection } from '../client.ts';
import { homeNames, parseHomeComment, ROLES, SHARED_DATABASE } from '../names.ts';

/**
 * Takes from roles what tenants granted them in databases other than the one of `connection`. A tenant may name any role of the
 * server in a grant, a policy or its own default privileges, and a role that is named anywhere cannot be dropped: without this
 * one tenant could keep another's home from being removed.
 */
export async function revokeGrantsElsewhere(connect: Connect, connection: Connection, roles: readonly string[]): Promise<void> {
  const { rows } = await connection.query<{ name: string; comment: string | null }>(
    `select datname as name, shobj_description(d.oid, 'pg_database') as comment from pg_database d
      where datname <> current_database() and datallowconn and exists (
        select from pg_shdepend s join pg_roles r on r.oid = s.refobjid
         where s.dbid = d.oid and s.refclassid = 'pg_authid'::regclass and r.rolname = any ($1))`,
    [roles],
  );
  for (const { name, comment } of rows) {
    const owner = parseHomeComment(comment);
    if (owner === undefined && name !== SHARED_DATABASE) continue;
    const { role, readonlyRole } = owner === undefined ? {} : homeNames(owner.tenantId, 'enterprise');
    // One after the other: with the rights of both, what the read-only login passed on would be left.
    const grantors = role === undefined || readonlyRole === undefined ? [[]] : [[role], [readonlyRole]];
    await withConnection(connect, name, async (database) => {
      for (const grantor of grantors) await revokeAsGrantor(database, grantor, roles);
    });
  }
}

/** DROP OWNED asks for the rights of the roles and revokes only what its caller could have granted: the admin joins both for it. */
async function revokeAsGrantor(database: Connection, grantor: readonly string[], roles: readonly string[]): Promise<void> {
  const from = roles.map(quoteIdent).join(', ');
  const joined = [...new Set([...grantor, ...roles])].map(quoteIdent).join(', ');
  await inTransaction(database, async () => {
    await database.query(`grant ${joined} to ${ROLES.admin} with inherit true, set false`);
    await database.query(`drop owned by ${from} restrict`);
    await database.query(`revoke ${joined} from ${ROLES.admin} granted by ${ROLES.admin}`);
  });
}
