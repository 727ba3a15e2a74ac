import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { median } from './statistics.ts';

/** One line that says where the figures come from. */
export const machineLine = (folder: string): string => {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB RAM`;
  const versions = `Node ${process.versions.node}, SQLite ${process.versions['sqlite'] ?? 'unknown'}`;
  const disk = `fdatasync of 4 KiB ${fdatasyncMedianMs(folder).toFixed(2)} ms (median)`;
  const load = `load ${(loadavg()[0] ?? 0).toFixed(1)} at the start`;
  const date = new Date().toISOString().slice(0, 10);
  const system = `${platform()} ${release()}`;
  return `${model}, ${availableParallelism()} cores, ${memory}, ${system}; ${versions}; ${disk}; ${load}; ${date}`;
};

const WRITES = 200;

const fdatasyncMedianMs = (folder: string): number => {
  const path = join(folder, 'fdatasync');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  try {
    const times = Array.from({ length: WRITES }, () => {
      writeSync(file, block);
      const startedMs = performance.now();
      fdatasyncSync(file);
      return performance.now() - startedMs;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(path);
  }
};
