import { execFile } from 'node:child_process';
import { join } from 'node:path';

const CLI = join(import.meta.dirname, '../../src/cli/main.ts');

/** The command line, as a process of its own. */
export const runCallboard = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly out: string; readonly complaint: string }> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, ...environment }, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [CLI, ...args], options, (error, out, complaint) =>
      resolve({ code: Number(error?.code ?? 0), out, complaint }),
    );
  });
