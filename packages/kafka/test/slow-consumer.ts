// A consumer to be killed: handles so many messages, prints the offset of each when it is done, and then hangs in the next one.
import { parseArgs } from 'node:util';
import { ack, connectKafka, createConsumer, createMessageCodec } from '../src/index.ts';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '' },
    username: { type: 'string', default: '' },
    password: { type: 'string', default: '' },
    registry: { type: 'string', default: '' },
    topic: { type: 'string', default: '' },
    group: { type: 'string', default: '' },
    handle: { type: 'string', default: '0' },
  },
});

const quiet = () => undefined;
const client = connectKafka({
  brokers: values.brokers.split(','),
  clientId: 'slow-consumer',
  username: values.username,
  password: values.password,
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
});
const codec = await createMessageCodec({
  schemaRegistryUrl: values.registry,
  messages: [{ topic: values.topic, type: 'TenantSuspendedEvent' }],
});
let left = Number(values.handle);
const consumer = createConsumer(client, codec, {
  groupId: values.group,
  topics: [values.topic],
  onStopped: quiet,
  async handle(message) {
    if (left === 0) {
      process.stdout.write('hangs\n');
      await new Promise(quiet);
    }
    left -= 1;
    process.stdout.write(`done ${message.partition} ${message.offset}\n`);
    return ack();
  },
});
await consumer.start();
