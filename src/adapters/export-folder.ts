import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ExportFolder, PartFile } from '../ports/export-folder.ts';
import { syncFolder, writeDurably } from './files.ts';

/** Text that is held back before it is written: one call for many lines. */
const BUFFER_UNITS_MAX = 256 * 1024;

/** A folder of the file system. Files are for their owner only. */
export const exportFolder = (path: string): ExportFolder => {
  const nameOf = (name: string): string => join(path, name);
  const draftOf = (name: string): string => join(path, `${name}.partial`);
  return {
    begin: (name) => beginPart(path, draftOf(name), nameOf(name)),
    save: (name, text) => {
      try {
        writeDurably(draftOf(name), text, 'w');
      } catch (error) {
        rmSync(draftOf(name), { force: true });
        throw error;
      }
      renameSync(draftOf(name), nameOf(name));
      syncFolder(path);
    },
    remove: (name) => {
      rmSync(nameOf(name), { force: true });
      syncFolder(path);
    },
    read: (name) => (existsSync(nameOf(name)) ? readFileSync(nameOf(name), 'utf8') : undefined),
  };
};

const beginPart = (folder: string, draft: string, name: string): PartFile => {
  const file = openSync(draft, 'w', 0o600);
  const digest = createHash('sha256');
  let held = '';
  let bytes = 0;
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  const flush = (): void => {
    const chunk = Buffer.from(held, 'utf8');
    held = '';
    digest.update(chunk);
    bytes += chunk.length;
    for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
  };
  return {
    write: (text) => {
      held += text;
      if (held.length >= BUFFER_UNITS_MAX) flush();
    },
    complete: () => {
      flush();
      fsyncSync(file);
      close();
      renameSync(draft, name);
      syncFolder(folder);
      return { bytes, sha256: digest.digest('hex') };
    },
    discard: () => {
      close();
      rmSync(draft, { force: true });
    },
  };
};
