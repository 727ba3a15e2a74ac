import { Double } from '../../test/eventstoredb/double/server.ts';
import { serveWorker } from '../support/worker.ts';

/** EventStoreDB's double, empty, for as long as the process runs. */
const started = new Double().start();

serveWorker<{ readonly do: 'url' }, { readonly url: string }>(async () => ({ url: (await started).url }));
