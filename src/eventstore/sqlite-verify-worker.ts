import { isLeft } from 'fp-ts/lib/Either.js';
import { parentPort, workerData } from 'node:worker_threads';
import { openForReading, SCAN_CACHE_KIB } from './sqlite-schema.ts';
import { verifyPart } from './sqlite-verify-part.ts';
import type { ToVerifier, VerifierOptions } from './sqlite-verify-threads.ts';

/** A thread that verifies parts of a store, one after the other, on a connection of its own. */

const { path, breaksMax } = workerData as VerifierOptions;
const opened = openForReading(path, SCAN_CACHE_KIB);
if (isLeft(opened)) throw new Error(opened.left.message);
const db = opened.right;

parentPort?.on('message', ({ index, ask }: ToVerifier) => {
  parentPort?.postMessage({ index, answer: verifyPart(db, ask, breaksMax) });
});
