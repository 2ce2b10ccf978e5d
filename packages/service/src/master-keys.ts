import { z } from 'zod';
import { variable } from './load-config.ts';

/**
 * The master password, as every service reads it that seals or opens credentials: the one in use, and while it is being changed the
 * one before or the one to come.
 */
export const masterKeyVariables = {
  ULTRACORE_MASTER_PASSWORD: z.string(),
  ULTRACORE_MASTER_SALT: z.string().optional(),
  ULTRACORE_MASTER_KEY_ID: z.string().default('k1'),
  ULTRACORE_MASTER_ROUNDS: variable.integer({ min: 100_000, max: 100_000_000 }).default(600_000),
  ULTRACORE_MASTER_PASSWORD_PREVIOUS: z.string().optional(),
  ULTRACORE_MASTER_KEY_ID_PREVIOUS: z.string().optional(),
  ULTRACORE_MASTER_PASSWORD_NEXT: z.string().optional(),
  ULTRACORE_MASTER_KEY_ID_NEXT: z.string().optional(),
} as const;

type MasterKeyVariables = z.output<z.ZodObject<typeof masterKeyVariables>>;
type Rule = [(env: MasterKeyVariables) => boolean, { when: () => boolean; path: string[]; message: string }];

const pair = (suffix: 'PREVIOUS' | 'NEXT'): Rule => [
  (env) =>
    (env[`ULTRACORE_MASTER_PASSWORD_${suffix}`] === undefined) === (env[`ULTRACORE_MASTER_KEY_ID_${suffix}`] === undefined),
  {
    // Also while another variable is wrong: every mistake at once.
    when: () => true,
    path: [`ULTRACORE_MASTER_KEY_ID_${suffix}`],
    message: `is set together with ULTRACORE_MASTER_PASSWORD_${suffix}, or not at all`,
  },
];

/** For `refine`, beside `masterKeyVariables`: a further master password and its key id come together. */
export const masterKeyRules = { previous: pair('PREVIOUS'), next: pair('NEXT') } as const;

/** One master password and how its key is made; a key ring takes it as it is. */
interface MasterKey {
  readonly masterPassword: string;
  readonly keyId: string;
  readonly salt: string | undefined;
  readonly rounds: number;
}

/** What a key ring is made of. Salt and rounds are the same for every key. */
export function masterKeysOf(
  read: MasterKeyVariables,
): MasterKey & { readonly retired: readonly MasterKey[]; readonly upcoming: readonly MasterKey[] } {
  const { ULTRACORE_MASTER_SALT: salt, ULTRACORE_MASTER_ROUNDS: rounds } = read;
  const key = (masterPassword: string, keyId: string): MasterKey => ({ masterPassword, keyId, salt, rounds });
  const further = (masterPassword: string | undefined, keyId: string | undefined): MasterKey[] =>
    masterPassword === undefined || keyId === undefined ? [] : [key(masterPassword, keyId)];
  return {
    ...key(read.ULTRACORE_MASTER_PASSWORD, read.ULTRACORE_MASTER_KEY_ID),
    retired: further(read.ULTRACORE_MASTER_PASSWORD_PREVIOUS, read.ULTRACORE_MASTER_KEY_ID_PREVIOUS),
    upcoming: further(read.ULTRACORE_MASTER_PASSWORD_NEXT, read.ULTRACORE_MASTER_KEY_ID_NEXT),
  };
}
