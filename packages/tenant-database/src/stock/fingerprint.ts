import { createHash } from 'node:crypto';
import { isHiddenSql } from '../bootstrap/hardening.ts';
import { SUPPORT_SQL } from '../bootstrap/support.ts';
import { openDatabaseStatements } from '../home/database.ts';
import { roleStatements } from '../home/roles.ts';
import { schemaStatements } from '../home/schema.ts';
import type { Migration } from '../migrations/load.ts';
import { namedStockHome, STOCK_COMMENT } from './names.ts';

const ANY_STOCK_ID = '0'.repeat(20);

/**
 * 16 hexadecimal digits that change with anything a home is made of: the migrations, the statements that make roles, database and
 * schemas, the support schema and the hardening that come with the template. A stock home is given out only under its own.
 */
export function stockFingerprint(migrations: readonly Migration[]): string {
  const homes = (['enterprise', 'standard'] as const).map((tier) => {
    const home = namedStockHome({ stockId: ANY_STOCK_ID, tier });
    return [
      ...roleStatements(home, home.names.role),
      ...roleStatements(home, home.names.readonlyRole),
      ...openDatabaseStatements(home),
      ...schemaStatements(home, STOCK_COMMENT),
    ];
  });
  const made = [homes, SUPPORT_SQL, isHiddenSql(true), isHiddenSql(false)];
  const filled = migrations.map(({ version, checksum, changesData }) => [version, checksum, changesData]);
  return createHash('sha256')
    .update(JSON.stringify([made, filled]))
    .digest('hex')
    .slice(0, 16);
}
