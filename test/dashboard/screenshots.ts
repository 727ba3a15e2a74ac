import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openBrowser } from './browser.ts';
import { signedIn } from './stage.ts';
import { COMPANY, furnish, openDashboardWorld } from './world.ts';

/** Takes the pictures of docs/screenshots anew: `npm run screenshots`. */

const FOLDER = join(import.meta.dirname, '../../docs/screenshots');
const SIZE = { width: 1080, height: 680 };

const world = await openDashboardWorld();
const browser = await openBrowser();
try {
  const ids = await furnish(world);
  await mkdir(FOLDER, { recursive: true });
  const stage = { world, browser, ids };
  const partner = await world.issue({});
  const admin = await world.issue({ role: 'admin', companies: '*', subject: 'operator' });

  const take = async (
    name: string,
    path: string,
    options: {
      readonly token?: string;
      readonly dark?: boolean;
      readonly phone?: boolean;
      readonly fill?: boolean;
    } = {},
  ): Promise<void> => {
    const page = await signedIn(stage, options.token ?? partner, {
      viewport: options.phone === true ? { width: 360, height: 640 } : SIZE,
      colorScheme: options.dark === true ? 'dark' : 'light',
    });
    await page.goto(`${world.url}${path}`);
    if (options.fill === true) {
      await page.locator('#name').fill('Sales of Summer Night');
      await page.locator('#url').fill('https://partner.example/hooks/sales');
      await page.locator('#resource').selectOption('event');
      await page.locator('#triggered_by_child_resources').check();
      await page.locator('#trigger option[value=paid]').waitFor({ state: 'attached' });
      await page.locator('#trigger').selectOption('paid');
      await page.locator('#preview svg').waitFor();
    }
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
    await page.context().close();
  };

  await take('webhooks', '/');
  await take('new-webhook', '/dashboard/webhooks/new', { fill: true });
  await take('webhook', `/dashboard/webhooks/${ids['sales']}`);
  await take('change', `/dashboard/changes/${ids['paid']}`);
  await take('overview', `/dashboard/overview?company=${COMPANY}`, { token: admin });
  await take('webhooks-dark', '/', { dark: true });
  await take('webhook-phone', `/dashboard/webhooks/${ids['scans']}`, { phone: true });
  process.stdout.write(`${FOLDER}\n`);
} finally {
  await browser.close();
  await world.close();
}
