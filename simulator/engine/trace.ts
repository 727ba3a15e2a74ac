import { createHash } from 'node:crypto';

const LINES_KEPT = 50;
const CHUNK_UNITS = 16 * 1024;

/** Every virtual event as a line: hashed, so that two runs can be compared, and the newest are kept for a report. */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #kept: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;
  #chunk = '';
  #lines = 0;

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine;
  }

  line(atMs: number, text: string): void {
    const line = `${atMs} ${text}`;
    this.#chunk += `${line}\n`;
    if (this.#chunk.length > CHUNK_UNITS) this.#flush();
    this.#kept[this.#lines % LINES_KEPT] = line;
    this.#lines += 1;
    this.#onLine?.(line);
  }

  get lines(): number {
    return this.#lines;
  }

  /** Oldest first. */
  last(): ReadonlyArray<string> {
    const start = Math.max(this.#lines - LINES_KEPT, 0);
    return Array.from({ length: this.#lines - start }, (_, index) =>
      String(this.#kept[(start + index) % LINES_KEPT]),
    );
  }

  /** Ends the trace. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#chunk);
    this.#chunk = '';
  }
}
