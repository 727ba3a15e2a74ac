import { isLeft } from 'fp-ts/lib/Either.js';
import { describeBreak, verifySqliteStore } from '../eventstore/sqlite-verify.ts';
import { readEnvironment } from '../main.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from './command.ts';

const HELP = `callboard audit verify

Checks the whole history in the embedded store: every stream's hash chain, revisions without gaps, positions without
gaps, nothing missing at a stream's end. Works with the server up or down; writes and repairs nothing. Exit code 1 when
something does not fit, with stream and revision of each place.
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
    if (store.kind === 'esdb')
      return failed('audit verify checks the embedded store: CALLBOARD_STORE=sqlite:');
    return verify(store.path);
  },
};

const verify = async (path: string): Promise<number> => {
  const verified = await verifySqliteStore(path, process.stderr.isTTY ? showProgress : undefined);
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
  process.stdout.write(`${counted}: every hash, revision and position fits.\n`);
  return EXIT_OK;
};

const showProgress = (done: number, all: number): void => {
  process.stderr.write(`\r${done} of ${all} events`);
};
