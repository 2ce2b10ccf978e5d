import type { BackendOptions } from './backend.ts';
import { MessageType, readErrorResponse, readParameterStatus } from './backend-messages.ts';
import { abortReason, isWireError, WireError } from './errors.ts';
import { writeSaslInitialResponse, writeSaslResponse, writeStartup } from './frontend-messages.ts';
import { type MessageHandler, MessageReader } from './message-reader.ts';
import { createScramLogin, SCRAM_MECHANISM, type ScramLogin } from './scram.ts';
import type { Receiver, Transport } from './transport.ts';
import { WriteBuffer } from './write-buffer.ts';

/** What each session starts with, so that results read the same everywhere; `settings` may say otherwise. */
const SESSION_SETTINGS = { DateStyle: 'ISO, YMD', IntervalStyle: 'iso_8601', TimeZone: 'UTC', extra_float_digits: '1' };
const WRONG_LOGIN = new Set(['28P01', '28000']);
const Authentication = { ok: 0, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/** What a login leaves behind. */
export interface LoggedIn {
  readonly reader: MessageReader;
  /** BackendKeyData: process id and secret. */
  readonly key: Buffer;
  /** The settings that the server reports. */
  readonly settings: ReadonlyMap<string, string>;
}

/**
 * Startup and SCRAM-SHA-256 on a fresh connection. The server must prove that it knows the password too: one that lets anybody in, or asks
 * for the password itself, is refused. `onReady` is called in the turn of ReadyForQuery, and must set the transport's and the reader's next owner.
 * Rejects with a WireError, or with the signal's reason; then the connection is ended.
 */
export function logIn<T>(
  transport: Transport,
  options: BackendOptions,
  maxRowBytes: number,
  signal: AbortSignal,
  onReady: (result: LoggedIn) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: WireError): void => {
      settle();
      login.reader.stop();
      transport.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(abortReason(signal));
    const login = new Login(transport, options, maxRowBytes, fail, (result) => {
      settle();
      resolve(onReady(result));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    try {
      login.start(options);
    } catch (error) {
      fail(asWireError(error));
    }
  });
}

class Login implements Receiver, MessageHandler {
  readonly reader: MessageReader;
  readonly #transport: Transport;
  readonly #scram: ScramLogin;
  readonly #fail: (error: WireError) => void;
  readonly #done: (result: LoggedIn) => void;
  readonly #settings = new Map<string, string>();
  #step: 'startup' | 'challenged' | 'answered' | 'verified' | 'authenticated' = 'startup';
  #key: Buffer | undefined;
  /** Why the server ends the connection. It is reported when it has, so that its slot is free by then. */
  #refusal: WireError | undefined;

  constructor(
    transport: Transport,
    { password, scramMemory, connectTimeoutMs }: BackendOptions,
    maxRowBytes: number,
    fail: (error: WireError) => void,
    done: (result: LoggedIn) => void,
  ) {
    this.reader = new MessageReader(this, maxRowBytes);
    this.#transport = transport;
    // Less than the login has: a password that is not answered for is not to be taken for a server that does not answer.
    this.#scram = createScramLogin(password, undefined, undefined, scramMemory, connectTimeoutMs / 2);
    this.#fail = fail;
    this.#done = done;
    transport.receiver = this;
  }

  start(options: BackendOptions): void {
    const out = new WriteBuffer();
    const { user, database, applicationName, settings } = options;
    writeStartup(out, {
      ...SESSION_SETTINGS,
      ...settings,
      user,
      database,
      application_name: applicationName,
      client_encoding: 'UTF8',
    });
    this.#send(out);
  }

  receive(buffer: Buffer, start: number, end: number): void {
    try {
      this.reader.read(buffer, start, end);
    } catch (error) {
      this.#fail(asWireError(error));
    }
  }

  ended(error: Error | undefined): void {
    this.#fail(
      this.#refusal ?? new WireError('connect_failed', 'the server ended the connection during the login', { cause: error }),
    );
  }

  oversized(): void {
    throw violation('the server sent a message too large for a login');
  }

  message(type: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case MessageType.authentication:
        return this.#authentication(buffer, start, end);
      case MessageType.errorResponse: {
        const { message, fields } = readErrorResponse(buffer, start, end);
        const code = WRONG_LOGIN.has(fields.sqlstate) ? 'login_failed' : 'connect_failed';
        this.#refusal ??= new WireError(code, message, { postgres: fields });
        return undefined;
      }
      case MessageType.noticeResponse:
      case MessageType.negotiateProtocolVersion:
        return undefined;
      default:
    }
    if (this.#step !== 'authenticated') throw violation('the server went on before the login was done');
    switch (type) {
      case MessageType.parameterStatus: {
        const { name, value } = readParameterStatus(buffer, start, end);
        this.#settings.set(name, value);
        return undefined;
      }
      case MessageType.backendKeyData:
        this.#key = Buffer.from(buffer.subarray(start, end));
        return undefined;
      case MessageType.readyForQuery:
        if (this.#key === undefined || this.#key.length < 8) throw violation('the server gave no key for cancelling');
        return this.#done({ reader: this.reader, key: this.#key, settings: this.#settings });
      default:
        throw violation(`the server sent an unexpected message (${type}) during the login`);
    }
  }

  #authentication(buffer: Buffer, start: number, end: number): void {
    const request = buffer.readInt32BE(start);
    const body = buffer.toString('utf8', start + 4, end);
    if (request === Authentication.sasl && this.#step === 'startup') {
      if (!body.split('\0').includes(SCRAM_MECHANISM))
        throw unsupported(`the server offers ${body.replaceAll('\0', ' ').trim()} only`);
      this.#step = 'challenged';
      const out = new WriteBuffer();
      writeSaslInitialResponse(out, SCRAM_MECHANISM, this.#scram.firstMessage);
      this.#send(out);
    } else if (request === Authentication.saslContinue && this.#step === 'challenged') {
      this.#step = 'answered';
      void this.#answer(body);
    } else if (request === Authentication.saslFinal && this.#step === 'answered') {
      this.#scram.verify(body);
      this.#step = 'verified';
    } else if (request === Authentication.ok && this.#step === 'verified') {
      this.#step = 'authenticated';
    } else if (this.#step === 'startup') {
      throw unsupported(
        request === Authentication.ok ? 'the server asks for no password' : `the server asks for authentication ${request}`,
      );
    } else {
      throw violation(`the server sent authentication request ${request} out of turn`);
    }
  }

  async #answer(challenge: string): Promise<void> {
    try {
      const response = await this.#scram.answer(challenge);
      const out = new WriteBuffer();
      writeSaslResponse(out, response);
      this.#send(out);
    } catch (error) {
      this.#fail(asWireError(error));
    }
  }

  #send(out: WriteBuffer): void {
    this.#transport.write(out.bytes.subarray(0, out.length));
  }
}

const violation = (message: string, cause?: unknown): WireError => new WireError('protocol_violation', message, { cause });

const asWireError = (error: unknown): WireError =>
  isWireError(error) ? error : violation('a message of the server cannot be read', error);

const unsupported = (found: string): WireError =>
  new WireError('auth_unsupported', `${found}; only ${SCRAM_MECHANISM} is spoken, which proves the password without showing it`);
