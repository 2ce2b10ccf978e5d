import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { catalogIncompatibilities } from '../src/compatibility.ts';
import { subjects } from '../src/json-schema.ts';
import type { JsonSchema } from '../src/json-schema.ts';

export const SCHEMA_DIRECTORY = join(import.meta.dirname, '..', 'schemas');

export type Catalog = Readonly<Record<string, JsonSchema>>;

/** What the code says today, by subject. */
export const currentCatalog = (): Catalog => Object.fromEntries(subjects().map(({ subject, schema }) => [subject, schema]));

/** What was committed, by subject; empty when there is nothing yet. */
export const committedCatalog = async (directory: string): Promise<Catalog> => {
  await mkdir(directory, { recursive: true });
  const files = (await readdir(directory)).filter((file) => file.endsWith('.json')).sort();
  const entries = files.map(async (file) => {
    const schema: JsonSchema = JSON.parse(await readFile(join(directory, file), 'utf8'));
    return [file.slice(0, -'.json'.length), schema] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
};

/** One sentence for each subject whose committed file is not what the code generates. */
export const drift = (committed: Catalog, current: Catalog): readonly string[] =>
  [...new Set([...Object.keys(committed), ...Object.keys(current)])].sort().flatMap((subject) => {
    if (current[subject] === undefined) return [`schemas/${subject}.json belongs to no message`];
    if (committed[subject] === undefined) return [`schemas/${subject}.json is missing`];
    return JSON.stringify(committed[subject]) === JSON.stringify(current[subject])
      ? []
      : [`schemas/${subject}.json is not what the code generates`];
  });

export interface WriteOptions {
  /** Write although readers or stored records break. */
  readonly breaking: boolean;
}

/** Writes the schemas. Refuses, and writes nothing, when a change is incompatible with the committed ones. */
export const writeCatalog = async (
  directory: string,
  current: Catalog,
  { breaking }: WriteOptions,
): Promise<readonly string[]> => {
  const committed = await committedCatalog(directory);
  const faults = catalogIncompatibilities(committed, current);
  if (faults.length > 0 && !breaking) return faults;
  for (const subject of Object.keys(committed)) {
    if (current[subject] === undefined) await rm(join(directory, `${subject}.json`));
  }
  for (const [subject, schema] of Object.entries(current)) {
    await writeFile(join(directory, `${subject}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
  return [];
};
