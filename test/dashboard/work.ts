import { expect, it } from 'vitest';
import { event } from './world.ts';
import { signedIn, type Stage, textOf } from './stage.ts';

/** What people come for, as they do it. */
export const workSuite = (stage: () => Stage): void => {
  it('retries all failed invocations after asking, with their number', async () => {
    const { world, ids } = stage();
    const page = await signedIn(stage(), await world.issue({}));
    await page.goto(`${world.url}/dashboard/webhooks/${ids['scans']}`);
    await page.getByRole('link', { name: 'Retry all failed invocations' }).click();
    expect(await page.locator('h1').innerText()).toBe('Retry 1 invocation?');
    await page.getByRole('button', { name: 'Retry 1 invocation' }).click();
    expect(await page.getByRole('status').innerText()).toBe('1 invocation is sent again now.');
    await page.context().close();
  });

  it('finds a webhook while one types, and a change by what it is about', async () => {
    const { world } = stage();
    const page = await signedIn(stage(), await world.issue({}));
    await page.goto(world.url);
    const names = page.locator('#webhooks tbody th a');
    await page.getByLabel('Name or URL contains').fill('FESTIVAL');
    await expect.poll(() => names.allInnerTexts()).toEqual(['Sales of the festival']);
    await page.getByLabel('Name or URL contains').fill('no such thing');
    await expect.poll(() => page.locator('#webhooks').innerText()).toContain('No webhook matches');
    await page.getByLabel('Name or URL contains').fill('');
    await page.getByLabel('State').selectOption('failing');
    await expect.poll(() => names.allInnerTexts()).toContain('Ticket scans at the gate');
    await page.getByRole('link', { name: 'Changes' }).click();
    await page.getByLabel(/^Identifier/).fill('order-1001');
    await page.getByLabel('Resource').selectOption('order');
    await page.getByRole('button', { name: 'Find' }).click();
    expect(await page.locator('tbody tr').count()).toBe(3);
    await page.context().close();
  });

  it('filters the log, tests, rotates the secret, disables, enables, deletes', async () => {
    const { world, ids } = stage();
    const page = await signedIn(stage(), await world.issue({}));
    const details = `${world.url}/dashboard/webhooks/${ids['orders']}`;
    await page.goto(details);
    expect(await page.locator('section tbody tr').count()).toBe(12);
    await page.getByLabel('Identifier').fill('order-1003');
    await page.getByRole('button', { name: 'Filter' }).click();
    expect(await page.locator('section tbody tr').count()).toBe(1);

    await page.goto(details);
    await page.getByRole('button', { name: 'Send a test' }).click();
    expect(await page.locator('h1').innerText()).toContain('test');
    await page.goto(`${details}/secret`);
    const before = await page.locator('code.secret').innerText();
    await page.getByRole('button', { name: 'Rotate the secret' }).click();
    const secrets = await page.locator('code.secret').allInnerTexts();
    expect(secrets).toHaveLength(2);
    expect(secrets[1]).toBe(before);
    expect(await textOf(page)).toMatch(/Before it[\s\S]*also signs until/);

    await page.goto(details);
    await page.getByRole('link', { name: 'Disable' }).click();
    await page.getByRole('button', { name: 'Disable' }).click();
    expect(await page.locator('h1').innerText()).toContain('disabled');
    await page.getByRole('button', { name: 'Enable' }).click();
    expect(await page.locator('h1').innerText()).not.toContain('disabled');

    // As of an earlier moment
    await page.getByRole('link', { name: 'History' }).click();
    expect(await page.locator('ol.steps h3 a').allInnerTexts()).toEqual([
      'Enabled',
      'Disabled',
      'Secret rotated',
      'Created',
    ]);
    await page.getByLabel(/^Step in its history/).fill('2');
    await expect.poll(() => page.locator('#as-of').innerText()).toMatch(/After step 2[\s\S]*enabled\s+no/);

    await page.goto(`${details}/delete`);
    await page.getByRole('button', { name: 'Delete' }).click();
    expect(await textOf(page)).not.toContain('New orders');
    await page.context().close();
  });

  it('makes a Moshtix webhook with a live preview of its body, and edits it', async () => {
    const { world } = stage();
    const page = await signedIn(stage(), await world.issue({}));
    await page.goto(`${world.url}/dashboard/webhooks/new-moshtix`);
    await page.getByLabel('Destination URL').fill(`${world.receiver.url}/ok/moshtix`);
    await page.getByLabel('Body template').fill('{"kind": "@eventType", "order": @contextId}');
    await expect.poll(() => page.locator('#body-preview pre').innerText()).toContain('"order": 37228036');
    await page.getByLabel('Body template').fill('{"kind": @nothing}');
    await expect
      .poll(() => page.locator('#body-preview').innerText())
      .toMatch(/Line 1, column 10: There is no placeholder/);
    await page.getByRole('button', { name: 'Create' }).click();
    expect(await page.locator('#body-error').innerText()).toContain('There is no placeholder @nothing');
    await page.getByLabel('Body template').fill('{"order": @data}');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: /^Moshtix webhook/ }).click();
    await page.getByRole('link', { name: 'Edit' }).click();
    await page.getByRole('checkbox', { name: 'EVENT_SAVED' }).check();
    await page.getByRole('button', { name: 'Save' }).click();
    expect(await textOf(page)).toContain('ORDER_SAVED, EVENT_SAVED');
    await page.context().close();
  });

  it('works without any script', async () => {
    const { world } = stage();
    const page = await signedIn(stage(), await world.issue({}), { javaScriptEnabled: false });
    await page.goto(`${world.url}/dashboard/webhooks/new`);
    await page.getByLabel('Name').fill('Without a script');
    await page.getByLabel('Destination URL').fill(`${world.receiver.url}/ok/plain`);
    await page.getByLabel('Resource', { exact: true }).selectOption('scanner');
    await page.getByRole('button', { name: 'Show the triggers of this resource' }).click();
    await page.getByLabel('Trigger', { exact: true }).selectOption('scan');
    await page.getByRole('button', { name: 'Preview' }).click();
    expect(await page.locator('#preview').innerText()).toContain('this webhook');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    expect(await textOf(page)).toContain('Without a script');
    await page.context().close();
  });

  it('shows operators what happens as it happens, and runs the simulator beside the server', async () => {
    const { world } = stage();
    const page = await signedIn(stage(), await world.issue({ role: 'admin', companies: '*' }));
    await page.goto(`${world.url}/dashboard/overview`);
    await expect.poll(() => page.locator('[data-state]').innerText()).toBe('live');
    const scheduled = async (): Promise<number> =>
      Number((await page.locator('#live-scheduled').innerText()).replaceAll(',', ''));
    const before = await scheduled();
    await world.report([
      event('order.paid', 'order-live', { relations: [{ resource: 'event', identifier: 'summer-night' }] }),
    ]);
    await expect.poll(scheduled, { timeout: 10_000 }).toBe(before + 1);
    expect(await page.locator('#live-conserved').innerText()).toBe('every invocation is accounted for');

    await page.getByRole('link', { name: 'Simulator' }).click();
    await page.getByRole('button', { name: 'Run One run, step by step' }).click();
    await expect
      .poll(() => page.locator('#run-state').innerText(), { timeout: 60_000 })
      .toContain('ended with exit code 0');
    await page.getByRole('link', { name: 'Look again' }).click();
    expect(await page.locator('#run-output').innerText()).toMatch(/[0-9a-f]{16}/);
    await page.context().close();
  });

  it('works with the keyboard alone', async () => {
    const { world } = stage();
    const page = await signedIn(stage(), await world.issue({}));
    await page.goto(world.url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(/webhooks\/new/);
    await page.locator('#name').focus();
    await page.keyboard.type('By keyboard');
    await page.keyboard.press('Tab');
    await page.keyboard.type(`${world.receiver.url}/ok/keys`);
    await page.keyboard.press('Tab');
    await page.keyboard.type('Scanner');
    await expect.poll(() => page.locator('#trigger option').count()).toBe(2);
    await page.keyboard.press('Tab');
    await page.keyboard.type('scan');
    await expect.poll(() => page.locator('#preview').innerText()).toContain('scanner · scan');
    expect(await page.evaluate('document.activeElement.id')).toBe('trigger');
    await page.locator('#retries').focus();
    await page.keyboard.press('Enter');
    await page.getByText('The webhook was created').waitFor();
    await page.context().close();
  });
};
