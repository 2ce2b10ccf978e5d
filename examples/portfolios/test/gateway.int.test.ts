import { Readable } from 'node:stream';
import { getTenant, isTenantContextError, runWithTenant } from '@ultracore/tenant-context';
import { freePort } from '@ultracore/testkit';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DatabaseError } from '../src/database/database-error.ts';
import { createGatewayDatabase } from '../src/database/gateway.ts';
import { startStandIn } from './stand-in.ts';

const row = z.object({ name: z.string() });
const databaseAt = (url: string) => createGatewayDatabase({ url, authorization: async () => `Bearer token of ${getTenant()}` });
const json = JSON.stringify;
const line = (value: unknown): string => `${json(value)}\n`;

const faultOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof DatabaseError) return `${error.fault} ${error.code}`;
    throw error;
  }
  return 'none';
};

describe('a call to the gateway', () => {
  test('is for the tenant of the context, with its correlation and trace, and reads where the context only reads', async () => {
    await using gateway = await startStandIn((response) => response.end(json({ rows: [{ name: 'first' }] })));
    const database = databaseAt(gateway.url);
    const context = { tenantId: 'acme', correlationId: 'request-7', traceparent: '00-aa-bb-01', readonly: true };
    const statement = { sql: 'select $1 as name', params: ['first'] };
    expect(await runWithTenant(context, () => database.query(row, statement))).toEqual([{ name: 'first' }]);
    expect(gateway.received).toMatchObject([
      {
        path: '/v1/query',
        headers: {
          'x-ultracore-tenant-id': 'acme',
          'x-correlation-id': 'request-7',
          traceparent: '00-aa-bb-01',
          authorization: 'Bearer token of acme',
        },
        body: { ...statement, readonly: true },
      },
    ]);
  });

  test('is not made outside of every context', async () => {
    await using gateway = await startStandIn((response) => response.end());
    const error = await databaseAt(gateway.url)
      .query(row, { sql: 'select 1' })
      .catch((reason: unknown) => reason);
    expect(isTenantContextError(error, 'no_tenant')).toBe(true);
    expect(gateway.received).toEqual([]);
  });

  test('that nobody answers, or something else than a gateway, is unavailable', async () => {
    const nobody = databaseAt(`http://127.0.0.1:${await freePort()}`);
    expect(await faultOf(() => runWithTenant('acme', () => nobody.query(row, { sql: 'select 1' })))).toBe(
      'unavailable gateway_unreachable',
    );
    await using proxy = await startStandIn((response) => response.writeHead(502).end('<html>'));
    const broken = databaseAt(proxy.url);
    expect(await faultOf(() => runWithTenant('acme', () => broken.transaction([])))).toBe('unavailable gateway_unreachable');
  });
});

describe('a stream from the gateway', () => {
  const head = line({ columns: [{ name: 'name', type: 'text', type_oid: 25 }] });
  const readAll = (url: string) =>
    runWithTenant('acme', () => Readable.from(databaseAt(url).stream(row, { sql: 'select name from clients' })).toArray());

  test('brings each row as it is, wherever the bytes are cut', async () => {
    const bytes = Buffer.from(`${head}${line(['Zoë'])}${line(['列'])}${line({ row_count: 2, command: 'SELECT' })}`);
    await using gateway = await startStandIn((response) => {
      for (const byte of bytes) response.write(Uint8Array.of(byte));
      response.end();
    });
    expect(await readAll(gateway.url)).toEqual([{ name: 'Zoë' }, { name: '列' }]);
  });

  test('that ends in an error is that error, after the rows before it', async () => {
    const error = { status: 504, code: 'statement_timeout', detail: 'It took too long.' };
    await using gateway = await startStandIn((response) => response.end(`${head}${line(['a'])}${line({ error })}`));
    expect(await faultOf(() => readAll(gateway.url))).toBe('busy statement_timeout');
  });

  test.for(['', head, `${head}${line(['a'])}`])('that is cut off is never taken for a whole one: %j', async (text) => {
    await using gateway = await startStandIn((response) => response.end(text));
    expect(await faultOf(() => readAll(gateway.url))).toBe('unavailable gateway_unreachable');
  });

  test('whose connection breaks is unavailable', async () => {
    await using gateway = await startStandIn((response) => {
      response.write(head, () => response.destroy());
    });
    expect(await faultOf(() => readAll(gateway.url))).toBe('unavailable gateway_unreachable');
  });

  test('that is left early is ended', async () => {
    const ended = Promise.withResolvers<string>();
    await using gateway = await startStandIn((response) => {
      response.on('close', () => ended.resolve('ended'));
      response.write(`${head}${line(['a'])}`);
    });
    await runWithTenant('acme', async () => {
      for await (const _row of databaseAt(gateway.url).stream(row, { sql: 'select name from clients' })) break;
    });
    expect(await ended.promise).toBe('ended');
  });
});
