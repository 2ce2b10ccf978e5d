import { redactText } from './redact.ts';

/** A check answers undefined when all is well, else the reason; a throw counts as the reason too. */
export type HealthCheck = () => string | undefined | Promise<string | undefined>;

export interface HealthReport {
  ok: boolean;
  checks: { name: string; ok: boolean; reason?: string }[];
}

export interface Health {
  /** A second check of the same name replaces the first. One that is `advisory` is shown, and no reason not to be well. */
  add(name: string, check: HealthCheck, options?: { advisory?: boolean }): void;
  /** Runs all checks at once; one that has not answered after two seconds counts as failed. */
  report(): Promise<HealthReport>;
}

const CHECK_TIMEOUT_MS = 2000;

export function createHealth(): Health {
  const checks = new Map<string, { check: HealthCheck; advisory: boolean }>();
  return {
    add(name, check, { advisory = false } = {}) {
      checks.set(name, { check, advisory });
    },
    async report() {
      const results = await Promise.all(
        [...checks].map(async ([name, { check, advisory }]) => ({ name, advisory, reason: await reasonOf(check) })),
      );
      return {
        ok: results.every(({ advisory, reason }) => advisory || reason === undefined),
        checks: results.map(({ name, reason }) => ({
          name,
          ok: reason === undefined,
          ...(reason === undefined ? {} : { reason }),
        })),
      };
    },
  };
}

async function reasonOf(check: HealthCheck): Promise<string | undefined> {
  const deadline = Promise.withResolvers<string>();
  const timer = setTimeout(() => deadline.resolve(`no answer within ${CHECK_TIMEOUT_MS} ms`), CHECK_TIMEOUT_MS);
  try {
    const reason = await Promise.race([check(), deadline.promise]);
    return reason === undefined ? undefined : redactText(reason);
  } catch (error) {
    return redactText(error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}
