import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { pinoLog } from '../../adapters/pino-log.ts';
import { createSealKey } from '../../adapters/seal-key.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { sealHistory } from '../../audit/seal-history.ts';
import { describeSeal } from '../../domain/seal.ts';
import type { EventStore } from '../../eventstore/event-store.ts';
import { openForReading } from '../../eventstore/sqlite-schema.ts';
import { openSqliteStore } from '../../eventstore/sqlite.ts';
import { openSealKey } from '../../main.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { type MovableStore, openDatabase } from '../migrate/sides.ts';
import { auditedStore } from './history.ts';

const HELP = `callboard audit seal

Seals what is new, as the server does from time to time (CALLBOARD_SEAL_EVERY_MS), signed if CALLBOARD_SEAL_KEY names a key. With
the embedded store only while the server is down.
`;

export const seal: Command = {
  summary: 'seals what is new now',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, {});
    if (isLeft(options)) return misused(options.left, HELP);
    const audited = auditedStore();
    if (isLeft(audited)) return failed(audited.left);
    return runSeal(audited.right.store, audited.right.sealKeyPath);
  },
};

const KEY_HELP = `callboard audit seal-key FILE

Makes an Ed25519 key for seals: FILE (mode 0600) for the server, as CALLBOARD_SEAL_KEY, and FILE.pub for auditors.
`;

export const sealKey: Command = {
  summary: 'makes a key that signs seals',
  help: KEY_HELP,
  run: async (args) => {
    const options = parseOptions(args, {}, true);
    if (isLeft(options)) return misused(options.left, KEY_HELP);
    const [path, ...more] = options.right.positionals;
    return path === undefined || more.length > 0
      ? misused('seal-key takes one file', KEY_HELP)
      : runSealKey(path);
  },
};

const runSeal = async (where: MovableStore, keyPath: string | null): Promise<number> => {
  const signer = openSealKey(keyPath);
  if (isLeft(signer)) return failed(signer.left.message);
  const opened = await openForSealing(where);
  if (isLeft(opened)) return failed(opened.left);
  const store = opened.right;
  try {
    const sealed = await sealHistory({
      store,
      clock: systemClock(),
      random: systemRandom(),
      signer: signer.right,
      breathe: async () => true,
    });
    if (isLeft(sealed)) return failed(sealed.left);
    for (const made of sealed.right) process.stdout.write(`${describeSeal(made)}: total ${made.total}\n`);
    if (sealed.right.length === 0) process.stdout.write('There is nothing new to seal.\n');
    return EXIT_OK;
  } finally {
    await store.close();
  }
};

/** A store is looked at first: opened for writing, one without a history would become one of ours. */
const openForSealing = async (where: MovableStore): Promise<Either<string, EventStore>> => {
  const log = pinoLog('silent');
  if (where.kind === 'esdb') {
    const looked = await openDatabase(where, { log, readOnly: true });
    if (isLeft(looked)) return looked;
    await looked.right.close();
    return openDatabase(where, { log });
  }
  const looked = openForReading(where.path);
  if (isLeft(looked)) return left(looked.left.message);
  looked.right.close();
  const opened = await openSqliteStore({
    path: where.path,
    log,
    onFatal: (message) => {
      process.stderr.write(`callboard: ${message}\n`);
      process.exit(1);
    },
  });
  return isLeft(opened) ? left(opened.left.message) : right(opened.right);
};

const runSealKey = (path: string): number => {
  const created = createSealKey(path);
  if (isLeft(created)) return failed(created.left);
  const { keyId, publicPath } = created.right;
  process.stdout.write(
    `Key ${keyId}: ${path} is for the server alone (CALLBOARD_SEAL_KEY), ${publicPath} for whoever checks its seals.\n`,
  );
  return EXIT_OK;
};
