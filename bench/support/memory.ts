import { readFileSync } from 'node:fs';

/** Of the process as the system counts it: now, and the most there ever was. */
export interface Memory {
  readonly rssMb: number;
  readonly rssMaxMb: number;
}

/**
 * From the kernel's own account; there is one on Linux only. Not `maxRSS`: a process inherits that of whoever started it.
 */
export const memoryOf = (pid: number | undefined): Memory => {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const megabytes = (key: string): number => {
    const kilobytes = new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kilobytes === undefined) throw new Error(`/proc tells no ${key}`);
    return (Number(kilobytes) * 1024) / 1e6;
  };
  return { rssMb: megabytes('VmRSS'), rssMaxMb: megabytes('VmHWM') };
};
