import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainFileError, LauncherError, systemCode } from './errors.ts';
import { isInstalled, runProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

const KAFKA_VERSION = '4.3.1';
export const APICURIO_VERSION = '3.0.9';
const LOG4J_VERSION = '2.25.3';
/** 3.x of the plugin cannot resolve the registry's archive: one of its parent POMs is not published. */
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:2.10';

/** Answers with the major version of the Java on the PATH (or of JAVA_HOME); throws `java_missing` when there is none from 17 on. */
export async function requireJava(java: string): Promise<number> {
  const remedy =
    'install a JDK or JRE of version 17 or later (Debian: apt-get install openjdk-17-jre-headless) and set JAVA_HOME or the PATH';
  const { code, output } = await runProgram(java, ['-version']);
  if (code === undefined) {
    throw new LauncherError(
      'java_missing',
      `Java was not found, which Kafka and the schema registry need: ${remedy}, or install Docker.`,
    );
  }
  const major = Number(/version "(?:1\.)?(\d+)/.exec(output)?.[1] ?? 0);
  if (code !== 0 || major < 17) {
    throw new LauncherError(
      'java_missing',
      `Java ${major || 'of unknown version'} is too old for Kafka ${KAFKA_VERSION}: ${remedy}.`,
    );
  }
  return major;
}

/** Throws `maven_missing` when there is no Maven. */
export async function requireMaven(): Promise<void> {
  if (await isInstalled('mvn', ['-v'])) return;
  throw new LauncherError(
    'maven_missing',
    'Maven was not found, which fetches Kafka and the schema registry: install it (Debian: apt-get install maven), or install Docker, or name your own servers with KAFKA_BROKERS and SCHEMA_REGISTRY_URL.',
  );
}

export function kafkaFolder(cache: string): string {
  return join(cache, `kafka-${KAFKA_VERSION}`);
}

export function schemaRegistryFolder(cache: string): string {
  return join(cache, `apicurio-${APICURIO_VERSION}`);
}

/** Fills the folder of Kafka's jars by Maven, unless the cache has it. */
export async function fetchKafka(cache: string, terminal: Terminal): Promise<void> {
  await once(
    kafkaFolder(cache),
    terminal,
    'kafka jars',
    `Apache Kafka ${KAFKA_VERSION}, 44 MB, by Maven`,
    async (target, work) => {
      const dependencies = [
        ['org.apache.kafka', 'kafka_2.13', KAFKA_VERSION],
        ['org.apache.logging.log4j', 'log4j-slf4j-impl', LOG4J_VERSION],
        ['org.apache.logging.log4j', 'log4j-core', LOG4J_VERSION],
        ['org.apache.logging.log4j', 'log4j-1.2-api', LOG4J_VERSION],
      ];
      writeFileSync(join(work, 'pom.xml'), pom('kafka', dependencies));
      await maven(
        work,
        [`${DEPENDENCY_PLUGIN}:copy-dependencies`, `-DoutputDirectory=${target}`, '-DincludeScope=runtime'],
        'Kafka',
      );
    },
  );
}

/** Fills the folder with the schema registry's runner jar and its libraries by Maven, unless the cache has it. */
export async function fetchSchemaRegistry(cache: string, terminal: Terminal): Promise<void> {
  await once(
    schemaRegistryFolder(cache),
    terminal,
    'registry jars',
    `Apicurio Registry ${APICURIO_VERSION}, 109 MB, by Maven`,
    async (target, work) => {
      writeFileSync(join(work, 'pom.xml'), pom('schema-registry', []));
      const artifact = `io.apicurio:apicurio-registry-app:${APICURIO_VERSION}:tar.gz:all`;
      await maven(
        work,
        [`${DEPENDENCY_PLUGIN}:copy`, `-Dartifact=${artifact}`, `-DoutputDirectory=${work}`],
        'the schema registry',
      );
      const archive = join(work, `apicurio-registry-app-${APICURIO_VERSION}-all.tar.gz`);
      const { code, output } = await runProgram('tar', ['-xzf', archive, '-C', target]);
      if (code !== 0)
        throw new LauncherError(
          'fetch_failed',
          `The schema registry's archive could not be unpacked with tar: ${lastLine(output)}`,
        );
    },
  );
}

/** Fills the folder through a neighbour that is renamed when complete: a folder that is there is whole, whoever else was fetching. */
async function once(
  folder: string,
  terminal: Terminal,
  name: string,
  title: string,
  fill: (target: string, work: string) => Promise<void>,
): Promise<void> {
  if (existsSync(folder)) return;
  const target = `${folder}.partial-${process.pid}`;
  const work = `${folder}.work-${process.pid}`;
  terminal.begin(name, `fetching ${title} …`);
  try {
    for (const path of [target, work]) mkdirSync(path, { recursive: true });
    await terminal.step(
      name,
      () => fill(target, work),
      () => `fetched: ${title}`,
    );
    renameSync(target, folder);
  } catch (error) {
    // Another command of this checkout may have completed it first.
    if (['EEXIST', 'ENOTEMPTY'].includes(systemCode(error) ?? '') && existsSync(folder)) return;
    throw explainFileError(error, folder);
  } finally {
    for (const path of [target, work]) rmSync(path, { recursive: true, force: true });
  }
}

async function maven(cwd: string, args: string[], what: string): Promise<void> {
  const { code, output } = await runProgram('mvn', ['-B', '-q', ...args], cwd);
  if (code === 0) return;
  const cause = /No space left/.test(output)
    ? 'the disk is full: free about 1 GB and run again'
    : /Unknown host|UnknownHost|Connection refused|Connect(ion)? to .* (failed|timed out)|Network is unreachable|Could not transfer/.test(
          output,
        )
      ? 'the Maven repository cannot be reached: check the network (or the mirror in ~/.m2/settings.xml) and run again'
      : `Maven said: ${lastLine(output)}`;
  throw new LauncherError('fetch_failed', `Could not fetch ${what}; ${cause}.`);
}

function pom(name: string, dependencies: readonly (readonly string[])[]): string {
  const entries = dependencies.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>ultracore.local</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging><dependencies>${entries.join('')}</dependencies></project>\n`;
}

function lastLine(output: string): string {
  // oxlint-disable-next-line no-control-regex
  const plain = output.replace(/\u001b\[[0-9;]*m/g, '');
  const lines = plain.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => line.startsWith('[ERROR]')) ?? lines.at(-1) ?? 'nothing').trim();
}
