import { createHash } from 'node:crypto';
import type { CatalogObject, Description } from './describe.ts';

const LONGEST_VALUE = 120;
const LONGEST_SENTENCE = 400;

/**
 * How a home differs from what it should be, one sentence each, sorted; empty when it does not. What belongs to a table that is
 * missing, or should not be there, is not listed beside it.
 */
export function compareDescriptions(actual: Description, expected: Description, version: string): string[] {
  if (!actual.some(({ kind }) => kind === 'schema')) return ['the schema is missing'];
  const [found, wanted] = [index(actual), index(expected)];
  const kinds = new Map([...expected, ...actual].filter(({ parent }) => parent === '').map(({ kind, name }) => [name, kind]));
  const label = (object: CatalogObject): string => labelOf(object, kinds.get(object.parent));
  const missing = expected.filter((object) => !found.has(keyOf(object)));
  const extra = actual.filter((object) => !wanted.has(keyOf(object)));
  const gone = new Set([...missing, ...extra].filter(({ parent }) => parent === '').map(({ name }) => name));
  const isTold = ({ parent }: CatalogObject): boolean => !gone.has(parent);
  const changed = actual.flatMap((object) => {
    const should = wanted.get(keyOf(object));
    return should === undefined ? [] : changesOf(object, should).map((change) => `${label(object)}${change}`);
  });
  return [
    ...missing.filter(isTold).map((object) => `${label(object)} is missing`),
    ...extra.filter(isTold).map((object) => `${label(object)} is not part of version ${version}`),
    ...changed,
  ]
    .map(oneLine)
    .toSorted();
}

const keyOf = ({ kind, parent, name }: CatalogObject): string => JSON.stringify([kind, parent, name]);

const index = (description: Description): Map<string, CatalogObject> =>
  new Map(description.map((object) => [keyOf(object), object]));

function labelOf({ kind, parent, name }: CatalogObject, kindOfParent = 'table'): string {
  if (name === '') return `the ${kind}`;
  return parent === '' ? `${kind} ${name}` : `${kindOfParent} ${parent}: ${kind} ${name}`;
}

function changesOf(object: CatalogObject, should: CatalogObject): string[] {
  const facts = [...new Set([...Object.keys(object.facts), ...Object.keys(should.facts)])];
  return facts.flatMap((fact) => {
    const [is, want] = [object.facts[fact] ?? 'none', should.facts[fact] ?? 'none'];
    if (is === want) return [];
    if (fact === COLUMN_ORDER) return inCommonOrder(is, want) ? [] : [`: its columns are in another order`];
    if (isLong(object.kind, fact) || is.length > LONGEST_VALUE || want.length > LONGEST_VALUE) {
      return [`: its ${fact} is another one (${digest(is)}, should be ${digest(want)})`];
    }
    const said = object.kind === 'column' && fact === 'type' ? '' : `: ${fact}`;
    return [`${said} ${fact.startsWith('rights') ? 'are' : 'is'} ${is}, should be ${want}`];
  });
}

/** What a program is, is too much for a sentence however short it is. */
const isLong = (kind: string, fact: string): boolean => fact === 'definition' && (kind === 'function' || kind === 'procedure');

const COLUMN_ORDER = 'column order';

/** Whether the columns that both have come in the same order; those that one of them has not are told of themselves. */
function inCommonOrder(is: string, want: string): boolean {
  const [actual, expected] = [is.split(', '), want.split(', ')];
  const common = (some: readonly string[], others: readonly string[]): string =>
    some.filter((column) => others.includes(column)).join(', ');
  return common(actual, expected) === common(expected, actual);
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Names are whatever somebody typed: no line break or control character of theirs reaches a log or a list. */
function oneLine(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
  return clean.length > LONGEST_SENTENCE ? `${clean.slice(0, LONGEST_SENTENCE - 1).toWellFormed()}…` : clean;
}
