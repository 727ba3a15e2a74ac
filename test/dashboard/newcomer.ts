import { isLeft } from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import { signInLink } from '../../src/cli/sign-in-link.ts';
import { newPage, type Stage, textOf } from './stage.ts';
import { event } from './world.ts';

/** What somebody who has never seen it needs: to find their way on a new page, to click or choose, and to fill a field. */
const READ_MS = 7_000;
const CLICK_MS = 2_000;
const FILL_MS = 8_000;
const WALK_MS_MAX = 3 * 60_000;

interface Step {
  readonly name: string;
  readonly personMs: number;
  readonly machineMs: number;
}

/** Notes what each step takes: of the machine, measured, and of a person, by what there is to read, click and fill. */
class Walk {
  readonly steps: Step[] = [];

  async step(
    name: string,
    { reads = 1, clicks = 0, fills = 0 }: { reads?: number; clicks?: number; fills?: number },
    take: () => Promise<void>,
  ): Promise<void> {
    const startedMs = performance.now();
    await take();
    const personMs = reads * READ_MS + clicks * CLICK_MS + fills * FILL_MS;
    this.steps.push({ name, personMs, machineMs: performance.now() - startedMs });
  }

  get totalMs(): number {
    return this.steps.reduce((sum, { personMs, machineMs }) => sum + personMs + machineMs, 0);
  }

  get text(): string {
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    return this.steps
      .map(({ name, personMs, machineMs }) => `${name}: ${seconds(personMs)} s and ${seconds(machineMs)} s`)
      .concat(`${seconds(this.totalMs)} s in all`)
      .join('\n');
  }
}

/** From the link that the command line prints to a retried delivery, as docs/dashboard.md has it. */
export const newcomerSuite = (stage: () => Stage): void => {
  it("signs in, creates a webhook by the vendor's five steps, sees a delivery, why it was sent, and retries it: in under three minutes", async () => {
    const { world, browser } = stage();
    const link = await signInLink(world.url, await world.issue({}), world.url);
    if (isLeft(link)) throw new Error(link.left);
    const page = await newPage({ browser });
    const walk = new Walk();
    const row = page.getByRole('row', { name: /My Example Webhook/ });

    await walk.step('Open the link and sign in', { clicks: 1 }, async () => {
      await page.goto(link.right);
      await page.getByRole('button', { name: 'Sign in' }).click();
      // 1. Open the webhook dashboard
      await page.getByRole('heading', { name: 'Webhooks' }).waitFor();
    });
    await walk.step('Create new', { clicks: 1 }, async () => {
      // 2. Click the Create new button
      await page.getByRole('link', { name: 'Create new' }).click();
      await page.getByRole('heading', { name: 'New webhook' }).waitFor();
    });
    await walk.step('Fill the form, look at its preview', { clicks: 2, fills: 3 }, async () => {
      // 3. Change the Name and Destination URL
      await page.getByLabel('Name').fill('My Example Webhook');
      await page.getByLabel('Destination URL').fill(`${world.receiver.url}/flaky`);
      // 4. Select a resource and trigger in the dropdown menus
      await page.getByLabel('Resource', { exact: true }).selectOption({ label: 'Shop' });
      await expect
        .poll(() => page.locator('#trigger option').allInnerTexts())
        .toEqual(['Select a trigger', 'create', 'update', 'paid']);
      await page.getByLabel('Trigger', { exact: true }).selectOption('create');
      await expect.poll(() => page.locator('#preview').innerText()).toMatch(/It would have fired 1 time in/);
      expect(await page.locator('#preview svg').getAttribute('aria-label')).toContain(
        'shop · create (itself)',
      );
      await page.getByLabel('Retries').fill('0');
    });
    await walk.step('Create', { clicks: 1 }, async () => {
      // 5. Click the Create button
      await page.getByRole('button', { name: 'Create', exact: true }).click();
      await page.getByRole('status').getByText('The webhook was created').waitFor();
      expect(await row.innerText()).toMatch(/nothing sent yet[\s\S]*shop · create/);
    });
    world.receiver.answers.set('/flaky', { status: 503, body: 'try later' });
    await world.report([event('shop.create', 'pop-up shop')]);
    await walk.step('Open the webhook: a delivery, which failed', { clicks: 1 }, async () => {
      await row.getByRole('link', { name: 'My Example Webhook' }).click();
      expect(await page.locator('section tbody').innerText()).toMatch(
        /pop-up shop[\s\S]*exhausted[\s\S]*503/,
      );
    });
    await walk.step('Open the invocation', { clicks: 1 }, async () => {
      await page.locator('section tbody a').first().click();
      expect(await textOf(page)).toContain('try later');
    });
    await walk.step('Why it was sent, as a picture', { clicks: 1 }, async () => {
      await page.getByRole('link', { name: 'Why it was sent' }).click();
      expect(await page.locator('svg.explain').innerHTML()).toContain('My Example Webhook');
      expect(await page.locator('svg.explain .mark.bad').count()).toBe(1);
    });
    world.receiver.answers.set('/flaky', { status: 200, body: 'thanks' });
    await walk.step('Back, and retry', { reads: 2, clicks: 3 }, async () => {
      await page.getByRole('link', { name: 'See the invocation' }).click();
      await page.getByRole('button', { name: 'Retry now' }).click();
      await page.getByRole('status').waitFor();
      await expect
        .poll(async () => {
          await page.reload();
          return page.locator('h1').innerText();
        })
        .toContain('delivered');
    });
    expect((await page.locator('h3').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '))).toEqual([
      'Attempt 2 succeeded',
      'Attempt 1 failed',
    ]);
    expect(walk.totalMs, walk.text).toBeLessThan(WALK_MS_MAX);
    if (process.env['NEWCOMER_STEPS'] !== undefined) process.stdout.write(`${walk.text}\n`);
    await page.context().close();
  });
};
