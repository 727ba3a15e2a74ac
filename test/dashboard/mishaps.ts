import { expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { COMPANY, OTHER_COMPANY } from './world.ts';
import { signedIn, type Stage, textOf } from './stage.ts';

/** Bad input, others who were quicker, and sessions that end. */
export const mishapSuite = (stage: () => Stage): void => {
  const errorAt = (page: Page, field: string): Promise<string> => page.locator(`#${field}-error`).innerText();

  it('shows every error beside its field and keeps the rest', async () => {
    const { world } = stage();
    const page = await signedIn(stage(), await world.issue({}));
    await page.goto(`${world.url}/dashboard/webhooks/new`);
    await page.getByLabel('Identifier').fill('kept');
    await page.getByLabel('Retries').fill('31');
    await page.getByLabel('Destination URL').fill('http://localhost/x');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    expect(await errorAt(page, 'name')).toBe('Must not be empty');
    expect(await errorAt(page, 'url')).not.toBe('');
    expect(await errorAt(page, 'resource')).toBe('Is required');
    expect(await errorAt(page, 'trigger')).toBe('Is required');
    expect(await errorAt(page, 'retries')).toBe('Must be a whole number from 0 to 30');
    expect(await page.getByLabel('Identifier').inputValue()).toBe('kept');
    expect(await page.getByRole('alert').innerText()).toContain('5 fields need another look');
    await page.getByRole('alert').getByRole('link', { name: 'url' }).click();
    expect(await page.evaluate('location.hash')).toBe('#url');
    await page.context().close();
  });

  it('refuses what an edit, a Moshtix form, a filter and a company field cannot mean', async () => {
    const { world, ids } = stage();
    const page = await signedIn(stage(), await world.issue({}));
    await page.goto(`${world.url}/dashboard/webhooks/${ids['sales']}/edit`);
    await page.locator('#name').fill(' ');
    await page.locator('#retry_base_ms').fill('5');
    await page.getByRole('button', { name: 'Save' }).click();
    expect(await errorAt(page, 'name')).toBe('Must not be empty');
    expect(await errorAt(page, 'retry_base_ms')).toContain('from 10 to 3600000');

    await page.goto(`${world.url}/dashboard/webhooks/new-moshtix`);
    await page.locator('#url').fill('ftp://example.com');
    await page.locator('#headers').fill('Host: example.com\nX: ü');
    await page.getByRole('checkbox', { name: 'ORDER_SAVED' }).uncheck();
    await page.getByRole('button', { name: 'Create' }).click();
    expect(await errorAt(page, 'url')).not.toBe('');
    expect(await errorAt(page, 'headers')).toMatch(/Host: the name is not yours to set[\s\S]*X: the value/);
    expect(await page.locator('#system_events .error').innerText()).toBe('must have at least one item');
    expect(await page.locator('#headers').inputValue()).toBe('Host: example.com\nX: ü');

    await page.goto(`${world.url}/dashboard/webhooks/${ids['sales']}?from=yesterday&status=lost`);
    expect(await errorAt(page, 'from')).toContain('Must be a time');
    expect(await errorAt(page, 'status')).toContain('Must be one of');

    const admin = await signedIn(stage(), await world.issue({ role: 'admin', companies: '*' }));
    const answer = await admin.goto(`${world.url}/?company=nonsense`);
    expect(answer?.status()).toBe(404);
    await admin.context().close();
    await page.context().close();
  });

  it('shows both versions when somebody else saved meanwhile', async () => {
    const { world, ids } = stage();
    const mine = await signedIn(stage(), await world.issue({}));
    const theirs = await signedIn(stage(), await world.issue({ subject: 'bob@example.com' }));
    const edit = `${world.url}/dashboard/webhooks/${ids['off']}/edit`;
    await mine.goto(edit);
    await theirs.goto(edit);
    await theirs.locator('#name').fill('Named by Bob');
    await theirs.getByRole('button', { name: 'Save' }).click();
    await theirs.getByText('Saved.').waitFor();

    await mine.locator('#name').fill('Named by Ada');
    await mine.getByRole('button', { name: 'Save' }).click();
    const said = await mine.getByRole('alert').innerText();
    expect(said).toMatch(/bob@example\.com saved it/);
    expect(said).toMatch(/name\s+Named by Ada\s+Named by Bob/);
    expect(await mine.locator('#name').inputValue()).toBe('Named by Ada');
    await mine.getByRole('button', { name: 'Save mine over it' }).click();
    expect(await mine.locator('h1').innerText()).toContain('Named by Ada');
    await mine.context().close();
    await theirs.context().close();
  });

  it('says in an old tab that a webhook was deleted', async () => {
    const { world } = stage();
    const token = await world.issue({});
    const made = (await world.api(token, 'POST', '/webhook', {
      name: 'Soon gone',
      url: `${world.receiver.url}/ok`,
      resource: 'shop',
      trigger: 'update',
      retries: 1,
    })) as { readonly guid: string };
    const page = await signedIn(stage(), token);
    await page.goto(`${world.url}/dashboard/webhooks/${made.guid}/edit`);
    await world.api(token, 'DELETE', `/webhook/${made.guid}`);
    await page.locator('#name').fill('Still there?');
    await page.getByRole('button', { name: 'Save' }).click();
    expect(await textOf(page)).toMatch(/This webhook was deleted[\s\S]*Soon gone/);
    await page.getByRole('link', { name: 'See its history' }).click();
    expect(await page.locator('ol.steps h3 a').allInnerTexts()).toEqual(['Deleted', 'Created']);
    await page.context().close();
  });

  it('loses no typed text when the session ends in the middle of a form', async () => {
    const { world } = stage();
    const token = await world.issue({});
    const page = await signedIn(stage(), token);
    await page.goto(`${world.url}/dashboard/webhooks/new-moshtix`);
    await page.locator('#url').fill(`${world.receiver.url}/ok/typed`);
    const template = '{\n  "order": @data,\n  "note": "<b>typed</b> \\"with care\\""\n}';
    await page.locator('#body').fill(template);
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'Create' }).click();
    expect(await textOf(page)).toContain('what you typed is kept');
    await page.getByLabel('Access token').fill('not a token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await errorAt(page, 'token')).toContain('not accepted');
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await textOf(page)).toContain('"<b>typed</b>');
    await page.getByRole('button', { name: 'Send it now' }).click();
    await page.getByText('The webhook was created').waitFor();
    await page
      .getByRole('row', { name: /ok\/typed/ })
      .getByRole('link')
      .click();
    await page.getByRole('link', { name: 'Edit' }).click();
    expect(await page.locator('#body').inputValue()).toBe(template);
    await page.context().close();
  });

  it('keeps two companies apart that are open in two tabs', async () => {
    const { world } = stage();
    // An administrator looks at both at once: each tab stays with its own.
    const one = await signedIn(stage(), await world.issue({ role: 'admin', companies: '*' }));
    const two = await one.context().newPage();
    const tabs = [
      { page: one, company: COMPANY, name: 'Of the first tab' },
      { page: two, company: OTHER_COMPANY, name: 'Of the second tab' },
    ];
    for (const { page, company, name } of tabs) {
      await page.goto(`${world.url}/dashboard/webhooks/new?company=${company}`);
      await page.locator('#name').fill(name);
      await page.locator('#url').fill(`${world.receiver.url}/ok`);
      await page.getByLabel('Resource', { exact: true }).selectOption('scanner');
      await page.locator('#trigger option[value=scan]').waitFor({ state: 'attached' });
      await page.getByLabel('Trigger', { exact: true }).selectOption('scan');
    }
    for (const { page, name } of tabs) {
      await page.getByRole('button', { name: 'Create', exact: true }).click();
      await page.getByText('The webhook was created').waitFor();
      const text = await textOf(page);
      for (const other of tabs) expect(text.includes(other.name)).toBe(other.name === name);
    }
    await one.context().close();

    // Somebody signs in for another company in a second tab: the form of the first is not taken for the second's.
    const first = await signedIn(stage(), await world.issue({}));
    await first.goto(`${world.url}/dashboard/webhooks/new`);
    await first.context().request.post(`${world.url}/dashboard/sign-in`, {
      form: { token: await world.issue({ companies: [OTHER_COMPANY] }) },
      headers: { origin: world.url },
    });
    await first.locator('#name').fill('Whose is it?');
    await first.getByRole('button', { name: 'Create', exact: true }).click();
    expect(await textOf(first)).toContain(`does not cover the company ${COMPANY}`);
    await first.context().close();
  });
};
