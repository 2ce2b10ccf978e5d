import { expect, test } from 'vitest';
import { prepare } from '../../src/query/admission.ts';
import { createStatementGuard } from '../../src/statement/guard.ts';

const CONTEXT = { tier: 'small', inTransaction: true } as const;
/** More than may wait of one tenant. */
const TEXTS = Array.from({ length: 12 }, (_, n) => `select '${String(n).repeat(5000)}'`);

test('one call may have any number of long statements: it stands in line once', async () => {
  const guard = await createStatementGuard();
  await prepare(TEXTS, guard, 'acme', Number.POSITIVE_INFINITY);
  expect(TEXTS.map((text) => guard.inspect(text, CONTEXT, 'acme').allowed)).toEqual(TEXTS.map(() => true));
  await guard.close();
});

test('what is left of a call whose time is up is not looked at', async () => {
  const guard = await createStatementGuard();
  await prepare(TEXTS, guard, 'acme', performance.now());
  const verdicts = TEXTS.map((text) => guard.inspect(text, CONTEXT, 'acme').allowed);
  expect(verdicts).toEqual([true, ...TEXTS.slice(1).map(() => false)]);
  await guard.close();
});
