import type { ExportFolder, PartFile } from '../../ports/export-folder.ts';
import type { ExportPart } from './manifest.ts';

const NUMBER_DIGITS = 6;
const EXTENSIONS: Readonly<Record<string, string>> = { events: 'ndjson' };

interface OpenPart {
  readonly file: PartFile;
  readonly name: string;
  rows: number;
}

/** The files that an export is writing at the moment: at most one of each kind, completed together. */
export class Parts {
  readonly #folder: ExportFolder;
  readonly #bytesMax: number;
  readonly #headerOf: (kind: string) => string;
  readonly #open = new Map<string, OpenPart>();
  /** Of parts completed before: a part's number is one more than those. */
  #before: number;
  #bytes = 0;

  constructor(folder: ExportFolder, bytesMax: number, before: number, headerOf: (kind: string) => string) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
    this.#before = before;
    this.#headerOf = headerOf;
  }

  /** One row, complete with its end of line. */
  write(kind: string, row: string): void {
    const part = this.#of(kind);
    part.file.write(row);
    part.rows += 1;
    this.#bytes += Buffer.byteLength(row);
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  /** All that is open is on disk, under its name. */
  complete(): ReadonlyArray<ExportPart> {
    const done = [...this.#open].sort(([a], [b]) => (a < b ? -1 : 1));
    const parts = done.map(([, { file, name, rows }]) => ({ file: name, rows, ...file.complete() }));
    this.#open.clear();
    this.#bytes = 0;
    this.#before += parts.length;
    return parts;
  }

  discard(): void {
    for (const { file } of this.#open.values()) file.discard();
    this.#open.clear();
  }

  #of(kind: string): OpenPart {
    const known = this.#open.get(kind);
    if (known !== undefined) return known;
    const number = String(this.#before + 1).padStart(NUMBER_DIGITS, '0');
    const name = `${kind}-${number}.${EXTENSIONS[kind] ?? 'csv'}`;
    const file = this.#folder.begin(name);
    const opened = { file, name, rows: 0 };
    this.#open.set(kind, opened);
    file.write(this.#headerOf(kind));
    return opened;
  }
}
