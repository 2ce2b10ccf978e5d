import { isatty } from 'node:tty';
import { createColors } from 'picocolors';

/** Colours for what goes to the terminal; none where the output goes elsewhere, in CI too, or NO_COLOR is set. */
export const colours = createColors(isatty(process.stdout.fd) && !process.env['NO_COLOR']);

/** What a step shows: a name in the first column, a result in the second, the time it took in the third. */
export interface Terminal {
  /** One finished line a step; while it runs, a terminal shows one live line with all that is under way. */
  step<T>(name: string, work: () => Promise<T>, result?: (value: T) => string): Promise<T>;
  /** One line that says that something long begins; on a terminal the live line says it already. */
  begin(name: string, text: string): void;
  line(text?: string): void;
  warn(name: string, text: string): void;
  good(name: string, text: string): void;
  fail(text: string): void;
}

const NAME_WIDTH = 21;
const RESULT_WIDTH = 52;
const TIME_WIDTH = 9;
const TICK_MS = 250;

/** Milliseconds as a person reads them: `340 ms`, `4.2 s`, `2 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

export function createTerminal(out: NodeJS.WriteStream = process.stdout, err: NodeJS.WriteStream = process.stderr): Terminal {
  const running = new Map<string, number>();
  const live = out.isTTY && out.columns > 20;
  let ticker: NodeJS.Timeout | undefined;
  // Whoever reads us may leave before we end, as in `npm start | head`: that is no reason to break off.
  for (const stream of [out, err]) stream.on('error', () => {});

  const drawLive = () => {
    if (!live || running.size === 0) return;
    const since = Date.now() - Math.min(...running.values());
    const text = `  … ${[...running.keys()].join(', ')}${since < 1000 ? '' : ` · ${Math.floor(since / 1000)} s`}`;
    out.write(`\r\u001b[K${colours.dim(text.slice(0, out.columns - 1))}`);
  };
  const print = (stream: NodeJS.WriteStream, text: string) => {
    if (live) out.write('\r\u001b[K');
    stream.write(`${text}\n`);
    drawLive();
  };
  const row = (mark: string, name: string, text: string) => `${mark} ${name.padEnd(NAME_WIDTH)}${text}`;
  const finish = (name: string, mark: string, text: string) => {
    const time = duration(Date.now() - (running.get(name) ?? Date.now())).padStart(TIME_WIDTH);
    running.delete(name);
    if (running.size === 0) {
      clearInterval(ticker);
      ticker = undefined;
    }
    print(out, row(mark, name, `${text.padEnd(RESULT_WIDTH)} ${colours.dim(time)}`));
  };

  return {
    async step(name, work, result) {
      running.set(name, Date.now());
      drawLive();
      if (live) ticker ??= setInterval(drawLive, TICK_MS).unref();
      try {
        const value = await work();
        finish(name, colours.green('✔'), result?.(value) ?? 'done');
        return value;
      } catch (error) {
        finish(name, colours.red('✘'), 'failed');
        throw error;
      }
    },
    begin(name, text) {
      if (!live) print(out, row('•', name, text));
    },
    line(text = '') {
      print(out, text);
    },
    warn(name, text) {
      print(out, row(colours.yellow('!'), name, text));
    },
    good(name, text) {
      print(out, row(colours.green('✔'), name, text));
    },
    fail(text) {
      print(err, `${colours.red('✘')} ${text}`);
    },
  };
}
