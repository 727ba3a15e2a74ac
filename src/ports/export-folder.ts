/** One file being written. Its methods throw what the disk answers. */
export interface PartFile {
  write(text: string): void;
  /** On disk, under its name, before this returns. */
  complete(): { readonly bytes: number; readonly sha256: string };
  /** Nothing of it stays. */
  discard(): void;
}

/** The folder that an export is written to. No file has its name before it is complete. */
export interface ExportFolder {
  /** Takes the place of what an export that was cut short left under that name. */
  begin(name: string): PartFile;
  /** A small file, replaced at one stroke. */
  save(name: string, text: string): void;
  remove(name: string): void;
  read(name: string): string | undefined;
}
