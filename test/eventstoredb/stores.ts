import { isLeft } from 'fp-ts/lib/Either.js';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import {
  type DatabaseOptions,
  type DatabaseStore,
  openEventStoreDb,
} from '../../src/eventstore/eventstoredb.ts';
import { parseAddress } from '../../src/eventstore/eventstoredb-address.ts';

/** Opens a store that the test expects to open. */
export const openAt = async (url: string, options: Partial<DatabaseOptions> = {}): Promise<DatabaseStore> => {
  const opened = await tryOpenAt(url, options);
  if (isLeft(opened)) throw new Error(opened.left.message);
  return opened.right;
};

export const tryOpenAt = (url: string, options: Partial<DatabaseOptions> = {}) => {
  const address = parseAddress(url);
  if (isLeft(address)) throw new Error(address.left);
  return openEventStoreDb({
    address: address.right,
    login: { user: null, certificate: null },
    clock: systemClock(),
    random: systemRandom(),
    ...options,
  });
};
