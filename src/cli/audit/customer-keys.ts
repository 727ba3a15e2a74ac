import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { boundKey } from '../../adapters/key-id.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import type { Config } from '../../config.ts';
import { keyRing } from '../../customer-keys.ts';
import { readSqliteKeys } from '../../eventstore/sqlite-keys.ts';
import { withCustomerKeys } from '../../eventstore/with-customer-keys.ts';
import { openSecrets } from '../../main.ts';
import type { OpenedLog } from './open-log.ts';

/**
 * The log with the personal data that can be opened here: by whoever has the secret of the store. To all others it is masked, as if it
 * had been erased.
 */
export const withReadableKeys = (
  opened: OpenedLog,
  { store, secret, dataDir }: Pick<Config, 'store' | 'secret' | 'dataDir'>,
): OpenedLog => {
  if (store.kind !== 'sqlite' || (secret === null && !existsSync(join(dataDir, 'secret')))) return opened;
  const random = systemRandom();
  const secrets = openSecrets({ store, secret, dataDir }, random);
  if (isLeft(secrets) || boundKey(store.path) !== secrets.right.keyId) return opened;
  const keeper = readSqliteKeys(store.path);
  if (keeper === undefined) return opened;
  const keys = keyRing(keeper, secrets.right, random);
  return {
    ...opened,
    log: withCustomerKeys(opened.log, keys),
    close: async () => {
      await keys.close();
      await opened.close();
    },
  };
};
