import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import { systemClock } from '../adapters/system-clock.ts';
import type { StoreConfig } from '../config.ts';
import { STREAM_PREFIXES } from '../domain/ids.ts';
import { readEventStoreDb } from '../eventstore/eventstoredb.ts';
import { verifyLog } from '../eventstore/log-verify.ts';
import { verifySqliteStore } from '../eventstore/sqlite-verify.ts';
import { describeBreak, type Verification } from '../eventstore/verification.ts';
import { readEnvironment } from '../main.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from './command.ts';

const HELP = `callboard audit verify

Checks the whole history: every stream's hash chain and revisions without gaps; in the embedded store also positions
without gaps and nothing missing at a stream's end. Works with the server up or down; writes and repairs nothing. Exit
code 1 when something does not fit, with stream and revision of each place. On EventStoreDB a stream whose beginning was
truncated and scavenged is told as one whose beginning is missing, and 1,000,000 streams take about 200 MB of memory.
`;

const BREAKS_SHOWN_MAX = 20;
/** How long a database that does not answer is waited for. */
const OPEN_MS = 10_000;

export const audit: Command = {
  summary: 'verify the history',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, {}, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals } = options.right;
    if (positionals.length !== 1 || positionals[0] !== 'verify') return misused('audit takes: verify', HELP);
    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const { store } = config.right;
    if (store.kind === 'memory')
      return failed('there is no history to verify in memory: CALLBOARD_STORE=memory:');
    const progress = process.stderr.isTTY ? showProgress : undefined;
    const verified =
      store.kind === 'esdb'
        ? await verifyDatabase(store, progress)
        : await verifySqliteStore(
            store.path,
            progress && ((done, all) => progress(`${done} of ${all} events`)),
          );
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    if (isLeft(verified)) return failed(verified.left.message);
    const fits =
      store.kind === 'esdb' ? 'every hash and revision fits' : 'every hash, revision and position fits';
    return tell(verified.right, fits);
  },
};

const verifyDatabase = async (
  { address, login }: Extract<StoreConfig, { readonly kind: 'esdb' }>,
  progress: Progress | undefined,
): Promise<Either<{ readonly message: string }, Verification>> => {
  const opened = await readEventStoreDb({ address, login, clock: systemClock(), openMs: OPEN_MS });
  if (isLeft(opened)) return opened;
  const store = opened.right;
  try {
    return await verifyLog(
      store,
      STREAM_PREFIXES,
      progress && ((position, head) => progress(`${Math.floor((100 * position) / head)} % of the log`)),
    );
  } finally {
    await store.close();
  }
};

const tell = ({ breaks, events, streams }: Verification, fits: string): number => {
  for (const found of breaks.slice(0, BREAKS_SHOWN_MAX)) process.stdout.write(`${describeBreak(found)}\n`);
  if (breaks.length > BREAKS_SHOWN_MAX)
    process.stdout.write(`… and ${breaks.length - BREAKS_SHOWN_MAX} more\n`);
  const counted = `${events} events in ${streams} streams`;
  if (breaks.length > 0) {
    process.stdout.write(
      `${counted}: the history is broken. Restore it from a backup; nothing was changed.\n`,
    );
    return EXIT_FINDINGS;
  }
  process.stdout.write(`${counted}: ${fits}.\n`);
  return EXIT_OK;
};

type Progress = (text: string) => void;

const showProgress: Progress = (text) => {
  process.stderr.write(`\r${text}`);
};
