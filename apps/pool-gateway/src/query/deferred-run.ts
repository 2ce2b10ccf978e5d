import type { ProblemError } from '@ultracore/service';
import type { Run } from './call.ts';

/** A call that begins later, unless it is ended before. */
export class DeferredRun implements Run {
  #run: Run | undefined;
  #aborted: ProblemError | undefined;

  /** Begins it with what `go` answers, and passes on to it that it was ended meanwhile. */
  begin(go: () => Run): void {
    this.#run = go();
    if (this.#aborted !== undefined) this.#run.abort(this.#aborted);
  }

  abort(problem: ProblemError): void {
    this.#aborted ??= problem;
    this.#run?.abort(problem);
  }

  resume(): void {
    this.#run?.resume();
  }
}
