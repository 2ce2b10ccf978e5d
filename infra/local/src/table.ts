/** Columns of text, aligned; numbers to the right. `rows` as wide as `headings`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = headings.map((heading, column) => Math.max(width(heading), ...rows.map((row) => width(row[column] ?? ''))));
  const numeric = headings.map((_, column) => rows.length > 0 && rows.every((row) => /^-?\d+(\.\d+)?$/.test(row[column] ?? '')));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const blanks = ' '.repeat((widths[column] ?? 0) - width(cell));
        return numeric[column] ? blanks + cell : cell + blanks;
      })
      .join('  ')
      .trimEnd();
  return [line(headings), widths.map((count) => '─'.repeat(count)).join('  '), ...rows.map(line)];
}

const segments = new Intl.Segmenter();

/** Characters as a person counts them; text that a terminal shows in double width is not told apart. */
function width(text: string): number {
  return [...segments.segment(text)].length;
}
