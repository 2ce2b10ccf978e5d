/** What each root script runs, step by step: `[program, ...arguments]`. The caller's arguments go to the last step. */
const check = [['oxfmt', '--check', '.'], ['oxlint', '--type-aware', '--deny-warnings'], ['knip'], ['turbo', 'boundaries']];
const typecheck = [['turbo', 'run', 'typecheck', '--output-logs=errors-only']];

export const commands = {
  start: [['node', 'infra/local/src/start.ts']],
  demo: [['node', 'infra/local/src/demo.ts']],
  'as-tenant': [['node', 'infra/local/src/as-tenant.ts']],
  token: [['node', 'infra/local/src/token.ts']],
  'verify-isolation': [['node', 'infra/local/src/verify-isolation.ts']],
  example: [['node', 'examples/portfolios/src/local/start.ts']],
  eventstore: [['node', 'packages/embedded-eventstore/src/main.ts']],
  rebuild: [['node', 'infra/local/src/rebuild.ts']],
  bootstrap: [['node', 'infra/postgres/src/main.ts']],
  check,
  typecheck,
  format: [['oxfmt', '.']],
  generate: [
    ['node', 'apps/pool-gateway/scripts/generate-grammar.ts'],
    ['node', 'packages/contracts/scripts/generate.ts'],
  ],
  'test:unit': [['vitest', 'run', '--project', 'unit']],
  'test:int': [['vitest', 'run', '--project', 'int']],
  'test:e2e': [['vitest', 'run', '--project', 'e2e*']],
  'test:soak': [['vitest', 'run', '--project', 'soak']],
  test: [...check, ...typecheck, ['node', 'infra/local/src/test.ts']],
  bench: [['node', 'infra/bench/src/main.ts']],
};
