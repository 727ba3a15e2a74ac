// Run as a process of its own: two stores share the client's bookkeeping. The connection of one breaks while the other
// waits for an answer; the answer then comes for an append that the client has forgotten.
import { isLeft } from 'fp-ts/lib/Either.js';
import { pinoLog } from '../../src/adapters/pino-log.ts';
import { Writer } from '../eventstore/events.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';

const [one, other] = [await new Double().start(), await new Double().start()];
const log = pinoLog('warn');
const [broken, bystander] = [await openAt(one.url, { log }), await openAt(other.url, { log })];
const [ours, theirs] = [new Writer('order-1'), new Writer('order-1')];

other.faults.appends.push('late');
const waiting = bystander.append([ours.next([1])])();
await new Promise((resolve) => setTimeout(resolve, 100));
one.faults.appends.push('reset');
await broken.append([theirs.next([1])])();
const first = await waiting;
// Long enough for the late answer.
await new Promise((resolve) => setTimeout(resolve, 500));
const second = await bystander.append([ours.next([2])])();
const stored = other.log.stream('order-1');
console.log(
  JSON.stringify({
    first: first._tag,
    second: isLeft(second) ? second.left : second._tag,
    stored: stored?.length,
  }),
);
process.exit(0);
