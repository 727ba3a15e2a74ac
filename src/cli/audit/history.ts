import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { AuditedLog } from '../../audit/log-pages.ts';
import type { Config } from '../../config.ts';
import type { Rules } from '../../domain/rules.ts';
import { loadRules, readEnvironment } from '../../main.ts';
import type { ReadModels } from '../../projections/read-models.ts';
import { openReadModels } from '../../projections/sqlite-read-models.ts';
import { failed } from '../command.ts';
import type { MovableStore } from '../migrate/sides.ts';
import { withReadableKeys } from './customer-keys.ts';
import { openLog } from './open-log.ts';

export interface AuditedHistory {
  readonly log: AuditedLog;
  /** Empty, and thrown away afterwards: what a server has beside the log is not believed. */
  readonly models: ReadModels;
  readonly rules: Rules;
}

/** The configuration of a history that outlives its server. */
export interface AuditedStore extends Pick<Config, 'rulesPath' | 'secret' | 'dataDir'> {
  readonly store: MovableStore;
}

/** What the environment names. */
export const auditedStore = (): Either<string, AuditedStore & Pick<Config, 'sealKeyPath'>> => {
  const config = readEnvironment();
  if (isLeft(config)) return left(config.left.message);
  const { store, rulesPath, sealKeyPath, secret, dataDir } = config.right;
  return store.kind === 'memory'
    ? left('there is no history to audit in memory: CALLBOARD_STORE=memory:')
    : right({ store, rulesPath, sealKeyPath, secret, dataDir });
};

/** Opens the configured history for reading, does the work, and answers its exit code. */
export const withHistory = async (
  { store, rulesPath, ...of }: AuditedStore,
  work: (history: AuditedHistory) => Promise<number>,
): Promise<number> => {
  const rules = loadRules(rulesPath);
  if (isLeft(rules)) return failed(rules.left.message);
  const opened = await openLog(store);
  if (isLeft(opened)) return failed(opened.left);
  const readable = withReadableKeys(opened.right, { store, ...of });
  const { log, beginningsMayBeGone } = readable;
  const folder = mkdtempSync(join(tmpdir(), 'callboard-audit-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also when nobody reads on what is told, which ends the process.
  process.once('exit', remove);
  const models = openReadModels({ path: join(folder, 'read-models.db'), beginningsMayBeGone });
  try {
    return await work({ log, models, rules: rules.right });
  } catch (error) {
    // An event that cannot be read: `audit verify` tells more of it.
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    models.close();
    remove();
    process.off('exit', remove);
    await readable.close();
  }
};
