import { CredentialError } from '@ultracore/credentials';
import { KafkaError } from '@ultracore/kafka';
import { MigrationError, TenantDatabaseError } from '@ultracore/tenant-database';
import { describe, expect, it } from 'vitest';
import { FactNotToldError } from './facts.ts';
import { BookkeepingError, judge, VersionElsewhereError } from './judge.ts';

const sql = (code: string, message = 'no'): Error => Object.assign(new Error(message), { code });
const migration = (cause: Error): MigrationError =>
  new MigrationError('migration_failed', { version: '0002', sqlState: undefined }, 'Migration 0002 failed.', { cause });

describe('a migration that fails', () => {
  it('fails the creation and names its version', () => {
    expect(judge(migration(sql('42601')))).toMatchObject({ kind: 'lasting', code: 'migration_failed', migrationVersion: '0002' });
  });

  it('says what Postgres said of it; a lock may be had another time, and what ran too long runs too long again', () => {
    const timeout = (code: 'lock_timeout' | 'statement_timeout', sqlState: string) =>
      judge(new MigrationError(code, { version: '0002', sqlState }, 'Migration 0002 failed.', { cause: sql(sqlState) }));
    expect(timeout('lock_timeout', '55P03')).toMatchObject({ kind: 'passing', code: 'lock_timeout', sqlState: '55P03' });
    expect(timeout('statement_timeout', '57014')).toMatchObject({
      kind: 'lasting',
      code: 'statement_timeout',
      sqlState: '57014',
    });
  });

  it('has not failed when it met a deadlock, or its connection broke', () => {
    expect(judge(migration(sql('40P01'))).kind).toBe('passing');
    expect(judge(migration(sql('57P01'))).kind).toBe('server');
    expect(judge(migration(new Error('Connection terminated unexpectedly'))).kind).toBe('server');
  });
});

describe('trouble that is not the tenant’s', () => {
  it('a fact that Kafka does not take now passes; one that it will never take does not', () => {
    expect(judge(new FactNotToldError(new KafkaError('unavailable', 'down')))).toMatchObject({
      kind: 'passing',
      code: 'fact_not_told',
    });
    expect(judge(new FactNotToldError(new KafkaError('invalid_body', 'bad'))).kind).toBe('unclear');
  });

  it('a version of the migrations that another worker has is waited for', () => {
    expect(judge(new VersionElsewhereError('0009'))).toMatchObject({ kind: 'passing', code: 'version_elsewhere' });
  });

  it('a bookkeeping that cannot be reached is not taken for the tenant’s server', () => {
    expect(judge(new BookkeepingError('gone', { cause: sql('ECONNREFUSED') }))).toMatchObject({
      kind: 'passing',
      code: 'bookkeeping_unreachable',
    });
  });
});

describe('what repeating does not mend', () => {
  it('a name that somebody else has, a credential that does not open', () => {
    expect(judge(new TenantDatabaseError('foreign_object', 'taken'))).toMatchObject({ kind: 'lasting', code: 'foreign_object' });
    expect(judge(new CredentialError('tampered', 'changed'))).toMatchObject({ kind: 'lasting', code: 'tampered' });
  });
});

it('tells no verifier, password or sealed text in a reason', () => {
  const verifier =
    'SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
  const sealed = 'v1.k1.AAAAAAAAAAA.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
  const { reason } = judge(sql('42601', `syntax error at or near "${verifier}" of postgres://uc_acme:hunter2@host/db ${sealed}`));
  for (const secret of [verifier, sealed, 'hunter2']) expect(reason).not.toContain(secret);
});
