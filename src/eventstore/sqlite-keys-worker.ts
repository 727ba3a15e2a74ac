import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openKeysFile } from './sqlite-keys-file.ts';
import { textOf } from './sqlite-schema.ts';

/** The keys' own thread: it waits for the disk, and the event loop of the engine does not. */

export type ToKeeper =
  | {
      readonly kind: 'make';
      readonly keys: ReadonlyArray<{ readonly subject: string; readonly wrapped: string }>;
    }
  | { readonly kind: 'forget'; readonly subject: string; readonly generation: number }
  | { readonly kind: 'close' };

/** In the order of what was asked; undefined: it is on disk. */
export interface FromKeeper {
  readonly failures: ReadonlyArray<string | undefined>;
}

/** Reports that came while the disk was waited for share the next transaction. */
const GROUP_MAX = 256;

const serve = (port: NonNullable<typeof parentPort>, path: string): void => {
  const file = openKeysFile(path);
  const tried = (work: () => void): string | undefined => {
    try {
      work();
      return undefined;
    } catch (error) {
      return textOf(error);
    }
  };
  const received = (): ToKeeper | undefined =>
    (receiveMessageOnPort(port) as { readonly message: ToKeeper } | undefined)?.message;

  port.on('message', (first: ToKeeper) => {
    const failures: Array<string | undefined> = [];
    let making: Array<Extract<ToKeeper, { readonly kind: 'make' }>> = [];
    const make = (): void => {
      if (making.length === 0) return;
      const failure = tried(() => file.make(making.flatMap(({ keys }) => keys)));
      failures.push(...making.map(() => failure));
      making = [];
    };
    let closing = false;
    for (
      let message: ToKeeper | undefined = first;
      message !== undefined && !closing;
      message = failures.length + making.length < GROUP_MAX ? received() : undefined
    ) {
      if (message.kind === 'make') {
        making.push(message);
        continue;
      }
      make();
      if (message.kind === 'close') closing = true;
      else {
        const { subject, generation } = message;
        failures.push(tried(() => file.forget(subject, generation)));
      }
    }
    make();
    port.postMessage({ failures } satisfies FromKeeper);
    if (!closing) return;
    file.close();
    port.close();
  });
};

if (parentPort === null) throw new Error('sqlite-keys-worker runs as a worker of sqlite-keys.ts only');
serve(parentPort, (workerData as { readonly path: string }).path);
