import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withGenerated } from './generated-parts.ts';

/** Writes what the corpus says of itself into the README; `npm run generate` runs it. */
const README = fileURLToPath(new URL('../README.md', import.meta.url));
writeFileSync(README, withGenerated(readFileSync(README, 'utf8')));
