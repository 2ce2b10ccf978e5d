import { writeGrammar } from './grammar.ts';

await writeGrammar();
