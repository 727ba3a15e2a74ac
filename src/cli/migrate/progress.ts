/** On a terminal one line that changes, several times a second; else a line now and then, for a log. */
const ON_TERMINAL_MS = 200;
const IN_LOG_MS = 5_000;
/** The clock is asked only so often. */
const LOOK_EVERY = 100;

/** How far a long piece of work is, on stderr. */
export class Progress {
  readonly #what: string;
  readonly #all: number | undefined;
  readonly #startedMs = performance.now();
  #toldMs = this.#startedMs;
  #done = 0;

  /** `all`: how many there will be, if that is known. */
  constructor(what: string, all?: number) {
    this.#what = what;
    this.#all = all;
    this.#write(`${what}${all === undefined ? '' : ` ${count(all)} events`} …`, true);
  }

  readonly at = (done: number): void => {
    const before = this.#done;
    this.#done = done;
    if (done - before < LOOK_EVERY && done % LOOK_EVERY !== 0) return;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < (process.stderr.isTTY ? ON_TERMINAL_MS : IN_LOG_MS)) return;
    this.#toldMs = nowMs;
    this.#write(this.#line(nowMs), false);
  };

  end(): void {
    this.#write(this.#line(performance.now()), true);
  }

  #line(nowMs: number): string {
    const perSecond = (this.#done * 1000) / Math.max(1, nowMs - this.#startedMs);
    const of = this.#all === undefined ? '' : ` of ${count(this.#all)}`;
    return `${this.#what} ${count(this.#done)}${of} events (${count(Math.round(perSecond))} per s)`;
  }

  #write(line: string, last: boolean): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}${last ? '\n' : ''}`);
    else process.stderr.write(`${line}\n`);
  }
}

export const count = (number: number): string => number.toLocaleString('en-US');
