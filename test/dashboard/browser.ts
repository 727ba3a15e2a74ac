import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Debian's Chromium, or what CHROMIUM names; undefined on a machine without a browser. */
export const browserPath = (): string | undefined =>
  [process.env['CHROMIUM'] ?? '', ...CANDIDATES].find((path) => path !== '' && existsSync(path));

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Browsers {
  /** A browser of its own: other cookies, other tabs. */
  context(options?: Parameters<import('playwright-core').Browser['newContext']>[0]): Promise<BrowserContext>;
  close(): Promise<void>;
}

/** One browser process for all tests. */
export const openBrowser = async (): Promise<Browsers> => {
  const executablePath = browserPath();
  if (executablePath === undefined) throw new Error('there is no Chromium on this machine');
  const home = await mkdtemp(join(tmpdir(), 'callboard-chromium-'));
  const browser = await chromium.launch({
    executablePath,
    args: ARGUMENTS,
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
  return {
    context: (options) =>
      browser.newContext({ viewport: { width: 1180, height: 800 }, locale: 'en-GB', ...options }),
    close: async () => {
      await browser.close();
      await rm(home, { recursive: true, force: true });
    },
  };
};
