import { Double } from '../../test/eventstoredb/double/server.ts';
import { serveWorker } from '../support/worker.ts';

/** The server that the tests run against: no disk behind it. Answers its address. */
const double = await new Double().start();
serveWorker<object, string>(async () => double.url);
