import { readFileSync } from 'node:fs';
import { dumpSchema } from '@ultracore/postgres';
import { expect, test } from 'vitest';
import { migrateRegistry, SCHEMA } from '../../src/store/schema.ts';
import { openBackends } from '../backends.ts';

const DUMP = new URL('../../src/store/schema.txt', import.meta.url);

test('the migrations make the schema that is kept in src/store/schema.txt, and only once', async () => {
  await using backends = await openBackends();
  expect((await migrateRegistry(backends.pool)).applied).toEqual([]);
  await expect(await dumpSchema(backends.pool, SCHEMA)).toMatchFileSnapshot(DUMP.pathname);
  expect(readFileSync(DUMP, 'utf8')).toContain('column master_password_hash character varying(255)');
});

test('tenant_configs has the columns, types, defaults and indexes that other tools count on', async () => {
  await using backends = await openBackends();
  const dump = await dumpSchema(backends.pool, SCHEMA);
  const table = dump.split('\n\n').find((block) => block.startsWith('table tenant_configs'));
  expect(
    table
      ?.split('\n')
      .filter((line) => line.startsWith('  column'))
      .map((line) => line.slice('  column '.length)),
  ).toEqual([
    'tenant_id character varying(100) not null',
    'tenant_name character varying(255) not null',
    'tier character varying(20) not null',
    'status character varying(20) not null',
    'owner_email character varying(255) not null',
    'db_host character varying(255)',
    'db_port integer',
    'db_name character varying(255)',
    'db_username character varying(255)',
    'db_password_encrypted text',
    'schema_name character varying(255)',
    'readonly_db_host character varying(255)',
    'readonly_db_port integer',
    'readonly_db_username character varying(255)',
    'readonly_db_password_encrypted text',
    'min_connections integer default 5',
    'max_connections integer default 20',
    'connection_timeout_seconds integer default 30',
    'idle_timeout_seconds integer default 600',
    'max_cpu_percent numeric(5,2) default 80.00',
    'max_memory_mb numeric(10,2) default 2048.00',
    'max_storage_gb numeric(10,2) default 100.00',
    'max_concurrent_queries integer default 100',
    "timezone character varying(50) default 'UTC'::character varying",
    "locale character varying(10) default 'en_US'::character varying",
    'auto_update boolean default true',
    'auto_scale boolean default false',
    'master_password_hash character varying(255)',
    "encryption_algorithm character varying(100) default 'AES-256-GCM'::character varying",
    'created_at timestamp without time zone default CURRENT_TIMESTAMP',
    'updated_at timestamp without time zone default CURRENT_TIMESTAMP',
    'created_by character varying(255)',
  ]);
  expect(table).toContain('CREATE INDEX idx_tenant_status ON tenant_configs USING btree (status)');
  expect(table).toContain('CREATE INDEX idx_tenant_tier ON tenant_configs USING btree (tier)');
});
