import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder, writeDurably } from './files.ts';

/** Beside a store file while a backup takes its place: names the backup. */
const markPath = (storePath: string): string => `${storePath}.restoring`;

/** What is being put in the place of the store, or undefined. Whatever lies there meanwhile is half of something. */
export const restoredFrom = (storePath: string): string | undefined =>
  existsSync(markPath(storePath)) ? readFileSync(markPath(storePath), 'utf8').trimEnd() : undefined;

/** On disk before this returns. Only for the holder of the store. */
export const markRestoring = (storePath: string, from: string): void => {
  writeDurably(markPath(storePath), `${from}\n`, 'w');
  syncFolder(dirname(storePath));
};

export const unmarkRestoring = (storePath: string): void => {
  rmSync(markPath(storePath), { force: true });
  syncFolder(dirname(storePath));
};
