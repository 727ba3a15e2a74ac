import { extname, join } from 'node:path';

const extension = extname(import.meta.filename);

/** A module of this program as a file to start: TypeScript in a checkout, JavaScript once compiled. */
const moduleFile = (...path: ReadonlyArray<string>): string =>
  `${join(import.meta.dirname, ...path)}${extension}`;

export const CLI_FILE = moduleFile('..', 'main');
export const RECEIVERS_FILE = moduleFile('receiver-process');
