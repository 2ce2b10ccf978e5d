import type { Histogram, Registry } from 'prom-client';

export interface DurationsOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  /** Upper bounds in seconds, ascending; a last one without a bound is added. */
  readonly buckets: readonly number[];
}

/** The observations of one set of labels. */
export interface Timer {
  observe(seconds: number): void;
}

export interface Durations<Label extends string> {
  /** To be kept by whoever observes often. The same for the same labels is made once by the caller, not here. */
  timer(labels: Readonly<Record<Label, string>>): Timer;
}

/**
 * A histogram of durations in the registry, for paths on which `prom-client`'s own would cost more than what it measures: it checks
 * and hashes the labels at each observation, this one adds to three numbers. What a scraper reads is the same.
 */
export function createDurations<Label extends string>(registry: Registry, options: DurationsOptions<Label>): Durations<Label> {
  const { name, help, buckets } = options;
  const timers: Buckets[] = [];
  const metric: unknown = {
    name,
    get: () =>
      Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: timers.flatMap((each) => each.values(name)) }),
    reset: () => {
      for (const each of timers) each.reset();
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rest of a histogram is how one observes; a registry asks for these alone
  registry.registerMetric(metric as Histogram<Label>);
  return {
    timer(labels) {
      const made = new Buckets(buckets, { ...labels });
      timers.push(made);
      return made;
    },
  };
}

class Buckets implements Timer {
  readonly #bounds: readonly number[];
  readonly #labels: Readonly<Record<string, string>>;
  /** By the first bound that holds it; the last counts what none holds. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[], labels: Readonly<Record<string, string>>) {
    this.#bounds = bounds;
    this.#labels = labels;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(seconds: number): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && seconds > (bounds[index] ?? 0)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }

  /** As the exposition format has them: each bucket with all that is below it. */
  values(name: string): { metricName: string; labels: Record<string, string | number>; value: number }[] {
    let below = 0;
    const labels = this.#labels;
    const counted = [...this.#bounds, '+Inf'].map((le, index) => {
      below += this.#counts[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
    });
    return [
      ...counted,
      { metricName: `${name}_sum`, labels: { ...labels }, value: this.#sum },
      { metricName: `${name}_count`, labels: { ...labels }, value: below },
    ];
  }
}
