import type { Backend } from '../src/wire/backend.ts';
import { MessageReader } from '../src/wire/message-reader.ts';
import { Session } from '../src/wire/session.ts';
import type { Receiver, Transport } from '../src/wire/transport.ts';
import { type Outcome, start } from './wire-outcome.ts';
import { server } from './wire-server-messages.ts';

export const MAX_ROW = 1_000;

/** A session whose server is the test: what it sends is kept, what it is sent comes in the pieces that the test wants. */
export function openSession(maxStatements = 2): {
  session: Session;
  receive: (bytes: Buffer) => void;
  sent: () => string;
  destroyed: () => boolean;
  serverEnds: () => void;
} {
  const written: Buffer[] = [];
  let destroyed = false;
  const nobody: Receiver = { receive: () => {}, ended: () => {} };
  const transport: Transport = {
    receiver: nobody,
    write: (bytes) => written.push(Buffer.from(bytes)) > 0,
    pause: () => {},
    resume: () => {},
    end: (bytes) => void written.push(Buffer.from(bytes)),
    destroy: () => {
      destroyed = true;
    },
  };
  const reader = new MessageReader({ message: () => {}, oversized: () => {} }, MAX_ROW);
  const login = { reader, key: Buffer.from([0, 0, 0, 9, 1, 2, 3, 4]), settings: new Map([['TimeZone', 'UTC']]) };
  const session = new Session(transport, login, { user: 'uc_acme', maxStatements, sendCancel: () => Promise.resolve() });
  return {
    session,
    receive: (bytes) => {
      // A buffer of its own that is overwritten afterwards: nothing may be kept of it.
      const chunk = Buffer.from(bytes);
      transport.receiver.receive(chunk, 0, chunk.length);
      chunk.fill(0xee);
    },
    sent: () => {
      session.flush();
      return typesOf(Buffer.concat(written.splice(0)));
    },
    destroyed: () => destroyed,
    serverEnds: () => transport.receiver.ended(undefined),
  };
}

/** The types of the messages that a client sent, in order. */
function typesOf(bytes: Buffer): string {
  let types = '';
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) types += String.fromCharCode(bytes[at] ?? 0);
  return types;
}

export const submit = (backend: Backend, text: string): Outcome => start(backend, { text, params: [] }).outcome;
export const firstRun = (columns: Buffer, ...rest: Buffer[]): Buffer =>
  Buffer.concat([server.parsed(), server.parameters(), columns, server.bound(), ...rest]);
