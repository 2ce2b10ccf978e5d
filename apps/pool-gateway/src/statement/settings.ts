import type { RuleName } from './rules.ts';

/** What SET LOCAL may change: how times are shown, how long to wait for a lock, and settings of the caller's own. No limit that is ours. */
const LOCAL = /^(?:timezone|lock_timeout|app\.[a-z0-9_.]+)$/i;
const OF_FUNCTIONS = /^(?:search_path|timezone)$/i;
const OF_ROLES = /^(?:role|session_authorization)$/i;

/** The rule of `SET name`, by whether it is SET LOCAL. */
export function ruleOfSetting(name: string, local: boolean): RuleName {
  if (OF_ROLES.test(name)) return 'session_role';
  return local && LOCAL.test(name) ? 'local_setting' : 'session_setting';
}

/** The rule of `CREATE FUNCTION … SET name`. */
export function ruleOfFunctionSetting(name: string): RuleName | undefined {
  return OF_FUNCTIONS.test(name) ? undefined : 'function_setting';
}
