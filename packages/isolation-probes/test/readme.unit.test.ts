import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withGenerated } from '../scripts/generated-parts.ts';

it('the README says of the corpus what the corpus says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(withGenerated(readme), 'run `npm run generate`').toBe(readme);
});
