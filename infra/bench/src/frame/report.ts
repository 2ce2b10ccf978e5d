import type { Machine } from './machine.ts';
import { summarize, type Summary } from './statistics.ts';

export interface Metric extends Summary {
  name: string;
  unit: string;
  /** `rounds`: one figure a round, shown as median (min–max). `samples`: single measurements, shown as p50 and p99 (max). */
  kind: 'rounds' | 'samples';
  /** Shown in a table; a line of its own would be one too many. */
  inTable?: boolean;
}

/** Many figures of one kind, for a reader; every one is among the metrics. */
export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface Goal {
  name: string;
  /** The metric, and which figure of it, is compared. */
  metric: string;
  figure: 'median' | 'p99';
  wanted: number;
  direction: 'at least' | 'at most';
  seen: number;
  met: boolean;
}

export interface Findings {
  metrics: Metric[];
  goals: Goal[];
  /** What a reader must know to judge the figures. */
  notes: string[];
  tables?: Table[];
}

export interface Report extends Findings {
  bench: string;
  command: string;
  started_at: string;
  took_seconds: number;
  machine: Machine;
  parameters: Readonly<Record<string, unknown>>;
}

export function metric(kind: Metric['kind'], name: string, unit: string, values: readonly number[]): Metric {
  return { name, unit, kind, ...summarize(values) };
}

/** Compares the median of rounds, or the p99 of samples. */
export function goal(name: string, of: Metric, direction: Goal['direction'], wanted: number): Goal {
  const figure = of.kind === 'rounds' ? 'median' : 'p99';
  const seen = of[figure];
  return {
    name,
    metric: of.name,
    figure,
    wanted,
    direction,
    seen,
    met: direction === 'at least' ? seen >= wanted : seen <= wanted,
  };
}

/** The report as a person reads it. */
export function toText(report: Report): string {
  const { machine } = report;
  const lines = report.metrics.filter(({ inTable }) => inTable !== true);
  const width = Math.max(...lines.map(({ name }) => name.length));
  return [
    `${report.bench}: ${report.command}`,
    `${machine.cores} cores (${machine.cpu}), ${machine.memory_gib} GiB, ${machine.system}, Node ${machine.node}, commit ${machine.commit}, load before ${machine.load_before}`,
    `${report.started_at}, took ${Math.round(report.took_seconds)} s`,
    '',
    ...(report.tables ?? []).flatMap((table) => [table.title, ...tableLines(table), '']),
    ...lines.map((each) => `${each.name.padEnd(width)}  ${figures(each)}`),
    '',
    ...report.goals.map(
      (each) =>
        `${each.met ? 'met   ' : 'MISSED'}  ${each.name}: ${each.figure} ${round(each.seen)}, wanted ${each.direction} ${round(each.wanted)}`,
    ),
    ...report.notes.map((note) => `note: ${note}`),
    '',
  ].join('\n');
}

/** The first two columns to the left, figures to the right. */
function tableLines({ columns, rows }: Table): string[] {
  const all = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

function figures(each: Metric): string {
  const unit = each.unit === '' ? '' : ` ${each.unit}`;
  return each.kind === 'rounds'
    ? `${round(each.median)}${unit} (${round(each.min)}–${round(each.max)}, ${each.count} rounds)`
    : `p50 ${round(each.median)}${unit}, p99 ${round(each.p99)}${unit} (max ${round(each.max)}, n ${each.count})`;
}

/** Three significant digits at least, never more than two decimals. */
function round(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Math.round(value * 100) / 100);
}
