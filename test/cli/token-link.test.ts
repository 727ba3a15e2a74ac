import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPANY, type DashboardWorld, openDashboardWorld, SECRET } from '../dashboard/world.ts';

const CLI = join(import.meta.dirname, '../../src/cli/main.ts');

describe('callboard token --link', () => {
  let world: DashboardWorld;
  let dataDir: string;
  beforeAll(async () => {
    world = await openDashboardWorld();
    dataDir = await mkdtemp(join(tmpdir(), 'callboard-link-'));
  });
  afterAll(async () => {
    await world.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const link = (
    url: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; out: string; complaint: string }> =>
    new Promise((resolve) => {
      const args = [CLI, 'token', '--role', 'partner', '--company', COMPANY, '--link', '--url', url];
      const env = { ...process.env, CALLBOARD_DATA_DIR: dataDir, CALLBOARD_SECRET: SECRET, ...environment };
      execFile(process.execPath, args, { env }, (error, out, complaint) =>
        resolve({ code: Number(error?.code ?? 0), out, complaint }),
      );
    });

  it('prints a link that signs in once', async () => {
    const { code, out, complaint } = await link(world.url);
    expect([code, complaint]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^${world.url}/dashboard/sign-in/[0-9a-f-]{36}\n$`));
    const follow = (): Promise<Response> =>
      fetch(out.trim(), {
        method: 'POST',
        redirect: 'manual',
        headers: { 'sec-fetch-site': 'same-origin' },
        body: new URLSearchParams(),
      });
    expect((await follow()).status).toBe(303);
    expect((await follow()).status).toBe(404);
  });

  it('names the address that people use, if the server has another one', async () => {
    const { out } = await link(world.url, { CALLBOARD_PUBLIC_URL: 'https://hooks.example' });
    expect(out).toMatch(/^https:\/\/hooks\.example\/dashboard\/sign-in\//);
  });

  it('says so where no server answers, or one with another secret', async () => {
    const away = await link('http://127.0.0.1:1');
    expect([away.code, away.out]).toEqual([1, '']);
    expect(away.complaint).toContain('no server answers at http://127.0.0.1:1');
    const other = await link(world.url, { CALLBOARD_SECRET: `another ${SECRET}` });
    expect(other.complaint).toContain('has it the same secret?');
  });
});
