import pc from 'picocolors';

/** What a step shows: a name in the first column, a result in the second, the time it took in the third. */
export interface Terminal {
  /** One finished line a step; while it runs, a terminal shows one live line with all that is under way. */
  step<T>(name: string, work: (note: (text: string) => void) => Promise<T>, result?: (value: T) => string): Promise<T>;
  /** One line that says that something long begins; on a terminal the live line says it already. */
  begin(name: string, text: string): void;
  line(text?: string): void;
  warn(name: string, text: string): void;
  good(name: string, text: string): void;
  fail(text: string): void;
}

const NAME_WIDTH = 21;
const RESULT_WIDTH = 48;

/** Milliseconds as a person reads them: `340 ms`, `4.2 s`, `2 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

export function createTerminal(out: NodeJS.WriteStream = process.stdout, err: NodeJS.WriteStream = process.stderr): Terminal {
  const running = new Map<string, { since: number; note: string }>();
  const live = out.isTTY && out.columns > 20;
  let ticker: NodeJS.Timeout | undefined;

  const clearLive = () => {
    if (live) out.write('\r\u001b[K');
  };
  const drawLive = () => {
    if (!live || running.size === 0) return;
    const oldest = Math.min(...[...running.values()].map((step) => step.since));
    const names = [...running].map(([name, step]) => (step.note === '' ? name : `${name} (${step.note})`)).join(', ');
    const since = Date.now() - oldest;
    const text = `  … ${names}${since < 1000 ? '' : ` · ${Math.floor(since / 1000)} s`}`;
    out.write(`\r\u001b[K${pc.dim(text.slice(0, out.columns - 1))}`);
  };
  const print = (stream: NodeJS.WriteStream, text: string) => {
    clearLive();
    stream.write(`${text}\n`);
    drawLive();
  };

  return {
    async step(name, work, result) {
      const step = { since: Date.now(), note: '' };
      running.set(name, step);
      drawLive();
      if (live) ticker ??= setInterval(drawLive, 250).unref();
      const end = () => {
        running.delete(name);
        if (running.size === 0) {
          clearInterval(ticker);
          ticker = undefined;
        }
      };
      try {
        const value = await work((note) => {
          step.note = note;
          drawLive();
        });
        end();
        const text = result?.(value) ?? 'done';
        print(
          out,
          `${pc.green('✔')} ${name.padEnd(NAME_WIDTH)}${text.padEnd(RESULT_WIDTH)} ${pc.dim(duration(Date.now() - step.since).padStart(9))}`,
        );
        return value;
      } catch (error) {
        end();
        print(
          out,
          `${pc.red('✘')} ${name.padEnd(NAME_WIDTH)}${'failed'.padEnd(RESULT_WIDTH)} ${pc.dim(duration(Date.now() - step.since).padStart(9))}`,
        );
        throw error;
      }
    },
    begin(name, text) {
      if (!live) out.write(`• ${name.padEnd(NAME_WIDTH)}${text}\n`);
    },
    line(text = '') {
      print(out, text);
    },
    warn(name, text) {
      print(out, `${pc.yellow('!')} ${name.padEnd(NAME_WIDTH)}${text}`);
    },
    good(name, text) {
      print(out, `${pc.green('✔')} ${name.padEnd(NAME_WIDTH)}${text}`);
    },
    fail(text) {
      print(err, `${pc.red('✘')} ${text}`);
    },
  };
}
