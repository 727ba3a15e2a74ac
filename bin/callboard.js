#!/usr/bin/env node
// Starts Callboard. The program needs Node 24 or newer; under an older Node (20 or 22) this launcher hands
// over to the Node 24 that the `node` package brought along.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const program = ['dist/src/cli/main.js', 'dist/cli/main.js', 'src/cli/main.ts']
  .map((path) => join(root, path))
  .find((path) => existsSync(path));

/** The Node binary that the `node` package installed, if it is there. */
const bundledNode = () => {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const binary = join(dirname(manifest), typeof bin === 'string' ? bin : bin.node);
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
};

const giveUp = (...lines) => {
  process.stderr.write(`${lines.map((line) => `callboard: ${line}`).join('\n')}\n`);
  process.exit(1);
};

const handOver = (node, script) => {
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C and its hang-up to the child as well: passing these on would deliver them twice.
  const forwarded = process.stdin.isTTY ? ['SIGTERM'] : ['SIGTERM', 'SIGINT', 'SIGHUP'];
  const handlers = ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => {
    const handler = () => {
      if (forwarded.includes(signal)) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  child.on('error', (error) => giveUp(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    for (const [name, handler] of handlers) process.off(name, handler);
    if (signal === null) {
      process.exit(code ?? 1);
    }
    process.kill(process.pid, signal); // die as the program died
    setTimeout(() => process.exit(128 + constants.signals[signal]), 1000); // should the signal be ignored
  });
};

if (program === undefined) {
  giveUp('the program is missing: neither dist/ nor src/ is here. Please install callboard again.');
} else if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  await import(pathToFileURL(program).href);
} else {
  const node = bundledNode();
  if (node === undefined) {
    giveUp(
      `Node ${NEEDED} or newer is needed; this is Node ${process.versions.node}, and the Node ${NEEDED} of the`,
      "npm package `node` is not there (its install script may have been blocked; 'npm rebuild node' runs it",
      `again). Please repair the installation, or run callboard with Node ${NEEDED}.`,
    );
  } else {
    handOver(node, program);
  }
}
