import type { RequestHead } from './request-head.ts';

export interface HotRequest {
  readonly head: RequestHead;
  /** Valid until the request is answered. */
  readonly body: Buffer;
}

/** The one answer to a request. */
export interface HotReply {
  /**
   * Sends the answer. `head` is the status line and the headers, each with its line end, without those that frame the message. What
   * `body` holds may be overwritten afterwards. `sent` is called once, when the caller has taken it or never will.
   */
  send(head: string, body: Uint8Array, sent?: () => void): void;
  /**
   * Told when the caller is gone before the answer. An object and not a function: a function that is assigned to a property is made among
   * the old objects by V8, so that everything it refers to, here the whole request, outlives its answer until a full collection.
   */
  asker: Asker | undefined;
}

export interface Asker {
  /** The caller is gone, and there is nobody to answer. */
  gone(): void;
}

/** Answers false for a request that the full server is to answer; then it does not touch `reply`. */
export type HotHandler = (request: HotRequest, reply: HotReply) => boolean;

/** Why the body of a request is not read: writes the answer, with which the connection ends. */
export type Refusal = (reply: HotReply) => void;

/**
 * Asked of a request whose head is there and whose body is not: whether its caller may send it. True when that is known at once; until a promise
 * is kept nothing more is read.
 */
export type HeadCheck = (head: RequestHead) => true | Promise<Refusal | undefined>;
