import type { WaveProgress } from './commands.ts';

/** As if at least so many tenants of a wave had ended: a first failure among few says little about a share. */
const JUDGED_AT_LEAST = 20;

/** Tenants that share the schema of one that failed have failed with it. */
const failuresOf = ({ failed, blocked }: WaveProgress): number => failed + blocked;

/**
 * Whether a wave has failed: more of its tenants than the share, of those that have ended, or of the first twenty while fewer have (of the
 * whole wave, where that is smaller). So a wave that fails is stopped in its middle, and one that has ended was below the share. Those
 * that were skipped count on neither side.
 */
export function hasFailed(progress: WaveProgress, maxFailureShare: number): boolean {
  const failures = failuresOf(progress);
  const ended = failures + progress.done;
  const tried = ended + progress.running + progress.waiting - progress.blocked;
  return failures > maxFailureShare * Math.max(ended, Math.min(tried, JUDGED_AT_LEAST));
}

/** Whether no tenant of a wave is still to be asked, asked or skipped. */
export const hasEnded = ({ waiting, running }: WaveProgress): boolean => waiting === 0 && running === 0;

/** Whether a wave that has ended has shown nothing: none of it was migrated, in whatever attempt, and not all had the version already. */
export const hasShownNothing = ({ done, skipped, already }: WaveProgress): boolean => done === 0 && skipped > already;

/** What a canary lacks that has shown nothing, for people. */
export const skippedOf = ({ skipped, already }: WaveProgress): string =>
  `None of the canary was migrated; skipped: ${skipped - already}. Resume when they can be asked, or plan another rollout with another canary.`;

/** What a wave failed of, for people. */
export function failureOf(wave: number, progress: WaveProgress, maxFailureShare: number): string {
  const failures = failuresOf(progress);
  const ended = failures + progress.done;
  const name = wave === 0 ? 'the canary' : `wave ${wave}`;
  const shared = progress.blocked > 0 ? `, ${progress.blocked} of them because they share the schema of one that did` : '';
  return `${failures} of the ${ended} tenants of ${name} that have ended failed${shared}; allowed is a share of ${maxFailureShare}.`;
}
