import { Counter, Gauge, type Registry } from '@ultracore/service';

export interface Metrics {
  /** So many events were published. */
  readonly onPublished: (events: number) => void;
  /** From now on shows how far those who follow the log are behind, in seconds, whenever it is asked. */
  readonly observe: (lags: Readonly<Record<string, () => number>>) => void;
  /** From now on shows which work of this registry stands still: whatever says why. */
  readonly watch: (faults: Readonly<Record<string, () => string | undefined>>) => void;
}

export function createMetrics(registry: Registry): Metrics {
  const registers = [registry];
  const published = new Counter({
    name: 'registry_relay_published_total',
    help: 'Events that this registry published; repetitions after a crash count again.',
    registers,
  });
  return {
    onPublished: (events) => published.inc(events),
    observe(lags) {
      // Registered by its creation.
      void new Gauge({
        name: 'registry_lag_seconds',
        help: 'Age of the oldest event that is read and not yet handled, by who follows the log; 0 where another registry does it.',
        labelNames: ['follower'],
        registers,
        collect() {
          for (const [follower, seconds] of Object.entries(lags)) this.set({ follower }, seconds());
        },
      });
    },
    watch(faults) {
      void new Gauge({
        name: 'registry_work_stands_still',
        help: '1 for work that failed and has not gone on since, by what it is; 0 where all is well or another registry does it.',
        labelNames: ['work'],
        registers,
        collect() {
          for (const [work, fault] of Object.entries(faults)) this.set({ work }, fault() === undefined ? 0 : 1);
        },
      });
    },
  };
}
