import type { TransactionStatus } from './backend.ts';
import { MessageType } from './backend-messages.ts';
import { WireError } from './errors.ts';
import { Kind, type Pending, Stage } from './pending.ts';
import type { Prepared } from './statement-cache.ts';

/** An answer that does not fit the statement whose turn it is: the two ends have lost each other. */
export const unexpected = (type: number): WireError =>
  new WireError('protocol_violation', `the server sent a message (${type}) that does not fit what was asked`);

export function bound(head: Pending): void {
  const prepared = head.prepared;
  if (head.stage !== Stage.sent || head.kind !== Kind.execute || prepared === undefined || !prepared.described) {
    throw unexpected(MessageType.bindComplete);
  }
  if (prepared.fields === undefined) {
    head.stage = Stage.bound;
  } else {
    head.stage = Stage.rows;
    head.rows.columns(prepared.fields);
  }
}

/** What was known before stays the same object: encoders are kept by it. */
export function described(head: Pending, type: number, take: (prepared: Prepared) => void): void {
  const { prepared } = head;
  if (head.stage !== Stage.sent || prepared === undefined) throw unexpected(type);
  if (!prepared.described) take(prepared);
}

export function describedFully(head: Pending, type: number, fields: () => Prepared['fields']): void {
  described(head, type, (prepared) => {
    prepared.fields = fields();
    prepared.described = true;
  });
  if (head.kind === Kind.describe) head.stage = Stage.done;
}

export function transactionStatus(status: number | undefined): TransactionStatus {
  switch (status) {
    case 0x49:
      return 'I';
    case 0x54:
      return 'T';
    case 0x45:
      return 'E';
    default:
      throw new WireError('protocol_violation', `the server is ready in an unknown state (${status})`);
  }
}
