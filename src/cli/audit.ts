import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import { systemClock } from '../adapters/system-clock.ts';
import { systemRandom } from '../adapters/system-random.ts';
import type { Config } from '../config.ts';
import { NODE_STREAM_PREFIXES, STREAM_PREFIXES } from '../domain/ids.ts';
import { openEventStoreDb } from '../eventstore/eventstoredb.ts';
import { type LogVerification, verifyLog } from '../eventstore/log-verify.ts';
import { describeBreak, verifySqliteStore } from '../eventstore/sqlite-verify.ts';
import { readEnvironment } from '../main.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from './command.ts';

const HELP = `callboard audit verify

Checks the whole history: every stream's hash chain, revisions without gaps, and in the embedded store also positions
without gaps and nothing missing at a stream's end. Works with the server up or down; writes and repairs nothing. Exit
code 1 when something does not fit, with stream and revision of each place.
`;

const BREAKS_SHOWN_MAX = 20;

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
    if (store.kind === 'esdb') return verifyDatabase(store);
    const progress = process.stderr.isTTY ? showProgress : undefined;
    return report(await verifySqliteStore(store.path, progress), 'position');
  },
};

/** As of the moment when it begins, also while servers write. */
const verifyDatabase = async ({ address, login }: Where): Promise<number> => {
  const opened = await openEventStoreDb({ address, login, clock: systemClock(), random: systemRandom() });
  if (isLeft(opened)) return failed(opened.left.message);
  try {
    const filter = { streamPrefixes: [...STREAM_PREFIXES, ...NODE_STREAM_PREFIXES] };
    const progress = process.stderr.isTTY ? showCount : undefined;
    return report(await verifyLog(opened.right, filter, progress), 'predecessor');
  } finally {
    await opened.right.close();
  }
};

type Where = Extract<Config['store'], { readonly kind: 'esdb' }>;

/** `last` is what else was looked at. */
const report = (verified: Either<{ readonly message: string }, LogVerification>, last: string): number => {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  if (isLeft(verified)) return failed(verified.left.message);
  const { breaks, events, streams } = verified.right;
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
  process.stdout.write(`${counted}: every hash, revision and ${last} fits.\n`);
  return EXIT_OK;
};

const showProgress = (done: number, all: number): void => {
  process.stderr.write(`\r${done} of ${all} events`);
};

const showCount = (events: number): void => {
  process.stderr.write(`\r${events} events`);
};
