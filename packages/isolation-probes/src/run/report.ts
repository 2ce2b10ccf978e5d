import type { Tier } from '@ultracore/contracts';
import type { Category, Form, Login, Route } from '../probe.ts';

/** One probe in one form through one login. */
export interface ProbeResult {
  readonly probe: string;
  readonly category: Category;
  readonly tier: Tier;
  readonly route: Route;
  readonly login: Login;
  readonly form: Form;
  readonly expected: string;
  readonly outcome: string;
  /** How long the answer took. */
  readonly ms: number;
  /** Empty = it came out as it must. */
  readonly faults: readonly string[];
}

/** What probes did to a victim, found out after the probes of a category. */
export interface Damage {
  readonly tier: Tier;
  readonly route: Route;
  readonly login: Login;
  readonly category: Category;
  readonly change: string;
}

export interface ProbeReport {
  readonly results: readonly ProbeResult[];
  readonly damage: readonly Damage[];
  /** Ids of probes that need a neighbour of a tier that the run does not have. */
  readonly skipped: readonly string[];
}

export const passed = (report: ProbeReport): boolean =>
  report.results.length > 0 && report.damage.length === 0 && report.results.every(({ faults }) => faults.length === 0);

/** One line a fault, for people. */
export function faultLines(report: ProbeReport): string[] {
  return [
    ...report.results.flatMap(({ probe, tier, route, login, form, faults }) =>
      faults.map((fault) => `${probe} (${tier}, ${route}, ${login}, ${form}): ${fault}`),
    ),
    ...report.damage.map(
      ({ category, tier, route, login, change }) => `after ${category} (${tier}, ${route}, ${login}): the victim’s ${change}`,
    ),
  ];
}

export function mergeReports(reports: readonly ProbeReport[]): ProbeReport {
  return {
    results: reports.flatMap(({ results }) => results),
    damage: reports.flatMap(({ damage }) => damage),
    skipped: [...new Set(reports.flatMap(({ skipped }) => skipped))],
  };
}
