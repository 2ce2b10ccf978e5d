import { TIERS } from '@ultracore/contracts';
import { CATEGORIES, type Category, EXPOSURE_IDS, EXPOSURES, HTTP_PROBES, type Probe, PROBES } from '../src/index.ts';

/** Each generated part stands between two comments that name it. */
const PARTS: Readonly<Record<string, () => string>> = { counts, exposures };

/** The README with its generated parts as the corpus has them now. */
export function withGenerated(readme: string): string {
  return Object.entries(PARTS).reduce((text, [name, make]) => {
    const [start, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md has no part “${name}”.`);
    return `${text.slice(0, from + start.length)}\n\n${make()}\n\n${text.slice(to)}`;
  }, readme);
}

function counts(): string {
  const row = (category: Category): string[] => [
    category,
    ...TIERS.map((tier) => String(ofCategory(category).filter(({ expect }) => expect[tier] !== undefined).length)),
    ...(category === 'gateway-paths' ? [String(HTTP_PROBES.length)] : ['']),
  ];
  return table(
    ['category', ...TIERS, 'HTTP'],
    CATEGORIES.map((category) => row(category)),
  );
}

function exposures(): string {
  return table(
    ['', 'with its own logins', 'through the gateway', 'shown by'],
    EXPOSURE_IDS.map((id) => {
      const { title, direct, gateway } = EXPOSURES[id];
      const by = PROBES.filter((probe) =>
        Object.values(probe.expect).some((each) => each.verdict === 'shown' && each.exposure === id),
      );
      return [title, direct, gateway, by.map((probe) => `\`${probe.id}\``).join(' ')];
    }),
  );
}

const ofCategory = (category: Category): Probe[] => PROBES.filter((probe) => probe.category === category);

/** As the formatter would have it. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) => Math.max(3, heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${widths.map((width, at) => (cells[at] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(headings), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
