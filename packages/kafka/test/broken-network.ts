import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

const NOBODY = { host: '127.0.0.1', port: 1 };

/** Sockets that can be broken in two ways: frozen (nothing arrives, nothing is closed) or cut (closed, and new ones are refused). */
export const breakableNetwork = () => {
  const sockets = new Set<Socket>();
  let state: 'well' | 'frozen' | 'cut' = 'well';
  const freeze = (socket: Socket): void => {
    socket.pause();
    socket.write = () => true;
  };
  const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect(state === 'cut' ? NOBODY : { host, port }, onConnect);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (state === 'frozen') freeze(socket);
    return socket;
  };
  const closeAll = (): void => {
    for (const socket of sockets) socket.destroy(new Error('cut'));
  };
  return {
    socketFactory,
    freeze() {
      state = 'frozen';
      for (const socket of sockets) freeze(socket);
    },
    cut() {
      state = 'cut';
      closeAll();
    },
    /** New connections work; frozen ones stay as they are. */
    mend() {
      state = 'well';
    },
    closeAll,
  };
};
