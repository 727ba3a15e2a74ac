// Run as a process of its own: holds the store at argv[2] and appends to it until it is killed or fails, printing
// the position of each acknowledged event.
import { isLeft } from 'fp-ts/lib/Either.js';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';
import { change, Writer } from './events.ts';

const opened = await openSqliteStore({
  path: process.argv[2] ?? '',
  onFatal: (message) => console.log(`fatal ${message}`),
});
if (isLeft(opened)) throw new Error(opened.left.message);
const store = opened.right;
console.log('open');
const writer = new Writer('order-1');
for (let n = 1; ; n += 1) {
  const result = await store.append([writer.next([n], (id) => change(id, 'x'.repeat(2_000)))])();
  if (isLeft(result)) {
    console.log(`refused ${result.left._tag}`);
    const again = await store.append([new Writer('order-2').next([n])])();
    console.log(`then ${isLeft(again) ? again.left._tag : 'stored'}`);
    break;
  }
  console.log(`stored ${result.right[0]?.position}`);
}
process.exit(1);
