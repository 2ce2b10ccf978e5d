import type { WireError } from './errors.ts';
import {
  parameterBytes,
  refuseParameters,
  refuseText,
  writeClose,
  writeDescribe,
  writeParse,
  writeQuery,
  writeRun,
  writeSync,
} from './frontend-messages.ts';
import { Kind, type Pending } from './pending.ts';
import { Prepared, type StatementCache } from './statement-cache.ts';
import type { WriteBuffer } from './write-buffer.ts';

/** A longer text is parsed each time: it would cost more memory on the server than it saves. In UTF-16 units. */
const MAX_PREPARED_TEXT = 64 * 1024;

/** Writes all messages of one statement, up to its Sync. Returns why it cannot be sent; then nothing has been written. */
export function writePending(out: WriteBuffer, statements: StatementCache, pending: Pending): WireError | undefined {
  if (pending.kind === Kind.command) {
    const refusal = refuseText(pending.statement.text);
    if (refusal === undefined) writeQuery(out, pending.statement.text);
    return refusal;
  }
  const { text, params, prepare } = pending.statement;
  const bytes = parameterBytes(params);
  const refusal = refuseParameters(params, bytes);
  if (refusal !== undefined) return refusal;

  const unnamed = prepare === false || text.length > MAX_PREPARED_TEXT;
  let prepared = unnamed ? undefined : statements.find(text);
  if (prepared === undefined) {
    const refusedText = refuseText(text);
    if (refusedText !== undefined) return refusedText;
    prepared = unnamed ? new Prepared('', text) : statements.add(text);
    pending.parsing = true;
    for (const name of statements.takeClosable()) writeClose(out, name);
    writeParse(out, prepared.name, text);
  }
  pending.prepared = prepared;
  // Asked for again by those behind a first Parse that is still in flight: the first one's Describe may yet fail alone, by a cancel.
  if (!prepared.described || pending.kind === Kind.describe) writeDescribe(out, prepared.name);
  if (pending.kind === Kind.describe) writeSync(out);
  else writeRun(out, prepared.name, params, bytes);
  return undefined;
}
