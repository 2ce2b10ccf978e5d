/** RFC 4180; a text that a spreadsheet would take for a formula is made one that it does not. */
const toField = (value: string | null): string => {
  const text = value === null ? '' : value.replace(/^[=+@\t\r]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A head with the names of the columns, and a line a row. */
export async function* csvOf<Name extends string>(
  columns: readonly Name[],
  rows: AsyncIterable<Readonly<Record<Name, string | null>>>,
): AsyncGenerator<string> {
  // The head comes with the first row: what fails before it is still an answer, not a broken file.
  let head = `${columns.join(',')}\r\n`;
  for await (const row of rows) {
    yield `${head}${columns.map((name) => toField(row[name])).join(',')}\r\n`;
    head = '';
  }
  if (head !== '') yield head;
}
