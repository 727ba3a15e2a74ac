import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, type Browsers, openBrowser } from './browser.ts';
import { hostileSuite } from './hostile.ts';
import { mishapSuite } from './mishaps.ts';
import { newcomerSuite } from './newcomer.ts';
import { qualitySuite } from './quality.ts';
import { complaints, type Stage } from './stage.ts';
import { workSuite } from './work.ts';
import { type DashboardWorld, furnish, openDashboardWorld } from './world.ts';

/** Where CI runs, a missing browser is a failure. */
const isRequired = process.env['CALLBOARD_BROWSER_TESTS'] === 'required';
const isMissing = browserPath() === undefined;
if (isMissing && !isRequired) {
  process.stderr.write(
    'SKIPPED: the tests of the dashboard need a browser. Install chromium (Debian: apt-get install chromium), or name one in CHROMIUM.\n',
  );
}

describe.skipIf(isMissing && !isRequired)('the dashboard in a browser', { timeout: 120_000 }, () => {
  let world: DashboardWorld | undefined;
  let browser: Browsers | undefined;
  let ids: Stage['ids'] = {};
  const stage = (): Stage => {
    if (world === undefined || browser === undefined) throw new Error('the stage is not set');
    return { world, browser, ids };
  };

  beforeAll(async () => {
    world = await openDashboardWorld();
    browser = await openBrowser();
    ids = await furnish(world);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  }, 30_000);

  describe('newcomer', () => newcomerSuite(stage));
  describe('work', () => workSuite(stage));
  describe('mishaps', () => mishapSuite(stage));
  describe('quality', () => qualitySuite(stage));
  describe('attacks', () => hostileSuite(stage));

  it('met no dialog, no error of a script and no report of its content security policy', () => {
    expect(complaints).toEqual([]);
  });
});
