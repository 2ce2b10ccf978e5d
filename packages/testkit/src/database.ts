import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import type { TestStack } from './stack.ts';

export interface FreshDatabase extends AsyncDisposable {
  readonly name: string;
  /** The superuser's URL of it. */
  readonly url: string;
}

/** A name that no other test of this or another run has. Lower case, letters, digits and `_`. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(5).toString('hex')}`;
}

/**
 * An empty database of its own. Disposing of it drops it with every connection to it; made inside a test, it is kept when that
 * test fails, and its name is printed.
 */
export async function freshDatabase(stack: TestStack, options: { prefix?: string } = {}): Promise<FreshDatabase> {
  const name = uniqueName(options.prefix ?? 'test');
  // Closed until PUBLIC is shut out: a database that anybody may enter makes a server unfit for tenants.
  await onServer(stack, `create database ${name} allow_connections false`);
  await onServer(stack, `revoke all on database ${name} from public; alter database ${name} allow_connections true`);
  const drop = () => onServer(stack, `drop database if exists ${name} with (force)`);
  const afterTest = dropAfterTest(name, drop);
  return {
    name,
    url: stack.postgresUrl(name),
    async [Symbol.asyncDispose]() {
      // `await using` disposes before the runner knows how the test ended: inside a test, its end decides.
      if (!afterTest) await drop();
    },
  };
}

function dropAfterTest(name: string, drop: () => Promise<void>): boolean {
  try {
    onTestFinished(async ({ task }) => {
      if (task.result?.state === 'fail') process.stderr.write(`kept database ${name} of the failed test “${task.name}”\n`);
      else await drop();
    });
    return true;
  } catch {
    // In a hook or at the top of a file there is no test that could fail.
    return false;
  }
}

async function onServer(stack: TestStack, statement: string): Promise<void> {
  const client = new Client({ connectionString: stack.postgresUrl(), application_name: 'testkit' });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
