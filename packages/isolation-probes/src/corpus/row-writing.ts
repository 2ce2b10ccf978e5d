import { empty, GUARDED, harmless, inSmall, probes, refused, refusedOnlyAs } from './define.ts';

const PERSON = `(kind, family_name, external_reference)`;
const CLEAN = `delete from clients where family_name = 'Intruder'`;

/** Writing past that condition, and learning of rows by what a write is told. */
export const ROW_WRITING = probes('row-security', [
  [
    'rows/unique-oracle',
    'learn that a value is taken by a unique key',
    `insert into clients ${PERSON} values ('person', 'Intruder', <victim.reference>)`,
    harmless(),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/primary-key-oracle',
    'learn that an id is taken',
    `insert into clients (id, kind, family_name) values (<victim.client>, 'person', 'Intruder')`,
    harmless(),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/conflict-update',
    'overwrite a row by its id where it conflicts',
    `insert into clients (id, kind, family_name) values (<victim.client>, 'person', 'Intruder')
     on conflict (tenant_id, id) do update set given_name = clients.family_name returning *`,
    harmless(),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/conflict-update-named',
    'overwrite a neighbour’s row, naming its tenant',
    `insert into clients (tenant_id, id, kind, family_name) values (<victim.tenant>, <victim.client>, 'person', 'Intruder')
     on conflict (tenant_id, id) do update set family_name = excluded.family_name returning *`,
    inSmall(refused(), harmless()),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/conflict-nothing-oracle',
    'learn by a silent conflict that a row exists',
    `insert into clients (tenant_id, id, kind, family_name) values (<victim.tenant>, <victim.client>, 'person', 'Intruder') on conflict do nothing`,
    inSmall(refused(), harmless()),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/insert-for-victim',
    'plant a row with a neighbour',
    `insert into clients (tenant_id, kind, family_name) values (<victim.tenant>, 'person', 'Intruder')`,
    inSmall(refused(), harmless()),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/insert-for-nobody',
    'plant a row with nobody',
    `insert into clients (tenant_id, kind, family_name) values (null, 'person', 'Intruder')`,
    inSmall(refused('23502'), refusedOnlyAs('23502', '42501')),
  ],
  [
    'rows/hand-over',
    'hand a row to a neighbour',
    [
      `insert into clients ${PERSON} values ('person', 'Intruder', 'handed')`,
      `update clients set tenant_id = <victim.tenant> where external_reference = 'handed'`,
    ],
    inSmall(refused(), harmless()),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/update-victim',
    'change a neighbour’s row',
    `update clients set family_name = 'Intruder' where tenant_id = <victim.tenant> returning *`,
    empty(),
  ],
  [
    'rows/update-by-id',
    'change a row by its id',
    `update clients set family_name = 'Intruder' where id = <victim.client> returning *`,
    empty(),
  ],
  [
    'rows/update-from',
    'copy a neighbour’s value into its own row',
    'update clients a set given_name = b.family_name from clients b where b.tenant_id <> a.tenant_id',
    empty(),
  ],
  [
    'rows/delete-victim',
    'delete a neighbour’s row',
    'delete from clients where tenant_id = <victim.tenant> returning *',
    empty(),
  ],
  ['rows/delete-by-id', 'delete a row by its id', 'delete from clients where id = <victim.client> returning *', empty()],
  [
    'rows/delete-using',
    'delete by what it joins',
    'delete from clients a using accounts b where a.tenant_id <> <self.tenant> and b.tenant_id = a.tenant_id',
    empty(),
  ],
  [
    'rows/merge-update',
    'merge over a neighbour’s row',
    `merge into clients c using (select <victim.client>::uuid as id) s on c.id = s.id when matched then update set family_name = 'Intruder'`,
    empty(),
  ],
  [
    'rows/merge-delete',
    'merge a neighbour’s row away',
    'merge into clients c using (select <victim.tenant>::text as t) s on c.tenant_id = s.t when matched then delete',
    empty(),
  ],
  [
    'rows/merge-insert',
    'merge a row into a neighbour’s',
    `merge into clients c using (select <victim.tenant>::text as t) s on false
     when not matched then insert (tenant_id, kind, family_name) values (s.t, 'person', 'Intruder')`,
    inSmall(refused(), harmless()),
    { cleanup: [CLEAN] },
  ],
  [
    'rows/write-in-query',
    'write a neighbour’s row in a part of a query',
    'with gone as (delete from clients where tenant_id = <victim.tenant> returning *) select * from gone',
    empty(),
  ],
  [
    'rows/lock-victim',
    'lock a neighbour’s rows',
    'select * from clients where tenant_id = <victim.tenant> for update nowait',
    empty(),
  ],
  [
    'rows/foreign-key-oracle',
    'hang a row on a neighbour’s',
    `insert into client_relationships (client_id, related_client_id, kind) select id, <victim.client>::uuid, 'spouse' from clients limit 1`,
    refused('23503'),
  ],
  [
    'rows/foreign-key-named',
    'hang a row on a neighbour’s, naming its tenant',
    `insert into client_relationships (tenant_id, client_id, related_client_id, kind)
     values (<victim.tenant>, <victim.client>, <self.client>, 'spouse')`,
    refused('23503'),
  ],
  [
    'rows/copy-in',
    'copy rows in past row security',
    'copy clients (tenant_id, kind, family_name) from stdin',
    inSmall(refusedOnlyAs('0A000', '42501'), harmless('57014')),
    GUARDED,
  ],
]);
