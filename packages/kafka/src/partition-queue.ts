import type { KafkaMessage } from 'kafkajs';

/** A fetched record, and the offset to commit once it and everything before it are done. */
export interface QueuedRecord {
  readonly message: KafkaMessage;
  readonly offset: number;
  readonly nextOffset: number;
}

const MOST_RECORDS = 1000;
const MOST_BYTES = 4_194_304;
const RESUME_SHARE = 0.5;

const sizeOf = ({ value, key }: KafkaMessage): number => (value?.length ?? 0) + (key?.length ?? 0);

/**
 * What one partition has fetched and not yet done, strictly in order, and the offset up to which everything is done. Pure: no
 * Kafka in it.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  #records: QueuedRecord[] = [];
  #head = 0;
  #bytes = 0;
  #next: number | undefined;
  #done: number | undefined;
  #committed: number | undefined;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /**
   * Takes a batch that ends at `lastOffset`, a control record perhaps. What it has already is left out: after a rebalance Kafka
   * delivers from the last commit again. A batch from before the last commit means that the topic was made anew: all starts over.
   */
  add(messages: readonly KafkaMessage[], lastOffset: number): void {
    const first = messages[0];
    if (first === undefined) return;
    if (this.#committed !== undefined && Number(first.offset) < this.#committed) this.#startOver();
    const next = this.#next;
    messages.forEach((message, index) => {
      const offset = Number(message.offset);
      if (next !== undefined && offset < next) return;
      const nextOffset = index === messages.length - 1 ? Math.max(lastOffset, offset) + 1 : offset + 1;
      this.#records.push({ message, offset, nextOffset });
      this.#bytes += sizeOf(message);
      this.#next = nextOffset;
    });
  }

  /** The record whose turn it is. */
  peek(): QueuedRecord | undefined {
    return this.#records[this.#head];
  }

  /** The record whose turn it was is done. Of a queue that has started over meanwhile it is none. */
  complete(record: QueuedRecord): void {
    if (record !== this.peek()) return;
    this.#done = record.nextOffset;
    this.#bytes -= sizeOf(record.message);
    this.#head += 1;
    if (this.#head >= MOST_RECORDS) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The offset to commit; undefined when there is nothing that was not committed. */
  committable(): number | undefined {
    return this.#done === this.#committed ? undefined : this.#done;
  }

  committed(offset: number): void {
    this.#committed = offset;
  }

  get length(): number {
    return this.#records.length - this.#head;
  }

  isFull(): boolean {
    return this.length >= MOST_RECORDS || this.#bytes >= MOST_BYTES;
  }

  hasRoom(): boolean {
    return this.length <= MOST_RECORDS * RESUME_SHARE && this.#bytes <= MOST_BYTES * RESUME_SHARE;
  }

  #startOver(): void {
    this.#records = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#next = undefined;
    this.#done = undefined;
    this.#committed = undefined;
  }
}
