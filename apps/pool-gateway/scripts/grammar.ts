import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const GRAMMAR_FILE = join(import.meta.dirname, '..', 'src', 'statement', 'grammar.json');

/**
 * The fields of every node of the installed grammar, read from the types that come with it: `node` for one or a list of nodes that name
 * their type, `value` for what is no node, else the type of a node (or a list of nodes) that stands there without its name.
 */
export type Grammar = Record<string, Record<string, string>>;

/** What the installed parser's type definitions say. */
export async function installedGrammar(): Promise<Grammar> {
  const fromParser = createRequire(createRequire(import.meta.url).resolve('libpg-query'));
  const source = await readFile(join(fromParser.resolve('@pgsql/types'), '..', 'types.d.ts'), 'utf8');
  const bodies = new Map(
    [...source.matchAll(/^export interface (\w+) \{\n([^}]*)\}/gm)].map(([, name = '', body = '']) => [name, body]),
  );
  const kind = (type: string): string => {
    const element = type.replace(/\[\]$/, '');
    if (element === 'Node') return 'node';
    return bodies.has(element) ? element : 'value';
  };
  const fields = (body: string): Record<string, string> =>
    Object.fromEntries([...body.matchAll(/^ {4}(\w+)\?: ([^;]+);$/gm)].map(([, name = '', type = '']) => [name, kind(type)]));
  return Object.fromEntries([...bodies].map(([name, body]) => [name, fields(body)]));
}

/** The text of the committed file: one node a line, so that a new version of the grammar shows as a readable diff. */
export function grammarText(grammar: Grammar): string {
  const lines = Object.entries(grammar).map(([name, fields]) => `  ${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

export async function writeGrammar(): Promise<void> {
  await writeFile(GRAMMAR_FILE, grammarText(await installedGrammar()));
}
