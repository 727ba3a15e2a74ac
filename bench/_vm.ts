import { verifySqliteStore } from '/work/b/src/eventstore/sqlite-verify.ts';
import { DatabaseSync } from 'node:sqlite';
import { hash } from 'node:crypto';
const mode = process.argv[2];
const c0 = process.cpuUsage(), t0 = performance.now();
if (mode === 'bare') {
  const db = new DatabaseSync('/tmp/vb/events.db', { readOnly: true });
  const st = db.prepare('SELECT position, stream_no, revision, id, type, data, metadata FROM events ORDER BY position');
  st.setReturnArrays(true);
  for (const row of st.iterate() as any) hash('sha256', `${row[3]}\n${row[4]}\n${row[5]}\n${row[6]}`);
} else {
  const r: any = await verifySqliteStore('/tmp/vb/events.db', undefined, Number(mode));
  console.log(JSON.stringify(r.right));
}
const c = process.cpuUsage(c0);
console.log(mode, 'wall', Math.round(performance.now() - t0), 'cpu', Math.round((c.user + c.system) / 1000), 'rss', Math.round(process.resourceUsage().maxRSS / 1024));
