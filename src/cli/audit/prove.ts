import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { readRoot, wrap } from '../../audit/proof-check.ts';
import { prove as proveSubject, type ProvenLog, type Subject } from '../../audit/prove.ts';
import { rootFault } from '../../audit/kept-root.ts';
import { isGuid, STREAM_PREFIXES, streamOf } from '../../domain/ids.ts';
import type { HistorySealed } from '../../domain/seal.ts';
import { oursOf } from '../../eventstore/ours.ts';
import { readRemovals } from '../../eventstore/removals.ts';
import { readSeals } from '../../eventstore/seals.ts';
import { describeBreak } from '../../eventstore/sqlite-check.ts';
import { openRemovalIndex } from '../../eventstore/sqlite-removals.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import type { MovableStore } from '../migrate/sides.ts';
import { readText, writeNew } from './files.ts';
import { auditedStore } from './history.ts';
import { openLog } from './open-log.ts';

const HELP = `callboard audit prove GUID [--out FILE] [--root FILE]

Writes a file that proves that an invocation, or a change, is part of what the newest seal covers, or that of --root. It is checked
with 'callboard audit check'.
`;

export const prove: Command = {
  summary: 'a proof of one invocation or change',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, { out: { type: 'string' }, root: { type: 'string' } }, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    const [guid, ...more] = positionals;
    if (guid === undefined || more.length > 0) return misused('prove takes one GUID', HELP);
    const audited = auditedStore();
    if (isLeft(audited)) return failed(audited.left);
    return runProve(audited.right.store, guid, { out: values.out, root: values.root });
  },
};

const runProve = async (
  store: MovableStore,
  guid: string,
  { out, root }: { readonly out: string | undefined; readonly root: string | undefined },
): Promise<number> => {
  if (!isGuid(guid)) return failed(`"${guid}" is not the GUID of an invocation or a change`);
  const opened = await openLog(store);
  if (isLeft(opened)) return failed(opened.left);
  const { log, beginningsMayBeGone } = opened.right;
  const removals = openRemovalIndex();
  try {
    const read = await readSeals(log);
    if (isLeft(read)) return failed(read.left.message);
    if (read.right.broken !== undefined) return failed(describeBreak(read.right.broken));
    const seals = upTo(read.right.seals, root);
    if (isLeft(seals)) return failed(seals.left);
    const broken = beginningsMayBeGone
      ? await readRemovals(log, (removal) => removals.add(removal))
      : right(undefined);
    if (isLeft(broken)) return failed(broken.left.message);
    const subject = await subjectOf(log, guid);
    if (isLeft(subject)) return failed(subject.left);
    const proven = await proveSubject({ log, seals: seals.right, removals }, subject.right);
    if (isLeft(proven)) return failed(proven.left);
    const { proof, unsealed } = proven.right;
    const text = wrap('callboardProof', proof);
    const written = out === undefined ? undefined : writeNew(out, text);
    if (written !== undefined && isLeft(written)) return failed(written.left);
    if (written === undefined) process.stdout.write(text);
    process.stderr.write(
      `${proof.kind} ${guid}: ${proof.events.length} events, sealed by seal ${proof.seal.number}, up to the root of seal ${proof.root.number}\n`,
    );
    if (unsealed > 0) process.stderr.write(`${unsealed} newer events of it are not covered\n`);
    return EXIT_OK;
  } finally {
    removals.close();
    await opened.right.close();
  }
};

/** The seals that the kept root stands for, if it is still so. */
const upTo = (
  seals: ReadonlyArray<HistorySealed>,
  path: string | undefined,
): Either<string, ReadonlyArray<HistorySealed>> => {
  if (path === undefined) return right(seals);
  const text = readText(path);
  if (isLeft(text)) return text;
  try {
    const root = readRoot(text.right);
    const fault = rootFault(root, seals);
    return fault === undefined ? right(seals.slice(0, root.number)) : left(`${path}: ${fault}`);
  } catch (error) {
    return left(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const PAGE = 1_000;

/** An invocation has a stream of its own; a change is the event with that id, wherever it stands. */
const subjectOf = async (log: ProvenLog, guid: string): Promise<Either<string, Subject>> => {
  const stream = streamOf.invocation(guid);
  const first = await log.readStream(stream, { limit: 1 })();
  if (isLeft(first)) return left(first.left.message);
  const [found] = first.right;
  if (found !== undefined) return right({ kind: 'invocation', guid, stream, revision: found.revision });
  for (let after = 0; ;) {
    const page = await log.readAll({ after, limit: PAGE, filter: { streamPrefixes: STREAM_PREFIXES } })();
    if (isLeft(page)) return left(page.left.message);
    const change = oursOf(page.right.events).find(({ event }) => event.id === guid);
    if (change !== undefined)
      return right({ kind: 'change', guid, stream: change.stream, revision: change.revision });
    if (page.right.atEnd) return left(`there is no invocation and no change ${guid} in the history`);
    after = page.right.next;
  }
};
