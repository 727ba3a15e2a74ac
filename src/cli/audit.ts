import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { pinoLog } from '../adapters/pino-log.ts';
import { readRemovals } from '../eventstore/removals.ts';
import { openRemovalIndex, type RemovalCounts } from '../eventstore/sqlite-removals.ts';
import {
  BREAKS_MAX,
  describeBreak,
  type Verification,
  verifySqliteStore,
} from '../eventstore/sqlite-verify.ts';
import { readEnvironment } from '../main.ts';
import { checkLog } from '../migration/check-log.ts';
import { runConserve } from './audit/conserve.ts';
import { runExplain } from './audit/explain.ts';
import { runShadow, SHADOW_HELP } from './audit/shadow.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { Progress } from './migrate/progress.ts';
import { type MovableStore, openSource } from './migrate/sides.ts';

const HELP = `callboard audit verify
callboard audit conserve
callboard audit explain CHANGE [--json]
callboard audit shadow …

explain: says of every webhook of the change's company why it was told of the change or was not, and what came of it.
Webhooks and relations are those in force at the change; with --json one JSON object a webhook. Works with the server up or
down, from the log alone; a running server answers the same at once under /changes/{change}/explain.

conserve: counts what became of every invocation, as one JSON object, and compares the invocations with the changes and the
webhooks that had to hear of them, by the rules in force now. Exit code 1 when something does not fit, with the change and
the webhook of each difference. Works with the server up or down; writes nothing.

verify: checks the whole history: every stream's hash chain, and revisions without gaps. Works with the server up or down; writes
and repairs nothing. Exit code 1 when something does not fit, with stream and revision of each place.

In the embedded store also positions without gaps, and nothing missing at a stream's end. An EventStoreDB keeps no second
account of where a stream ends: events missing there are not found. A stream whose beginning is gone is accepted exactly
where 'callboard scavenge' has recorded the hash of the last event that went, and what remains fits it. Else it is one of
the places: from there on it is checked as any other.

${SHADOW_HELP}`;

const BREAKS_SHOWN_MAX = 20;

const OPTIONS = { json: { type: 'boolean', default: false } } as const;
const ACTIONS = ['verify', 'conserve', 'explain'];

export const audit: Command = {
  summary: 'verify the history, account for every invocation, explain a change, replay it otherwise',
  help: HELP,
  async run(args) {
    if (args[0] === 'shadow') return runShadow(args.slice(1));
    const options = parseOptions(args, OPTIONS, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    const [what, ...more] = positionals;
    const takes = what === 'explain' ? 1 : 0;
    if (what === undefined || !ACTIONS.includes(what) || more.length !== takes) {
      return misused('audit takes: verify, conserve, explain CHANGE, shadow', HELP);
    }
    if (values.json && what !== 'explain') return misused('--json is for explain', HELP);
    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const { store, rulesPath } = config.right;
    if (store.kind === 'memory')
      return failed('there is no history to audit in memory: CALLBOARD_STORE=memory:');
    if (what === 'conserve') return runConserve({ store, rulesPath });
    if (what === 'explain') return runExplain({ store, rulesPath }, more[0] ?? '', values.json);
    if (store.kind === 'esdb') {
      const verified = await verifyDatabase(store);
      if (isLeft(verified)) return failed(verified.left);
      const code = report(verified.right, 'hash and revision');
      if (code === EXIT_OK) reportRemovals(verified.right.removals);
      return code;
    }
    const verified = await verifyFile(store.path);
    return isLeft(verified) ? failed(verified.left) : report(verified.right, 'hash, revision and position');
  },
};

const verifyFile = async (path: string): Promise<Either<string, Verification>> => {
  const verified = await verifySqliteStore(path, process.stderr.isTTY ? showProgress : undefined);
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  return isLeft(verified) ? left(verified.left.message) : verified;
};

const verifyDatabase = async (
  store: Extract<MovableStore, { readonly kind: 'esdb' }>,
): Promise<Either<string, Verification & { readonly removals: RemovalCounts }>> => {
  const source = await openSource(store, pinoLog('silent'));
  if (isLeft(source)) return source;
  const { log } = source.right;
  const removals = openRemovalIndex();
  try {
    const broken = await readRemovals(log, (removal) => removals.add(removal));
    if (isLeft(broken)) return left(broken.left.message);
    const progress = new Progress('checked');
    const checked = await checkLog(log, { breaksMax: BREAKS_MAX, removals, onProgress: progress.at });
    if (isLeft(checked)) return left(checked.left.message);
    progress.end();
    const breaks = [...(broken.right === undefined ? [] : [broken.right]), ...checked.right.breaks];
    return right({ ...checked.right, breaks, removals: removals.counts() });
  } finally {
    removals.close();
    await source.right.close();
  }
};

const report = ({ breaks, events, streams }: Verification, fitting: string): number => {
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
  process.stdout.write(`${counted}: every ${fitting} fits.\n`);
  return EXIT_OK;
};

const reportRemovals = ({ gone, whole }: RemovalCounts): void => {
  if (gone > 0) {
    process.stdout.write(
      `Truncated by policy: ${gone} streams whose beginning is gone; what remains fits the hash recorded of it.\n`,
    );
  }
  if (whole > 0) {
    process.stdout.write(
      `Recorded as truncated by policy, and still in the log: ${whole} streams, until the database's own scavenge.\n`,
    );
  }
};

const showProgress = (done: number, all: number): void => {
  process.stderr.write(`\r${done} of ${all} events`);
};
