import type { WriteStream } from 'node:tty';

const BAR_LENGTH = 20;
const IN_PLACE_EVERY_MS = 100;
const PLAIN_EVERY_MS = 2_000;

/** One line that a terminal shows in place; elsewhere a line of its own every other second. Never on stdout. */
export class Progress {
  readonly #out: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;
  #dueMs: number;
  #shown = false;

  constructor(out: NodeJS.WritableStream = process.stderr) {
    this.#out = out;
    this.#dueMs = performance.now() + (this.#inPlace ? IN_PLACE_EVERY_MS : PLAIN_EVERY_MS);
  }

  get #inPlace(): boolean {
    return this.#out.isTTY === true;
  }

  /** `share` is from 0 to 1. Cheap enough to be called all the time. */
  show(share: number, text: () => string): void {
    const nowMs = performance.now();
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + (this.#inPlace ? IN_PLACE_EVERY_MS : PLAIN_EVERY_MS);
    const percent = `${Math.floor(Math.min(share, 1) * 100)} %`.padStart(5);
    if (!this.#inPlace) {
      this.#out.write(`${percent}  ${text()}\n`);
      return;
    }
    const filled = Math.floor(BAR_LENGTH * Math.min(share, 1));
    const line = `${'█'.repeat(filled)}${'░'.repeat(BAR_LENGTH - filled)} ${percent}  ${text()}`;
    // A line that wraps could not be shown in place.
    this.#out.write(`\r\u001b[2K${line.slice(0, Math.max(0, (this.#out.columns ?? 80) - 1))}`);
    this.#shown = true;
  }

  /** A line that stays. */
  line(text: string): void {
    this.end();
    this.#out.write(`${text}\n`);
  }

  end(): void {
    if (this.#shown) this.#out.write('\r\u001b[2K');
    this.#shown = false;
  }
}
