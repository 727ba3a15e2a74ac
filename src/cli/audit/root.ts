import { isLeft } from 'fp-ts/lib/Either.js';
import { statement, wrap } from '../../audit/proof-check.ts';
import { NOTHING_SEALED, rootAt } from '../../audit/prove.ts';
import { describeBreak } from '../../eventstore/sqlite-check.ts';
import { readSeals } from '../../eventstore/seals.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import type { MovableStore } from '../migrate/sides.ts';
import { writeNew } from './files.ts';
import { auditedStore } from './history.ts';
import { openLog } from './open-log.ts';

const HELP = `callboard audit root [--out FILE]

The newest seal, which stands for all of the history up to it. Keep it where whoever runs Callboard cannot change it.
`;

export const root: Command = {
  summary: 'the newest seal, for an auditor to keep',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, { out: { type: 'string' } });
    if (isLeft(options)) return misused(options.left, HELP);
    const audited = auditedStore();
    return isLeft(audited) ? failed(audited.left) : runRoot(audited.right.store, options.right.values.out);
  },
};

const runRoot = async (store: MovableStore, out: string | undefined): Promise<number> => {
  const opened = await openLog(store);
  if (isLeft(opened)) return failed(opened.left);
  try {
    const read = await readSeals(opened.right.log);
    if (isLeft(read)) return failed(read.left.message);
    const { seals, broken } = read.right;
    if (broken !== undefined) return failed(describeBreak(broken));
    if (seals.length === 0) return failed(NOTHING_SEALED);
    const newest = rootAt(seals);
    const written = out === undefined ? undefined : writeNew(out, wrap('callboardRoot', { root: newest }));
    if (written !== undefined && isLeft(written)) return failed(written.left);
    // The statement to the byte, so that it can be checked with other tools; the rest beside it.
    process.stdout.write(statement(newest));
    const { signature } = newest;
    process.stderr.write(
      signature === null ? 'not signed\n' : `signed with key ${signature.keyId}: ${signature.value}\n`,
    );
    return EXIT_OK;
  } finally {
    await opened.right.close();
  }
};
