import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { LauncherError } from '../errors.ts';
import { logSince, type ManagedProcess, type StartContext, startProcess } from '../processes.ts';
import { untilReady } from './backend.ts';

const JVM = ['-Xms192m', '-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:MaxDirectMemorySize=128m'];
const STARTED = 'Kafka Server started';

export interface KafkaOptions {
  java: string;
  jars: string;
  dataDir: string;
  logDir: string;
  port: number;
  controllerPort: number;
  /** By principal; `admin` is the super user and the broker's own. */
  passwords: Readonly<Record<string, string>>;
}

/**
 * Starts a single-node Kafka in KRaft mode with SASL/SCRAM for clients and the ACL authorizer, formatting its storage on the
 * first run with one credential a principal. Ready = it has said so and answers on its client port.
 */
export async function startKafka(options: KafkaOptions, context: StartContext): Promise<ManagedProcess> {
  const home = join(options.dataDir, 'kafka');
  const logFile = join(options.logDir, 'kafka.log');
  const properties = join(home, 'server.properties');
  const log4j = join(home, 'log4j2.properties');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(properties, serverProperties(options, join(home, 'logs')), { mode: 0o600 });
  writeFileSync(log4j, LOG4J);
  const base = { command: options.java, env: { PATH: process.env['PATH'] }, cwd: home };
  const java = (jvm: string[], main: string[]) => [
    ...jvm,
    `-Dlog4j2.configurationFile=${log4j}`,
    '-cp',
    join(options.jars, '*'),
    ...main,
  ];

  const principalsFile = join(home, 'principals.json');
  if (!existsSync(principalsFile)) {
    rmSync(join(home, 'logs'), { recursive: true, force: true });
    const credentials = Object.entries(options.passwords).flatMap(([name, password]) => [
      '--add-scram',
      `SCRAM-SHA-256=[name=${name},password=${password}]`,
    ]);
    // Given with `=`, because an id may begin with `-`.
    const clusterId = randomBytes(16).toString('base64url');
    const format = [
      'kafka.tools.StorageTool',
      'format',
      '--standalone',
      `--cluster-id=${clusterId}`,
      '-c',
      properties,
      ...credentials,
    ];
    await runTool(await startProcess({ ...base, name: 'kafka', args: java(TOOL_JVM, format), logFile }, context));
    writeFileSync(principalsFile, JSON.stringify(Object.keys(options.passwords)));
  }

  const broker = await startProcess({ ...base, name: 'kafka', args: java(JVM, ['kafka.Kafka', properties]), logFile }, context);
  await untilReady(
    broker,
    async () => logSince(broker).includes(STARTED) && (await answers('127.0.0.1', options.port)),
    90_000,
    context.signal,
  );

  // A service that came after the storage was formatted has no credential yet.
  const known = z.array(z.string()).parse(JSON.parse(readFileSync(principalsFile, 'utf8')));
  const added = Object.entries(options.passwords).filter(([name]) => !known.includes(name));
  if (added.length > 0) {
    const client = join(home, 'admin.properties');
    writeFileSync(client, adminProperties(options.passwords['admin'] ?? ''), { mode: 0o600 });
    for (const [name, password] of added) {
      const tool = ['kafka.admin.ConfigCommand', '--bootstrap-server', `127.0.0.1:${options.port}`, '--command-config', client];
      const change = [
        '--alter',
        '--add-config',
        `SCRAM-SHA-256=[password=${password}]`,
        '--entity-type',
        'users',
        '--entity-name',
        name,
      ];
      await runTool(await startProcess({ ...base, name: 'kafka', args: java(TOOL_JVM, [...tool, ...change]), logFile }, context));
    }
    writeFileSync(principalsFile, JSON.stringify(Object.keys(options.passwords)));
  }
  return broker;
}

const TOOL_JVM = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

async function runTool(tool: ManagedProcess): Promise<void> {
  const { code } = await tool.exited;
  if (code === 0) return;
  const text = logSince(tool);
  const why = /No space left/.test(text)
    ? 'the disk is full: free about 1 GB'
    : (text
        .trim()
        .split('\n')
        .findLast((line) => !/^\s+at /.test(line)) ?? '');
  throw new LauncherError('backend_failed', `Kafka's storage could not be prepared: ${why} (${tool.logFile})`);
}

/** True when a Kafka broker answers ApiVersions at the address: the one request that is allowed before a login. */
export function answers(host: string, port: number, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const clientId = 'ultracore-probe';
    const request = Buffer.alloc(4 + 10 + clientId.length);
    request.writeInt32BE(request.length - 4, 0);
    request.writeInt16BE(18, 4);
    request.writeInt16BE(0, 6);
    request.writeInt32BE(1, 8);
    request.writeInt16BE(clientId.length, 12);
    request.write(clientId, 14);
    const socket = connect({ host, port });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('connect', () => socket.write(request));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 10) finish(received.readInt32BE(4) === 1 && received.readInt16BE(8) === 0);
    });
    socket.once('close', () => resolve(false));
  });
}

function serverProperties(options: KafkaOptions, logDir: string): string {
  const admin = options.passwords['admin'] ?? '';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const entries = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `SASL_PLAINTEXT://127.0.0.1:${options.port},CONTROLLER://127.0.0.1:${options.controllerPort}`,
    'advertised.listeners': `SASL_PLAINTEXT://127.0.0.1:${options.port}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${options.controllerPort}`,
    'listener.security.protocol.map': 'SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    'security.inter.broker.protocol': 'SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
    'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-256',
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': `${scram} required username="admin" password="${admin}";`,
    'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.controller.plain.sasl.jaas.config': `${plain} required username="admin" password="${admin}" user_admin="${admin}";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:admin',
    'allow.everyone.if.no.acl.found': 'false',
    'log.dirs': logDir,
    'offsets.topic.replication.factor': '1',
    // A group of ours has a handful of members: the default of 50 partitions only costs files and start-up time.
    'offsets.topic.num.partitions': '8',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '8',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // Tests that kill members of a group wait for less than the default of 6 s.
    'group.min.session.timeout.ms': '1000',
    'auto.create.topics.enable': 'false',
    'log.cleaner.dedupe.buffer.size': '16777216',
    // Preallocated index files of 10 MB a segment would make an empty topic of 12 partitions 240 MB on some file systems.
    'log.index.size.max.bytes': '1048576',
    'num.network.threads': '2',
    'num.io.threads': '4',
  };
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function adminProperties(password: string): string {
  return [
    'security.protocol=SASL_PLAINTEXT',
    'sasl.mechanism=SCRAM-SHA-256',
    `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="${password}";`,
    '',
  ].join('\n');
}

const LOG4J = `status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
# Its start-up prints every configuration value, secrets' names among them, four times over.
logger.config.name=org.apache.kafka.common.config
logger.config.level=warn
`;
