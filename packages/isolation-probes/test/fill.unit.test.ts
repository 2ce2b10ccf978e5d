import { describe, expect, it } from 'vitest';
import { ProbeError } from '../src/index.ts';
import { type Scope, statementsOf } from '../src/run/fill.ts';
import { toReply } from '../src/run/gateway.ts';

const names = (tenant: string) => ({
  tenant,
  database: 'd',
  schema: `s_${tenant}`,
  role: 'r',
  readonlyRole: 'r__ro',
  client: "c'1",
  reference: 'ref',
  pid: '7',
});
const scope: Scope = {
  self: { ...names('me'), login: 'l', otherLogin: 'o', verifier: 'SCRAM$1', creates: 'own' },
  victim: names('you'),
};
const filled = (step: string, form: 'simple' | 'parameterised' = 'simple') =>
  statementsOf({ id: 'x/y', steps: [step] }, form, scope);

describe('a statement of a probe', () => {
  it('gets names as they are and values as literals', () => {
    expect(filled('select * from {victim.schema}.t where a = <victim.client> and b <> 1')).toEqual([
      { sql: `select * from s_you.t where a = 'c''1' and b <> 1`, params: [] },
    ]);
  });

  it('gets values as parameters, in the parameterised form', () => {
    expect(filled('select {self.login} where a = <victim.client> or b = <self.tenant>', 'parameterised')).toEqual([
      { sql: 'select l where a = $1 or b = $2', params: ["c'1", 'me'] },
    ]);
  });

  it('is not made when it is about a neighbour that is not there', () => {
    expect(filled('select * from {standard.schema}.clients')).toBeUndefined();
  });

  it('is an error when it names what nobody has', () => {
    expect(() => filled('select {victim.password}')).toThrow(ProbeError);
    expect(() => filled('select {nobody.role}')).toThrow(ProbeError);
  });
});

describe('an answer of the gateway', () => {
  const result = { columns: [{ name: 'a', type: 'int4', type_oid: 23 }], rows: [[1], [2]], row_count: 2, command: 'SELECT' };

  it('is its result', () => {
    expect(toReply(JSON.stringify(result), '')).toMatchObject({ code: undefined, results: [{ rows: [[1], [2]], affected: 2 }] });
  });

  it('is the results of a transaction', () => {
    expect(toReply(JSON.stringify({ results: [result, { ...result, rows: [], row_count: 0 }] }), '').results).toEqual([
      { rows: [[1], [2]], affected: 2 },
      { rows: [], affected: 0 },
    ]);
  });

  it('is the rows of a stream', () => {
    const lines = [{ columns: result.columns }, [1], [2], { row_count: 2, command: 'SELECT' }];
    expect(toReply(lines.map((line) => JSON.stringify(line)).join('\n'), '').results).toEqual([
      { rows: [[1], [2]], affected: 2 },
    ]);
  });

  it('is a refusal of Postgres where it has a SQLSTATE, else of the gateway', () => {
    const problem = { status: 403, code: 'sql_error', sqlstate: '42501', detail: 'permission denied' };
    expect(toReply(JSON.stringify(problem), '')).toMatchObject({ code: '42501', refusedBy: 'postgres' });
    expect(toReply(JSON.stringify({ ...problem, code: 'statement_refused', sqlstate: undefined }), '')).toMatchObject({
      code: 'statement_refused',
      refusedBy: 'gateway',
    });
    expect(toReply(`${JSON.stringify({ columns: [] })}\n${JSON.stringify({ error: problem })}`, '')).toMatchObject({
      code: '42501',
    });
  });

  it('is nobody’s when it is not JSON', () => {
    expect(toReply('<html>', '')).toMatchObject({ refusedBy: 'nobody' });
    expect(toReply('', '')).toMatchObject({ refusedBy: 'nobody' });
  });
});
