import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder, writeDurably } from './files.ts';

/** Beside a store file while events are copied into it: names the store that they come from. */
const markPath = (storePath: string): string => `${storePath}.moving`;

/** Where the events come from that are being copied into the store, or undefined: a server may use it. */
export const movedFrom = (storePath: string): string | undefined =>
  existsSync(storePath) && existsSync(markPath(storePath))
    ? readFileSync(markPath(storePath), 'utf8').trimEnd()
    : undefined;

/** On disk before this returns. Only for the holder of the store. */
export const markMoving = (storePath: string, from: string): void => {
  writeDurably(markPath(storePath), `${from}\n`, 'w');
  syncFolder(dirname(storePath));
};

export const unmarkMoving = (storePath: string): void => {
  rmSync(markPath(storePath), { force: true });
  syncFolder(dirname(storePath));
};
