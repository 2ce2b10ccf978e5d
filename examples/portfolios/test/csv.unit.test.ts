import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { csvOf } from '../src/reporting/csv.ts';

async function* rowsOf<Row>(...rows: Row[]): AsyncGenerator<Row> {
  yield* rows;
}

test('a report has a head and a line a row, with what needs quoting quoted and no cell that a spreadsheet would run', async () => {
  const rows = rowsOf(
    { name: 'Müller, "Anna"', value: '1.50' },
    { name: '=cmd()', value: null },
    { name: 'a\nb', value: '-3.00' },
  );
  const text = (await Readable.from(csvOf(['name', 'value'], rows)).toArray()).join('');
  expect(text).toBe(`name,value\r\n"Müller, ""Anna""",1.50\r\n'=cmd(),\r\n"a\nb",-3.00\r\n`);
});

test('a report without rows is its head; one that fails before its first row has not begun', async () => {
  expect(await Readable.from(csvOf(['name'], rowsOf())).toArray()).toEqual(['name\r\n']);
  const refused = new Readable({ objectMode: true, read: () => refused.destroy(new Error('refused')) });
  await expect(csvOf(['name'], refused).next()).rejects.toThrow('refused');
});
