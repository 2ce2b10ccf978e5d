import { pino, stdTimeFunctions, type DestinationStream, type Level, type Logger as PinoLogger } from 'pino';
import { redactFields, redactText } from './redact.ts';

export type Logger = PinoLogger;
export type LogLevel = Level | 'silent';

export interface LoggerOptions {
  /** The service's name; in every line as `service`. */
  name: string;
  /** Default `info`. */
  level?: LogLevel;
  /** Default: standard output, written synchronously, so that nothing is lost when the process ends. */
  destination?: DestinationStream;
}

/**
 * One JSON object a line. Whatever is logged, in fields, messages, child bindings or errors, goes through `redact`; the
 * finished line once more through `redactText`.
 */
export function createLogger({ name, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service: name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    // `redact` has already turned errors into plain objects.
    serializers: { err: (value: unknown) => value },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: redactFields,
      bindings: redactFields,
    },
    hooks: { streamWrite: redactText },
  };
  return destination ? pino(options, destination) : pino(options);
}
