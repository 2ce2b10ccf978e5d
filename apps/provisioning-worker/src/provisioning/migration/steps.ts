import type { ForwardWork } from '../forward.ts';

/** The steps of bringing one home to a version of the migrations, in order. */
export const MIGRATION_STEPS = ['upgrade', 'upgraded'] as const;
export type MigrationStep = (typeof MIGRATION_STEPS)[number] | 'upgrade_failed';

/** A home that was migrated while its migration was cancelled is at that version: the registry is to know. */
export const MIGRATION: ForwardWork = { steps: MIGRATION_STEPS, failed: 'upgrade_failed', toldThoughCancelled: 'upgraded' };
