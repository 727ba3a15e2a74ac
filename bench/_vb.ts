import { mkdirSync } from 'node:fs';
import { fillFolder, sealFolder, eventsFile } from '/work/b/bench/support/data-folder.ts';
import { sales } from '/work/b/bench/figures/start.ts';
mkdirSync('/tmp/vb', { recursive: true });
console.log(await fillFolder('/tmp/vb', sales({ receiver: { url: 'http://127.0.0.1:1' } } as never, '/tmp/vb', 200000)), await sealFolder('/tmp/vb'));
