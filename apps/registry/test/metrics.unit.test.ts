import { Registry } from '@ultracore/service';
import { expect, test } from 'vitest';
import { createMetrics } from '../src/metrics.ts';

test('work that stands still is shown by its name, beside that which does not', async () => {
  const registry = new Registry();
  createMetrics(registry).watch({ relay: () => undefined, rollout: () => 'the rollout has stopped: asking acme failed' });
  const shown = await registry.metrics();
  expect(shown).toContain('registry_work_stands_still{work="relay"} 0');
  expect(shown).toContain('registry_work_stands_still{work="rollout"} 1');
  expect(shown).not.toContain('acme');
});
