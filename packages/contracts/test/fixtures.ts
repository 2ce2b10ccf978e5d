import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const DIRECTORY = join(import.meta.dirname, '..', 'fixtures');

export type Body = Record<string, unknown>;

/** The committed example of a message. */
export const fixture = (type: string): Body => {
  const body: Body = JSON.parse(readFileSync(join(DIRECTORY, `${type}.json`), 'utf8'));
  return body;
};

export const fixtureTypes = (): readonly string[] =>
  readdirSync(DIRECTORY)
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
