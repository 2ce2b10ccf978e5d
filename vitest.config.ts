import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/.tools/**', '**/.local/**'];

/** End-to-end tests that take nothing from the shared stack, and half of their time: most bring up a whole stack of their own. */
const ownStack = [
  'infra/e2e/test/{crash,gateway-outage,master-password,restart}.e2e.test.ts',
  'infra/local/test/platform.e2e.test.ts',
];

/** One project a tier. `int`, `e2e` and `soak` share one stack of backends, brought up once by the testkit; `e2e-own-stack` runs beside `e2e`. */
export default defineConfig({
  test: {
    projects: [
      // Without isolation modules are loaded once a worker, not once a file: there is nothing outside of a test that it could change.
      { test: { name: 'unit', include: ['**/*.unit.test.ts'], exclude, testTimeout: 30_000, isolate: false } },
      {
        test: {
          name: 'int',
          include: ['**/*.int.test.ts'],
          exclude,
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // They wait more than they work.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['**/*.e2e.test.ts'],
          exclude: [...exclude, ...ownStack],
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e-own-stack',
          include: ownStack,
          exclude,
          globalSetup: ['packages/testkit/src/own-stack-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'soak',
          include: ['**/*.soak.test.ts'],
          exclude,
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          testTimeout: 3_600_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
