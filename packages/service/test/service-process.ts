/** A service whose parts print what happens to them; the first argument says what goes wrong. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createCrashPoints, createLogger, runMain, runService, ServiceError } from '../src/index.ts';

const [fault = ''] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function part(name: string) {
  return {
    name,
    async start() {
      if (fault === `start-known:${name}`)
        throw new ServiceError('config_invalid', 'the password is wrong for postgres://u:hunter2@h');
      if (fault === `start-bug:${name}`) throw new TypeError('x is not a function');
      say(`start ${name}`);
    },
    async stop() {
      if (fault === `stop-hangs:${name}`) await sleep(60_000);
      if (fault === `stop-throws:${name}`) throw new Error('cannot close');
      say(`stop ${name}`);
    },
  };
}

await runMain('sample', async () => {
  if (fault === 'config') throw new ServiceError('config_invalid', 'The configuration is not valid:\n  - HTTP_PORT: is required');
  const keepAlive = setInterval(() => undefined, 1000);
  const logger = createLogger({ name: 'sample' });
  const parts = [part('pool'), part('consumer'), part('http')];
  await runService({ name: 'sample', logger, parts, stopDeadlineMs: 500 });
  if (fault === 'rejection') void Promise.reject(new Error('nobody awaits this'));
  if (fault === 'exception')
    setImmediate(() => {
      throw new Error('thrown in a timer');
    });
  if (fault === 'crash') createCrashPoints('home:after', { production: false })('home:after');
  if (fault === 'crash') say('still here');
  keepAlive.ref();
});
