import type { Socket } from 'node:net';
import type { Channel, OnAnswer, Request } from './channel.ts';
import type { ClientLogin, Target } from './messages.ts';
import { createScramClient } from './scram.ts';
import { connectRaw } from './socket.ts';
import { endsInReady, errorText, parse, readMessages, saslInitial, saslResponse, startup, sync } from './wire-messages.ts';

const ERROR = 0x45;

/** `application_name` of all sessions. */
export const CLIENT_NAME = 'bench';

/** The name under which a connection keeps the statement at `index` of the workload's texts. */
export const statementName = (index: number): string => `s${index}`;

/**
 * Logs in as the tenant and prepares the texts, where that is asked for; then the connection is used for one request after the other.
 * Rejects with what the server said.
 */
export async function openWireChannel(
  target: Target,
  login: ClientLogin,
  texts: readonly string[],
  onAnswer: OnAnswer,
): Promise<Channel> {
  let onBytes: (bytes: Buffer) => void = () => {};
  const socket = await connectRaw(target, (bytes) => {
    onBytes(bytes);
  });
  await loggedIn(socket, login, target.prepared ? texts : [], (read) => {
    onBytes = read;
  });

  let open = true;
  let atStart = true;
  let error: string | undefined;
  /** The end of what has come, where it was not the end of the answer. */
  let carry: Buffer | undefined;
  let parts: Buffer[] = [];
  const channel: Channel = {
    pool: 0,
    get open() {
      return open;
    },
    request: undefined,
    since: 0,
    sampled: false,
    send: (request: Request) => void socket.write(request.bytes),
    close: () => socket.destroy(),
  };

  onBytes = (bytes) => {
    const { request } = channel;
    if (request === undefined) return;
    if (atStart) error = bytes[0] === ERROR ? errorText(bytes.subarray(5)) : undefined;
    atStart = false;
    if (channel.sampled) parts.push(Buffer.from(bytes));
    const { tail } = request;
    const last = carry === undefined ? bytes : Buffer.concat([carry, bytes.subarray(-tail.length)]);
    if (!endsInReady(last)) {
      carry = Buffer.from(last.subarray(-tail.length));
      return;
    }
    const good = last.length >= tail.length && last.compare(tail, 0, tail.length, last.length - tail.length) === 0;
    const answer = parts.length === 0 ? undefined : Buffer.concat(parts);
    carry = undefined;
    atStart = true;
    parts = [];
    onAnswer(channel, good ? undefined : (error ?? 'not the answer that was expected'), good ? answer : undefined);
  };
  socket.on('close', () => {
    open = false;
    if (channel.request !== undefined) onAnswer(channel, 'connection lost', undefined);
  });
  return channel;
}

/** Resolves at the ReadyForQuery after the last of what is sent here. */
function loggedIn(
  socket: Socket,
  login: ClientLogin,
  texts: readonly string[],
  listen: (read: (bytes: Buffer) => void) => void,
): Promise<void> {
  const { user, password, database } = login;
  const scram = createScramClient(password);
  let preparing = false;
  let rest = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const handle = (type: string, body: Buffer): void => {
      if (type === 'E') reject(new Error(`${user}: ${errorText(body)}`));
      else if (type === 'R') authenticate(socket, body, scram);
      else if (type === 'Z' && (preparing || texts.length === 0)) resolve();
      else if (type === 'Z') {
        preparing = true;
        socket.write(Buffer.concat([...texts.map((sql, index) => parse(statementName(index), sql)), sync]));
      }
    };
    listen((bytes) => {
      const read = readMessages(Buffer.concat([rest, bytes]));
      // The bytes are gone after this call.
      rest = Buffer.from(read.rest);
      for (const { type, body } of read.messages) handle(type, body);
    });
    socket.once('close', () => reject(new Error(`The connection of ${user} was closed during its login.`)));
    socket.write(startup({ user, database, client_encoding: 'UTF8', application_name: CLIENT_NAME }));
  });
}

const SASL = 10;
const SASL_CONTINUE = 11;

function authenticate(socket: Socket, body: Buffer, scram: ReturnType<typeof createScramClient>): void {
  const kind = body.readInt32BE(0);
  if (kind === SASL) socket.write(saslInitial('SCRAM-SHA-256', scram.first));
  else if (kind === SASL_CONTINUE) socket.write(saslResponse(scram.final(body.toString('utf8', 4))));
}
