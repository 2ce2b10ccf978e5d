import type { TestProject } from 'vitest/node';
import { bringUp } from './global-setup.ts';

/** Vitest's global setup for tests that run beside others: backends of their own, whatever stack those have. */
export function setup(project: TestProject): Promise<() => Promise<void>> {
  return bringUp(project);
}
