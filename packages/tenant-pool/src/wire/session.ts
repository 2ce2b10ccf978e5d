import type {
  Backend,
  BackendState,
  Execution,
  ResultSink,
  Statement,
  StatementDescription,
  TransactionStatus,
} from './backend.ts';
import type { ErrorResponse } from './backend-messages.ts';
import { Conversation, type ConversationOwner } from './conversation.ts';
import { isWireError, WireError } from './errors.ts';
import { flushSoon } from './flush.ts';
import { TERMINATE } from './frontend-messages.ts';
import type { LoggedIn } from './login.ts';
import type { MessageReader } from './message-reader.ts';
import { Kind, NO_SINK, Pending } from './pending.ts';
import type { Receiver, Transport } from './transport.ts';

/** More than this is not collected until the end of the turn. */
const FLUSH_BYTES = 256 * 1024;
/**
 * While the server has more statements than this to answer, further ones wait here: they could not begin sooner, and fewer, larger packets cost
 * both ends less.
 */
const BUSY_STATEMENTS = 16;
const HELD_BYTES = 64 * 1024;
/** How long a server may take to end a connection after a goodbye, its own or ours. */
const GOODBYE_MS = 5_000;
const NO_PARAMETERS: readonly never[] = [];

export interface SessionOptions {
  readonly user: string;
  readonly maxStatements: number;
  /** Sends a CancelRequest with this BackendKeyData, on a connection of its own. */
  readonly sendCancel: (key: Buffer) => Promise<void>;
}

/** A logged-in connection, from its first statement to its end. */
export class Session implements Backend, Receiver, ConversationOwner {
  readonly processId: number;
  readonly user: string;
  readonly closed: Promise<WireError | undefined>;
  state: BackendState = 'ready';

  readonly #transport: Transport;
  readonly #reader: MessageReader;
  readonly #conversation: Conversation;
  readonly #key: Buffer;
  readonly #sendCancel: SessionOptions['sendCancel'];
  readonly #resolveClosed: (reason: WireError | undefined) => void;
  #corked = false;
  /** Bytes wait for the server to become less busy. */
  #held = false;
  /** Number of the last statement that the socket was given. */
  #flushed = 0;
  /** Why the connection is lost; undefined as long as it is not, and when its owner dropped it. */
  #reason: WireError | undefined;
  #lost = false;
  #goodbye: NodeJS.Timeout | undefined;

  constructor(transport: Transport, login: LoggedIn, options: SessionOptions) {
    this.#transport = transport;
    this.#reader = login.reader;
    this.#conversation = new Conversation(this, login.settings, options.maxStatements);
    this.#key = login.key;
    this.#sendCancel = options.sendCancel;
    this.processId = login.key.readInt32BE(0);
    this.user = options.user;
    const { promise, resolve } = Promise.withResolvers<WireError | undefined>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    login.reader.handler = this.#conversation;
    transport.receiver = this;
  }

  get inFlight(): number {
    return this.#conversation.inFlight;
  }

  get headSince(): number | undefined {
    return this.#conversation.headSince;
  }

  get transactionStatus(): TransactionStatus {
    return this.#conversation.transactionStatus;
  }

  get settingsAltered(): boolean {
    return this.#conversation.altered.size > 0;
  }

  execute(statement: Statement, sink: ResultSink): Execution {
    const pending = new Pending(Kind.execute, statement, sink);
    this.#send(pending);
    return pending;
  }

  describe(text: string): Promise<StatementDescription> {
    const known = this.#conversation.statements.peek(text);
    if (known?.described) return Promise.resolve({ parameterOids: known.parameterOids, fields: known.fields });
    return new Promise((resolve, reject) => {
      const complete = (): void => {
        const { parameterOids = [], fields } = pending.prepared ?? {};
        resolve({ parameterOids, fields });
      };
      const pending = new Pending(Kind.describe, { text, params: NO_PARAMETERS }, { ...NO_SINK, complete, failed: reject });
      this.#send(pending);
    });
  }

  knownParameters(text: string): readonly number[] | undefined {
    const known = this.#conversation.statements.peek(text);
    return known?.described ? known.parameterOids : undefined;
  }

  command(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const sink = { ...NO_SINK, complete: () => resolve(), failed: reject };
      this.#send(new Pending(Kind.command, { text, params: NO_PARAMETERS }, sink));
    });
  }

  pause(): void {
    if (!this.#lost) this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }

  cancel(): Promise<void> {
    return this.state === 'closed' ? Promise.resolve() : this.#sendCancel(this.#key);
  }

  close(): void {
    if (this.state !== 'ready') return;
    this.state = 'closing';
    if (this.inFlight === 0) this.#sayGoodbye();
  }

  destroy(): void {
    if (this.state === 'closed') return;
    if (this.#lost) return this.#transport.destroy();
    this.#lose(undefined);
    return undefined;
  }

  #send(pending: Pending): void {
    if (this.state === 'ready') return this.#conversation.send(pending);
    const error = new WireError('connection_lost', 'the connection takes no more statements', {
      started: false,
      cause: this.#reason,
    });
    return queueMicrotask(() => pending.sink.failed(error));
  }

  written(): void {
    if (this.#conversation.out.length > FLUSH_BYTES) return this.flush();
    if (this.#corked) return undefined;
    this.#corked = true;
    return flushSoon(this);
  }

  flush(): void {
    this.#corked = false;
    const { out } = this.#conversation;
    if (out.length === 0 || this.#lost) return;
    this.#held = out.length < HELD_BYTES && this.#isBusy();
    if (this.#held) return;
    this.#flushed = this.#conversation.written;
    out.clear(this.#transport.write(out.bytes.subarray(0, out.length)));
  }

  receive(buffer: Buffer, start: number, end: number): void {
    this.#conversation.chunkTime = 0;
    try {
      this.#reader.read(buffer, start, end);
      if (this.#held && !this.#isBusy()) this.flush();
    } catch (error) {
      this.#lose(
        isWireError(error)
          ? error
          : new WireError('protocol_violation', 'an answer of the server cannot be read', { cause: error }),
      );
    }
  }

  #isBusy(): boolean {
    const waitingHere = this.#conversation.written - this.#flushed;
    return this.inFlight - waitingHere > BUSY_STATEMENTS;
  }

  ended(cause: Error | undefined): void {
    this.state = 'closed';
    clearTimeout(this.#goodbye);
    if (!this.#lost && (this.inFlight > 0 || this.#goodbye === undefined)) {
      this.#lose(new WireError('connection_lost', 'the server ended the connection', { cause }));
    }
    this.#resolveClosed(this.#reason);
  }

  drained(): void {
    if (this.state === 'closing' && !this.#lost) this.#sayGoodbye();
  }

  doomed(): void {
    if (this.state === 'ready') this.state = 'closing';
  }

  dismissed({ message, fields }: ErrorResponse): void {
    this.#lose(new WireError('connection_lost', message, { postgres: fields }), true);
  }

  /** `dismissed`: the server has said that it ends the connection, and why; it does so when it has freed what the connection held. */
  #lose(reason: WireError | undefined, dismissed = false): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#reason = reason;
    if (this.state === 'ready') this.state = 'closing';
    this.#reader.stop();
    if (dismissed) this.#awaitEnd();
    else this.#transport.destroy();
    const told = reason ?? new WireError('connection_lost', 'it was dropped');
    this.#conversation.abandonAll({ reason: told, flushed: this.#flushed, dismissed });
  }

  #sayGoodbye(): void {
    if (this.#goodbye !== undefined) return;
    this.#transport.end(TERMINATE);
    this.#awaitEnd();
  }

  #awaitEnd(): void {
    this.#transport.resume();
    clearTimeout(this.#goodbye);
    this.#goodbye = setTimeout(() => this.#transport.destroy(), GOODBYE_MS).unref();
  }
}
