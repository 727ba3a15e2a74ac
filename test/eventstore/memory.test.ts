import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { describeEventStore } from '../contract/event-store.ts';

describeEventStore('memory', async () => ({ store: openMemoryStore() }));
