import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { signedIn, type Stage } from './stage.ts';

const FIRST_VIEW_BYTES_MAX = 100 * 1024;

interface Survey {
  readonly violations: ReadonlyArray<string>;
  readonly wide: ReadonlyArray<string>;
}

export const qualitySuite = (stage: () => Stage): void => {
  const pages = async (): Promise<ReadonlyArray<string>> => {
    const { world, ids } = stage();
    const { items } = await world.api(await world.issue({}), 'GET', `/webhook/${ids['scans']}/invocations`);
    const [{ guid } = { guid: '' }] = items as ReadonlyArray<{ readonly guid: string }>;
    const webhook = `/dashboard/webhooks/${ids['scans']}`;
    return [
      '/',
      '/dashboard/webhooks/new',
      '/dashboard/webhooks/new-moshtix',
      webhook,
      `${webhook}?status=delivered&from=nonsense`,
      `${webhook}/edit`,
      `${webhook}/secret`,
      `${webhook}/history`,
      `${webhook}/retry`,
      `${webhook}/delete`,
      `${webhook}/disable`,
      `/dashboard/invocations/${guid}`,
      '/dashboard/changes',
      `/dashboard/changes/${ids['paid']}`,
      '/dashboard/companies',
      '/dashboard/overview',
      '/dashboard/simulator',
      '/dashboard/sign-in',
      '/dashboard/sign-in/used-up',
      '/dashboard/nothing-here',
    ];
  };

  const admin = async (options: Parameters<typeof signedIn>[2]): Promise<Page> =>
    signedIn(
      stage(),
      await stage().world.issue({
        role: 'admin',
        companies: ['d0a3f370-cd43-11ed-9c9c-bbcffde24a48'],
        subject: 'operator',
      }),
      options,
    );

  const partner = async (options: Parameters<typeof signedIn>[2]): Promise<Page> =>
    signedIn(stage(), await stage().world.issue({}), options);

  const pageFor = (path: string, byRole: { readonly admin: Page; readonly partner: Page }): Page =>
    /overview|simulator|companies/.test(path) ? byRole.admin : byRole.partner;

  /** Each page once, in light, in dark and as narrow as a small phone. */
  const survey = async (): Promise<Survey> => {
    const byRole = { admin: await admin({}), partner: await partner({}) };
    const violations: string[] = [];
    const wide: string[] = [];
    for (const path of await pages()) {
      const page = pageFor(path, byRole);
      await page.setViewportSize({ width: 1180, height: 800 });
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(`${stage().world.url}${path}`);
      await page.evaluate(axe.source);
      const check = async (what: string, run: string): Promise<void> => {
        for (const { id, nodes } of (await page.evaluate<AxeResults>(run)).violations) {
          violations.push(`${what} ${path}: ${id} ${nodes.map(({ html }) => html).join(' ')}`);
        }
      };
      await check('light', 'axe.run()');
      await page.emulateMedia({ colorScheme: 'dark' });
      await check('dark', "axe.run({ runOnly: ['color-contrast'] })");
      await page.setViewportSize({ width: 360, height: 740 });
      const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      if (Number(over) > 0) wide.push(`${path} by ${String(over)}`);
    }
    await byRole.admin.context().close();
    await byRole.partner.context().close();
    return { violations, wide };
  };

  it('has no violation of axe-core on any page in light and dark, and never scrolls sideways on a small phone', async () => {
    expect(await survey()).toEqual({ violations: [], wide: [] });
  });

  it('takes at most 100 KiB for the first view, from this server alone', async () => {
    const page = await partner({});
    let bytes = 0;
    const hosts = new Set<string>();
    page.on('response', (response) => {
      hosts.add(new URL(response.url()).origin);
      void response.body().then((body) => (bytes += body.byteLength));
    });
    await page.goto(stage().world.url, { waitUntil: 'networkidle' });
    expect([...hosts]).toEqual([stage().world.url]);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(FIRST_VIEW_BYTES_MAX);
    await page.context().close();
  });

  it("shows times in the viewer's zone, with UTC at hand", async () => {
    const page = await partner({ timezoneId: 'Australia/Sydney' });
    await page.goto(`${stage().world.url}/dashboard/changes`);
    const first = page.locator('time').first();
    const at = new Date((await first.getAttribute('datetime')) ?? '');
    const hour = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Australia/Sydney',
      timeStyle: 'medium',
    }).format(at);
    expect(await first.innerText()).toContain(hour);
    expect(await first.getAttribute('title')).toBe(`${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`);
    expect(await page.locator('footer').innerText()).toContain('Australia/Sydney');
    await page.context().close();
  });
};
