import { createLogger, runMain } from '@ultracore/service';
import { readConfig } from './config.ts';

const NAME = 'pool-gateway';

await runMain(NAME, async () => {
  const config = readConfig();
  createLogger({ name: NAME, level: config.logLevel }).info('is being built');
  await Promise.resolve();
});
