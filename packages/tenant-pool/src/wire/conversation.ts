import { bound, described, describedFully, transactionStatus, unexpected } from './answers.ts';
import type { TransactionStatus } from './backend.ts';
import {
  type ErrorResponse,
  MessageType,
  readCommandTag,
  readErrorResponse,
  readParameterDescription,
  readParameterStatus,
  readRowDescription,
} from './backend-messages.ts';
import { WireError } from './errors.ts';
import { writeCopyFail, writeSync } from './frontend-messages.ts';
import { failAll, type Loss } from './lost.ts';
import type { MessageHandler } from './message-reader.ts';
import { Kind, type Pending, Stage } from './pending.ts';
import { StatementCache } from './statement-cache.ts';
import { WriteBuffer } from './write-buffer.ts';
import { writePending } from './write-pending.ts';

/** Changes by itself, when a standby is promoted. */
const SERVER_STATE = 'in_hot_standby';
/** The statement is not there, its plan is outgrown, or its name is taken: preparing it under another name helps. */
const STALE = new Set(['26000', '0A000', '42P05']);
const FORGETS_STATEMENTS = new Set(['DISCARD ALL', 'DEALLOCATE ALL']);
const UPPER_D = 0x44;
const NO_COPY = 'COPY from or to the client is not possible on this connection';

export interface ConversationOwner {
  /** There are bytes to be sent. */
  written(): void;
  /** Nothing is in flight any more. */
  drained(): void;
  /** The server has ended the connection behind this error, and has run nothing that was sent after the statement at the head. */
  dismissed(goodbye: ErrorResponse): void;
  /** From now on what the server answers cannot be told apart if more is sent: no new work, and an end after what is in flight. */
  doomed(): void;
}

/**
 * What has been sent on a connection and not been answered, in order, and the reading of the answers. An answer that does not fit the
 * statement whose turn it is throws `protocol_violation`: better no answer than that of another caller.
 */
export class Conversation implements MessageHandler {
  readonly out = new WriteBuffer();
  readonly statements: StatementCache;
  transactionStatus: TransactionStatus = 'I';
  inFlight = 0;
  headSince: number | undefined;
  /** Number of the last statement written. */
  written = 0;
  /** The time at which the chunk at hand is read, once somebody has asked; 0 before. */
  chunkTime = 0;
  /** Settings that the server reports and that are not what they were at the login. */
  readonly altered = new Set<string>();

  readonly #settings: ReadonlyMap<string, string>;
  readonly #owner: ConversationOwner;
  #head: Pending | undefined;
  #tail: Pending | undefined;
  #tag = '';

  constructor(owner: ConversationOwner, settings: ReadonlyMap<string, string>, maxStatements: number) {
    this.#owner = owner;
    this.#settings = settings;
    this.statements = new StatementCache(maxStatements);
  }

  /** Writes a statement behind the others. One that cannot be sent fails, after this call. */
  send(pending: Pending): void {
    const refusal = writePending(this.out, this.statements, pending);
    if (refusal !== undefined) {
      pending.stage = Stage.ended;
      queueMicrotask(() => pending.sink.failed(refusal));
      return;
    }
    pending.sent = ++this.written;
    if (this.#tail === undefined) {
      this.#head = pending;
      pending.started = true;
      this.headSince = performance.now();
    } else {
      this.#tail.next = pending;
    }
    this.#tail = pending;
    this.inFlight++;
    this.#owner.written();
  }

  message(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head;
    if (head === undefined) return this.#unasked(type, buffer, start, end);
    switch (type) {
      case MessageType.dataRow:
        if (head.stage !== Stage.rows) throw unexpected(type);
        return head.rows.row(buffer, start, end);
      case MessageType.readyForQuery:
        return this.#ready(head, buffer[start]);
      case MessageType.bindComplete:
        return bound(head);
      case MessageType.commandComplete:
        return this.#completed(head, readCommandTag(buffer, start, end, this.#tag));
      default:
        return this.#lessOften(head, type, buffer, start, end);
    }
  }

  oversized(type: number, length: number): void {
    const head = this.#head;
    switch (type) {
      case MessageType.dataRow:
        if (head?.stage !== Stage.rows) throw unexpected(type);
        return head.refuseRow(tooLarge('a row of the result', length));
      case MessageType.errorResponse:
        if (head === undefined) throw unexpected(type);
        head.stage = Stage.done;
        return head.refuse(tooLarge('what the server says of an error', length));
      case MessageType.copyData:
      case MessageType.noticeResponse:
        return;
      default:
        throw unexpected(type);
    }
  }

  /** Fails all that is in flight. */
  abandonAll(loss: Loss): void {
    const head = this.#head;
    this.#head = undefined;
    this.#tail = undefined;
    this.inFlight = 0;
    this.headSince = undefined;
    failAll(head, loss);
  }

  #lessOften(head: Pending, type: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case MessageType.parseComplete:
        if (!head.parsing) throw unexpected(type);
        head.parsing = false;
        return;
      case MessageType.parameterDescription:
        return described(head, type, (prepared) => {
          prepared.parameterOids = readParameterDescription(buffer, start, end);
        });
      case MessageType.rowDescription:
        if (head.kind === Kind.command && head.stage !== Stage.copyOut) {
          head.stage = Stage.rows;
          return;
        }
        return describedFully(head, type, () => readRowDescription(buffer, start, end));
      case MessageType.noData:
        return describedFully(head, type, () => undefined);
      case MessageType.emptyQueryResponse:
        return this.#completed(head, '');
      case MessageType.errorResponse:
        return this.#failed(head, readErrorResponse(buffer, start, end));
      case MessageType.copyOutResponse:
        if (head.stage !== Stage.bound && head.kind !== Kind.command) throw unexpected(type);
        head.stage = Stage.copyOut;
        return head.refuse(new WireError('bad_statement', NO_COPY));
      case MessageType.copyData:
      case MessageType.copyDone:
        if (head.stage !== Stage.copyOut) throw unexpected(type);
        return;
      case MessageType.copyInResponse:
      case MessageType.copyBothResponse:
        return this.#copyIn(head, type);
      default:
        return this.#anyTime(type, buffer, start, end);
    }
  }

  #unasked(type: number, buffer: Buffer, start: number, end: number): void {
    if (type !== MessageType.errorResponse) return this.#anyTime(type, buffer, start, end);
    const response = readErrorResponse(buffer, start, end);
    if (!response.fatal) throw unexpected(type);
    return this.#owner.dismissed(response);
  }

  #anyTime(type: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case MessageType.noticeResponse:
      case MessageType.notificationResponse:
        return;
      case MessageType.closeComplete:
        if (this.#head === undefined) throw unexpected(type);
        return;
      case MessageType.parameterStatus: {
        const { name, value } = readParameterStatus(buffer, start, end);
        if (this.#settings.get(name) === value || name === SERVER_STATE) this.altered.delete(name);
        else this.altered.add(name);
        return;
      }
      default:
        throw unexpected(type);
    }
  }

  #completed(head: Pending, tag: string): void {
    const { stage } = head;
    const inTurn = stage === Stage.rows || stage === Stage.bound || stage === Stage.copyOut || head.kind === Kind.command;
    if (!inTurn) throw unexpected(MessageType.commandComplete);
    head.stage = Stage.done;
    head.tag = tag;
    this.#tag = tag;
    if (tag.charCodeAt(0) === UPPER_D && FORGETS_STATEMENTS.has(tag)) this.statements.clear();
  }

  #failed(head: Pending, response: ErrorResponse): void {
    if (response.fatal) return this.#owner.dismissed(response);
    const { prepared } = head;
    if (head.stage === Stage.done && head.kind === Kind.execute && head.error !== undefined)
      throw unexpected(MessageType.errorResponse);
    if (head.stage === Stage.sent && prepared !== undefined) {
      // Nothing of it has run: Parse, Describe or Bind failed.
      head.stale = prepared.name !== '' && !head.retried && STALE.has(response.fields.sqlstate);
      if (head.parsing || head.stale) this.statements.drop(prepared);
    }
    head.stage = Stage.done;
    head.refuse(new WireError('postgres', response.message, { postgres: response.fields }));
  }

  /**
   * In COPY FROM STDIN the server has thrown the statement's Sync away, and takes the next statement's messages for data. So only a statement
   * with nothing behind it can be ended properly; and whether an answer more or less comes then is the server's choice of a moment.
   */
  #copyIn(head: Pending, type: number): void {
    if (head.stage !== Stage.bound && head.kind !== Kind.command) throw unexpected(type);
    head.refuse(new WireError('bad_statement', NO_COPY));
    this.#owner.doomed();
    writeCopyFail(this.out, NO_COPY);
    if (head.kind !== Kind.command) writeSync(this.out);
    this.#owner.written();
    if (head.next !== undefined) throw new WireError('protocol_violation', 'COPY FROM STDIN was sent ahead of other statements');
  }

  #ready(head: Pending, status: number | undefined): void {
    if (head.stage !== Stage.done) throw unexpected(MessageType.readyForQuery);
    this.transactionStatus = transactionStatus(status);
    const { next } = head;
    // Whoever still holds the one that has ended, V8's older generation above all, must not hold all that came after it.
    head.next = undefined;
    this.#head = next;
    this.inFlight--;
    if (next === undefined) {
      this.#tail = undefined;
      this.headSince = undefined;
    } else {
      next.started = true;
      this.headSince = this.chunkTime ||= performance.now();
    }
    if (head.stale && this.transactionStatus === 'I') {
      head.reset();
      return this.send(head);
    }
    head.stage = Stage.ended;
    if (head.error === undefined) head.sink.complete(head.tag);
    else head.sink.failed(head.error);
    if (this.#head === undefined) this.#owner.drained();
  }
}

const tooLarge = (what: string, bytes: number): WireError =>
  new WireError('message_too_large', `${what} takes ${bytes} bytes, more than is accepted`);
