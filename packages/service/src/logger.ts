import {
  destination as fileDestination,
  pino,
  stdTimeFunctions,
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Level,
  type Logger as PinoLogger,
} from 'pino';
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
    formatters: { level: (label: string) => ({ level: label }), log: redactFields },
    hooks: { streamWrite: redactText },
  };
  return withRedactedBindings(pino(options, destination ?? fileDestination({ fd: process.stdout.fd, sync: true })));
}

/** pino hands the bindings of a child to no formatter. Children inherit this `child` from the root. */
function withRedactedBindings(root: Logger): Logger {
  // oxlint-disable-next-line typescript/unbound-method -- called with the logger that the child is made from
  const { child } = root;
  return Object.assign(root, {
    child(this: Logger, bindings: Bindings, options?: ChildLoggerOptions): Logger {
      return Reflect.apply(child, this, [redactFields(bindings), options]);
    },
  });
}
