import { TOPICS } from '@ultracore/contracts';
import type { OutRecord, Publisher } from '@ultracore/kafka';
import type { Logger } from '@ultracore/service';
import type { PoolOf, UsageEvent, UsageWindows } from './windows.ts';

export const USAGE_MESSAGE = { topic: TOPICS.resources, type: 'TenantResourceUsageRecordedEvent' } as const;

export interface UsageReporterDeps {
  readonly windows: UsageWindows;
  readonly publisher: Pick<Publisher, 'send'>;
  readonly poolOf: PoolOf;
  /** Windows end when the clock is at a multiple of this. */
  readonly everyMs: number;
  readonly logger: Logger;
  /** Most events that are kept unsent. Beyond it windows are not ended, and grow instead. */
  readonly maxUnsent?: number;
}

export interface UsageReporter {
  readonly start: () => void;
  /** Ends the last window and sends what there is; what cannot be sent now is lost, and the log says how much. */
  readonly stop: () => Promise<void>;
  /** Events that are not acknowledged yet. */
  readonly unsent: () => number;
}

const MAX_UNSENT = 50_000;
const BATCH = 500;
/** A timer may fire a little early; a window must not end twice. */
const PAST_MS = 5;

/**
 * Publishes what was used, once a window. An event that could not be sent is kept as it is, with its id and window, and sent again: while the
 * process lives nothing is lost, and what arrives twice is recognised by its id. Never on the path of a query.
 */
export function createUsageReporter(deps: UsageReporterDeps): UsageReporter {
  const { windows, publisher, poolOf, everyMs, logger, maxUnsent = MAX_UNSENT } = deps;
  const unsent: UsageEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;

  const cut = (): void => {
    if (unsent.length < maxUnsent) unsent.push(...windows.cut(new Date(), poolOf));
  };

  const sendAll = async (): Promise<void> => {
    while (unsent.length > 0) {
      const batch = unsent.slice(0, BATCH);
      await publisher.send(batch.map(toRecord));
      unsent.splice(0, batch.length);
    }
  };

  const send = (): Promise<void> => {
    sending ??= sendAll()
      .catch((error: unknown) => logger.warn({ err: error, events: unsent.length }, 'usage could not be sent; it is kept'))
      .finally(() => {
        sending = undefined;
      });
    return sending;
  };

  const schedule = (): void => {
    timer = setTimeout(
      () => {
        schedule();
        cut();
        void send();
      },
      everyMs - (Date.now() % everyMs) + PAST_MS,
    );
  };

  return {
    start: schedule,
    async stop() {
      clearTimeout(timer);
      await sending;
      unsent.push(...windows.cut(new Date(), poolOf));
      await send();
      if (unsent.length > 0) logger.error({ events: unsent.length }, 'usage was lost: it could not be sent before the stop');
    },
    unsent: () => unsent.length,
  };
}

const toRecord = (event: UsageEvent): OutRecord => ({
  topic: USAGE_MESSAGE.topic,
  key: event.tenant_id,
  envelope: {
    id: event.event_id,
    type: USAGE_MESSAGE.type,
    source: '/ultracore/pool-gateway',
    subject: event.tenant_id,
    time: event.recorded_at,
    tenantId: event.tenant_id,
  },
  body: event,
});
