import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, sentenceOf, ServiceError } from './errors.ts';
import type { Logger } from './logger.ts';
import { redactText } from './redact.ts';

/** One thing that a service starts and stops: a pool, a consumer, the HTTP server. */
export interface ServicePart {
  name: string;
  start?: () => unknown;
  stop?: () => unknown;
}

export interface RunServiceOptions {
  name: string;
  logger: Logger;
  /** In the order of starting; stopped in reverse. */
  parts: readonly ServicePart[];
  /** For the whole stop. Default 20 s. */
  stopDeadlineMs?: number;
}

/**
 * Runs a service until SIGTERM or SIGINT. Parts are started one after the other. A signal stops, in reverse order, those that
 * were started, then ends the process with 0, or with 1 when a part fails to stop or the deadline passes; a second signal ends
 * it at once. A part that fails to start, an uncaught exception and an unhandled rejection are logged and end it with 1.
 *
 * Returns when all parts have started.
 */
export async function runService({ name, logger, parts, stopDeadlineMs = 20_000 }: RunServiceOptions): Promise<void> {
  const started: ServicePart[] = [];
  let stopping: Promise<void> | undefined;
  let starting: Promise<void> | undefined;

  const stop = async (exitCode: number): Promise<void> => {
    const hung = new AbortController();
    const deadline = sleep(stopDeadlineMs, undefined, { signal: hung.signal, ref: false }).then(() => {
      logger.fatal({ waiting_for: started.at(-1)?.name }, `${name} did not stop within ${stopDeadlineMs} ms`);
      process.exit(1);
    });
    deadline.catch(() => undefined);
    await starting?.catch(() => undefined);
    const failed = await stopInReverse(started, logger);
    hung.abort();
    logger.info(`${name} has stopped`);
    process.exit(failed ? 1 : exitCode);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) {
      logger.warn({ signal }, `${name} is ended at once by a second signal`);
      process.exit(1);
    }
    logger.info({ signal }, `${name} is stopping`);
    stopping = stop(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  endOnUnforeseenErrors(name, logger);

  starting = startInOrder(parts, started, () => stopping !== undefined);
  try {
    await starting;
  } catch (error) {
    reportStartFailure(name, logger, error);
    await stop(1);
    return;
  }
  if (!stopping) logger.info(`${name} is up`);
  else await stopping;
}

async function startInOrder(parts: readonly ServicePart[], started: ServicePart[], cancelled: () => boolean): Promise<void> {
  for (const part of parts) {
    if (cancelled()) return;
    // Entered before its start: what failed half-way may still have something to give back.
    started.push(part);
    try {
      await part.start?.();
    } catch (error) {
      throw new ServiceError('part_start_failed', `${part.name} did not start: ${sentenceOf(error)}`, { cause: error });
    }
  }
}

async function stopInReverse(started: ServicePart[], logger: Logger): Promise<boolean> {
  let failed = false;
  for (let part = started.at(-1); part; part = started.at(-1)) {
    try {
      await part.stop?.();
    } catch (error) {
      failed = true;
      logger.error({ err: error, part: part.name }, 'a part did not stop cleanly');
    }
    started.pop();
  }
  return failed;
}

function reportStartFailure(name: string, logger: Logger, error: unknown): void {
  const cause = error instanceof ServiceError ? error.cause : error;
  const code = codeOf(cause);
  logger.fatal(code === undefined ? { err: cause } : { code }, `${name} could not start: ${sentenceOf(error)}`);
}

function endOnUnforeseenErrors(name: string, logger: Logger): void {
  const end = (error: unknown, kind: string): never => {
    logger.fatal({ err: error, kind }, `${name} is ended by an error that nobody handled`);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => end(error, 'uncaughtException'));
  process.on('unhandledRejection', (reason) => end(reason, 'unhandledRejection'));
}

/**
 * The whole of a `main.ts`: runs `main` and, when it throws, writes one sentence to standard error (with a stack only for an error
 * without a `code`) and ends the process with 1. For what goes wrong before there is a logger, such as the configuration.
 */
export async function runMain(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const known = codeOf(error) !== undefined && error instanceof Error;
    const text = known ? sentenceOf(error) : error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${name} could not start: ${redactText(text)}\n`);
    process.exit(1);
  }
}
