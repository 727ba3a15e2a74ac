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
import { EXIT_OK, failed } from '../command.ts';
import { type MovableStore, openDatabase } from '../migrate/sides.ts';

/** `callboard audit seal` */
export const runSeal = async (where: MovableStore, keyPath: string | null): Promise<number> => {
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
    for (const seal of sealed.right) process.stdout.write(`${describeSeal(seal)}: total ${seal.total}\n`);
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

/** `callboard audit seal-key` */
export const runSealKey = (path: string): number => {
  const created = createSealKey(path);
  if (isLeft(created)) return failed(created.left);
  const { keyId, publicPath } = created.right;
  process.stdout.write(
    `Key ${keyId}: ${path} is for the server alone (CALLBOARD_SEAL_KEY), ${publicPath} for whoever checks its seals.\n`,
  );
  return EXIT_OK;
};
