import type { Secrets } from './secrets.ts';
import type { Stack } from './stack-file.ts';
import type { Terminal } from './terminal.ts';

export async function setUpKafka(_stack: Stack, _terminal: Terminal): Promise<void> {}
export async function setUpPostgres(_stack: Stack, _secrets: Secrets, _terminal: Terminal): Promise<void> {}
