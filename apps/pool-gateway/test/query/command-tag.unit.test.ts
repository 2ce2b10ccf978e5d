import { expect, test } from 'vitest';
import { readTag } from '../../src/query/result-writer.ts';

test.each([
  ['SELECT 5', { command: 'SELECT', rows: 5 }],
  ['INSERT 0 12', { command: 'INSERT', rows: 12 }],
  ['CREATE TABLE', { command: 'CREATE TABLE', rows: undefined }],
  ['UPDATE 3', { command: 'UPDATE', rows: 3 }],
  ['MERGE 3', { command: 'MERGE', rows: 3 }],
  ['REFRESH MATERIALIZED VIEW', { command: 'REFRESH MATERIALIZED VIEW', rows: undefined }],
  ['', { command: '', rows: undefined }],
])('the command tag %j', (tag, read) => {
  expect(readTag(tag)).toEqual(read);
});
