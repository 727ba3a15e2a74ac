import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { sealsContract } from '../contract/seals.ts';
import { openStore, temporaryPaths } from '../eventstore/temporary.ts';
import { opaqueStore } from '../support/opaque-store.ts';

const freshPath = temporaryPaths();

sealsContract('memory', async () => openMemoryStore());
sealsContract('a store with opaque positions', async () => opaqueStore(openMemoryStore()));
sealsContract('SQLite', () => openStore(freshPath()));
