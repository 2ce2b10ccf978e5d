// @ts-nocheck
import { startBench } from './homes.ts';
import { it } from 'vitest';
import { appendFileSync, writeFileSync } from 'node:fs';
import { runProbes, faultLines, PROBES } from '../src/index.ts';
it('dev', async () => {
  writeFileSync('/tmp/dev.out', '');
  const log = (...a) => appendFileSync('/tmp/dev.out', a.join(' ') + '\n');
  const t0 = performance.now();
  const bench = await startBench();
  log('bench', Math.round(performance.now() - t0));
  const only = process.env.ONLY;
  try {
    for (const tier of (process.env.TIER ?? 'enterprise,standard,small').split(',')) {
      let last = performance.now();
      const times = new Map();
      const report = await runProbes({
        attacker: bench.attackers[tier],
        victims: bench.victims,
        probes: only ? PROBES.filter((p) => new RegExp(only).test(p.id)) : PROBES,
        onResult: (r) => {
          const n = performance.now();
          times.set(r.probe, (times.get(r.probe) ?? 0) + n - last);
          last = n;
          if (process.env.V) log(r.probe, r.form, r.login, r.expected, '=>', r.outcome, r.faults.join('|').slice(0, 400));
        },
      });
      log(tier, report.results.length, new Set(report.results.map((r) => r.probe)).size, 'skipped', report.skipped.length);
      for (const l of faultLines(report)) log('  ', l.slice(0, 500));
      log(
        [...times]
          .sort((a, b) => b[1] - a[1])
          .slice(0, 14)
          .map(([k, v]) => k + ' ' + Math.round(v))
          .join(', '),
        'total',
        Math.round([...times.values()].reduce((a, b) => a + b, 0)),
      );
    }
  } finally {
    await bench.stop();
  }
}, 600000);
