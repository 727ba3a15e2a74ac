import { styleText } from 'node:util';

export const WIDTH = 100;
const PROGRESS_EVERY_MS = 100;
/** Without a terminal each progress is a line of its own. */
const PLAIN_PROGRESS_EVERY_MS = 2_000;
const BAR_LENGTH = 20;
/** What else stands in its line, with one column to spare: a line that wraps could not be shown in place. */
const NOT_BAR_NOR_TEXT = 14;

type Style = Parameters<typeof styleText>[0];

/** Colours are left out when the output is not a terminal or NO_COLOR is set. */
export const styled = (style: Style, text: string): string =>
  styleText(style, text, { stream: process.stdout });

export interface Column {
  readonly title: string;
  readonly align?: 'right';
}

/** Lines, tables, and one line of progress that a terminal shows in place. */
export class Screen {
  readonly #out = process.stdout;
  readonly #startedMs = performance.now();
  #progressShown = false;
  #progressDueMs = 0;

  line(text = ''): void {
    this.endProgress();
    this.#out.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line();
    this.line(styled('bold', text));
  }

  /** With the time since the start. */
  event(text: string): void {
    this.line(`  ${styled('dim', this.#elapsed())}  ${text}`);
  }

  table(columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): void {
    const widths = columns.map(({ title }, index) =>
      Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
    );
    const print = (cells: ReadonlyArray<string>): string => {
      const padded = cells.map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      });
      const row = `  ${padded.join('  ').trimEnd()}`;
      return row.length <= WIDTH ? row : `${row.slice(0, WIDTH - 1)}…`;
    };
    this.line(styled('dim', print(columns.map(({ title }) => title))));
    for (const row of rows) this.line(print(row));
  }

  get progressDue(): boolean {
    return performance.now() >= this.#progressDueMs;
  }

  /** `share` is from 0 to 1. */
  progress(share: number, text: string): void {
    const inPlace = this.#out.isTTY;
    this.#progressDueMs = performance.now() + (inPlace ? PROGRESS_EVERY_MS : PLAIN_PROGRESS_EVERY_MS);
    if (!inPlace) return this.event(text);
    const filled = Math.floor(BAR_LENGTH * Math.min(share, 1));
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_LENGTH - filled)}`;
    const room = Math.max(this.#out.columns - BAR_LENGTH - NOT_BAR_NOR_TEXT, 0);
    this.endProgress();
    this.#out.write(`  ${styled('dim', this.#elapsed())}  ${styled('cyan', bar)} ${text.slice(0, room)}`);
    this.#progressShown = true;
  }

  endProgress(): void {
    if (!this.#progressShown) return;
    this.#out.write('\r\u001b[2K');
    this.#progressShown = false;
  }

  #elapsed(): string {
    return `${((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(4)} s`;
  }
}
