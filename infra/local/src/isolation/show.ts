import { CATEGORIES, faultLines, type ProbeResult } from '@ultracore/isolation-probes';
import { TIERS } from '@ultracore/contracts';
import { table } from '../table.ts';
import type { Verdict } from './verify.ts';

/** One line a tier, route and category: how many attacks there were, how they went out, and how many went wrong. */
export function summary({ results }: Verdict): string[] {
  const groups = new Map<string, ProbeResult[]>();
  for (const result of results) {
    const key = [TIERS.indexOf(result.tier), result.route, CATEGORIES.indexOf(result.category)].join(' ');
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const rows = [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => row(group));
  return table(['tier', 'route', 'category', 'probes', 'runs', 'refused', 'other', 'faults'], rows);
}

function row(group: readonly ProbeResult[]): string[] {
  const [first] = group;
  const count = (is: (result: ProbeResult) => boolean) => String(group.filter(is).length);
  const isRefused = ({ outcome }: ProbeResult) => /^(refused|4\d\d)/.test(outcome);
  return [
    first?.tier ?? '',
    first?.route ?? '',
    first?.category ?? '',
    String(new Set(group.map(({ probe }) => probe)).size),
    String(group.length),
    count(isRefused),
    count((result) => !isRefused(result)),
    count(({ faults }) => faults.length > 0),
  ];
}

/** Everything that must not be, one line each. */
export function faultsOf(verdict: Verdict): string[] {
  return [...faultLines(verdict), ...verdict.hardening];
}
