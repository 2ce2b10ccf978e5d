/**
 * The first step of every root script. Plain JavaScript that runs on Node 18 and later: it brings Node 24, pnpm and the
 * workspace's packages when they are missing, then runs the asked command under Node 24. Everything it fetches goes into
 * `.tools/` and `node_modules/`, both ignored by git; nothing outside the checkout is changed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commands } from './commands.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const tools = join(root, '.tools');
const toolsBin = join(tools, 'node_modules', '.bin');
const NODE_VERSION = '24.21.0';
const PNPM_VERSION = '12.21.0';

class SetupError extends Error {}

async function main() {
  const [name, ...args] = process.argv.slice(2);
  if (!name || !(name in commands)) {
    throw new SetupError(`Unknown command ${JSON.stringify(name ?? '')}. Known: ${Object.keys(commands).join(', ')}.`);
  }
  if (Number(process.versions.node.split('.')[0]) < 18) {
    throw new SetupError(`Node.js ${process.version} is too old: install version 18 or later (the rest is fetched by itself).`);
  }
  await underLock(() => {
    installTools();
    installWorkspace();
  });
  process.exit(await run(commands[name], args));
}

/** Node 24 and pnpm from npm, into `.tools`. A running Node that is new enough is used as it is. */
function installTools() {
  const wanted = { pnpm: PNPM_VERSION, ...(isNode24(process.version) ? {} : { node: NODE_VERSION }) };
  const missing = Object.entries(wanted).filter(([tool, version]) => installedVersion(tool) !== version);
  if (missing.length === 0) return;
  const packages = missing.map(([tool, version]) => `${tool}@${version}`);
  step(`fetching ${packages.join(', ')}`, () => {
    mkdirSync(tools, { recursive: true });
    const packageJson = join(tools, 'package.json');
    if (!existsSync(packageJson)) writeFileSync(packageJson, '{"private":true}\n');
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    command(npm, ['install', '--prefix', tools, '--no-audit', '--no-fund', '--save-exact', '--loglevel=error', ...packages], {
      remedy: `npm could not install ${packages.join(', ')}: check the network and the npm registry, then run the command again.`,
    });
  });
}

/** The packages of the workspace, exactly as locked. Skipped while neither the lockfile nor a manifest has changed. */
function installWorkspace() {
  const stamp = join(root, 'node_modules', '.ultracore-installed');
  const wanted = manifestDigest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  step('installing the workspace (frozen lockfile)', () => {
    command(join(toolsBin, 'pnpm'), ['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'], {
      remedy:
        'pnpm could not install the workspace. If package.json and pnpm-lock.yaml disagree, run `.tools/node_modules/.bin/pnpm install` and commit the lockfile.',
    });
    writeFileSync(stamp, wanted);
  });
}

function manifestDigest() {
  const hash = createHash('sha256').update(process.version);
  const files = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml'];
  for (const folder of ['apps', 'packages', 'infra', 'examples']) {
    if (!existsSync(join(root, folder))) continue;
    for (const entry of readdirSync(join(root, folder)).sort()) files.push(join(folder, entry, 'package.json'));
  }
  if (existsSync(join(root, 'patches')))
    for (const entry of readdirSync(join(root, 'patches')).sort()) files.push(join('patches', entry));
  for (const file of files) if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** Runs the command's steps one after the other; stops at the first that fails and answers with its exit code. */
async function run(steps, args) {
  for (const [index, argv] of steps.entries()) {
    const last = index === steps.length - 1;
    const [program, ...rest] = argv;
    const code = await child(program, last ? [...rest, ...args] : rest);
    if (code !== 0) return code;
  }
  return 0;
}

function child(program, args) {
  return new Promise((done, failed) => {
    const node = existsSync(join(toolsBin, 'node')) && !isNode24(process.version) ? join(toolsBin, 'node') : process.execPath;
    const running = spawn(program === 'node' ? node : program, args, { cwd: root, stdio: 'inherit', env: environment() });
    // A terminal sends Ctrl-C to the whole group; a supervisor signals only us. Either way the command decides when it has ended.
    const forward = (signal) => running.kill(signal);
    const ignore = () => {};
    process.on('SIGTERM', forward);
    process.on('SIGHUP', forward);
    process.on('SIGINT', process.stdin.isTTY ? ignore : forward);
    running.on('error', failed);
    running.on('exit', (code, signal) => {
      for (const name of ['SIGTERM', 'SIGHUP']) process.off(name, forward);
      done(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1));
    });
  });
}

function environment() {
  const path = [join(root, 'node_modules', '.bin'), toolsBin, process.env.PATH].filter(Boolean).join(delimiter);
  return { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
}

/** Two commands started at once must not install at once. The lock names its holder, so one left by a killed run is taken over. */
async function underLock(work) {
  const lock = join(tools, 'install.lock');
  mkdirSync(tools, { recursive: true });
  for (let waited = false; ;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code === 'ENOSPC')
        throw new SetupError(`No space left on the disk of ${root}: free some (about 2 GB are needed) and run again.`);
      if (error.code !== 'EEXIST') throw error;
    }
    if (!holderIsAlive(lock)) rmSync(lock, { force: true });
    else if (!waited) {
      waited = true;
      console.error('waiting for another command of this checkout to finish installing …');
    }
    await new Promise((wake) => setTimeout(wake, 200));
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function holderIsAlive(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // An empty file is a lock whose holder has not yet written its pid: believe it for ten seconds.
    if (!pid) return Date.now() - statSync(lock).mtimeMs < 10_000;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isNode24(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 11);
}

function installedVersion(tool) {
  try {
    return JSON.parse(readFileSync(join(tools, 'node_modules', tool, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

function step(title, work) {
  const started = Date.now();
  process.stderr.write(`• ${title} …\n`);
  work();
  process.stderr.write(`✔ ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
}

function command(program, args, { remedy }) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: environment() });
  if (error?.code === 'ENOENT')
    throw new SetupError(`${program} was not found on the PATH: install Node.js 18 or later with npm.`);
  if (error || status !== 0) throw new SetupError(remedy);
}

main().catch((error) => {
  const denied = error.code === 'EACCES' || error.code === 'EROFS' || error.code === 'EPERM';
  const remedy = denied && `${error.path ?? root} is not writable: fix its permissions, or use a checkout of your own.`;
  console.error(error instanceof SetupError ? error.message : remedy || error);
  process.exit(1);
});
