import { describe, expect, it } from 'vitest';
import { html } from '../../src/http/html.ts';

describe('html', () => {
  it('escapes whatever fills a hole', () => {
    const hostile = `<script>alert("1" & '2')</script>`;
    expect(html`<p title="${hostile}">${hostile}</p>`.text).toBe(
      '<p title="&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;">' +
        '&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;</p>',
    );
  });

  it('takes HTML, lists, numbers and nothing as they are', () => {
    expect(html`${html`<b>${'&'}</b>`}${[html`<i>1</i>`, ' <']}${7}${null}`.text).toBe(
      '<b>&amp;</b><i>1</i> &lt;7',
    );
  });
});
