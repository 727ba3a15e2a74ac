import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const GUARD = join(import.meta.dirname, '../../src/eventstore/eventstoredb-guard.ts');

/** Runs a few lines in a process of its own, under the guard. */
const run = async (
  lines: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => {
  const source = `
    import { guardStrays } from ${JSON.stringify(GUARD)};
    const end = guardStrays((error) => console.log('told:', error.message));
    const status = () => Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: '', metadata: {} });
    setTimeout(() => console.log('alive'), 200);
    ${lines}
  `;
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      source,
    ]);
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
};

describe('the guard', () => {
  it('takes what the client lets go of, and tells of it', async () => {
    const { code, stdout } = await run('Promise.reject(status()); Promise.reject(status());');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'told: 14 UNAVAILABLE\ntold: 14 UNAVAILABLE\nalive\n',
    });
  });

  it("takes what is thrown in the client's own files", async () => {
    const { code, stdout } = await run(`
      const error = new TypeError('undefined is not iterable');
      error.stack = error.stack.split('\\n')[0] + '\\n    at x (/app/node_modules/@eventstore/db-client/dist/streams/appendToStream/batchAppend.js:23:1)';
      setImmediate(() => { throw error; });
    `);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'told: undefined is not iterable\nalive\n' });
  });

  it.each([
    ['a rejection', `Promise.reject(new Error('ours'));`],
    ['an exception', `setImmediate(() => { throw new Error('ours'); });`],
    ['a TypeError of ours', `setImmediate(() => { throw new TypeError('ours'); });`],
    ['a rejection that is no error', `Promise.reject('ours');`],
  ])('hides nothing else: %s ends the process', async (_, lines) => {
    const { code, stdout, stderr } = await run(lines);
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('ours');
  });

  it('is gone once it is ended', async () => {
    const { code, stdout } = await run('end(); Promise.reject(status());');
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
  });
});

describe('two stores in one process', () => {
  it('both go on when the client forgets an append of one over the trouble of the other', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(import.meta.dirname, 'two-stores.ts'),
    ]);
    // Both renew their client; that of the bystander would have thrown at the late answer, and been dead after it.
    expect(stdout.match(/connecting again/g)).toHaveLength(2);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      first: 'Right',
      second: 'Right',
      stored: 2,
    });
  });
});
