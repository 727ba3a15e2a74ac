import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Writable } from 'node:stream';
import type { Report } from '../orders/cloud-event.ts';
import type { Pace } from './pace.ts';

/** Small writes cost more than what they carry. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Writes reports as lines of JSON, never faster than they are read. Answers how many; fewer than all when whoever reads
 * has gone (`| head`). Other trouble with the output, such as a full disk, is thrown.
 */
export const writeLines = async (
  reports: Iterable<Report>,
  out: Writable,
  pace: Pace | undefined,
  signal: AbortSignal,
): Promise<number> => {
  const broken = new AbortController();
  const onError = (error: unknown): void => broken.abort(error);
  out.on('error', onError);
  const stop = AbortSignal.any([broken.signal, signal]);
  let written = 0;
  try {
    let chunk: string[] = [];
    let characters = 0;
    const flush = async (): Promise<void> => {
      const text = chunk.join('');
      chunk = [];
      characters = 0;
      if (text !== '' && !out.write(text)) await once(out, 'drain', { signal: stop });
      // Files and pipes are written at once; without a break nobody would hear of Ctrl-C, nor of the other end's going.
      await nextTurn();
    };
    for (const { text } of reports) {
      if (pace !== undefined && pace.waitMs(written) > 0) {
        await flush();
        await pace.until(written, stop);
      }
      stop.throwIfAborted();
      chunk.push(text, '\n');
      characters += text.length;
      written += 1;
      if (characters >= CHUNK_CHARACTERS) await flush();
    }
    await flush();
    await ended(out, stop);
  } catch (error) {
    if (broken.signal.aborted) {
      if ((broken.signal.reason as NodeJS.ErrnoException).code === 'EPIPE') return written;
      throw broken.signal.reason;
    }
    if (!signal.aborted) throw error;
  } finally {
    out.off('error', onError);
    // A late EPIPE of what was still under way says nothing new.
    out.on('error', () => undefined);
  }
  return written;
};

/** Once all that was written is on its way. */
const ended = (out: Writable, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    out.write('', () => resolve());
  });
