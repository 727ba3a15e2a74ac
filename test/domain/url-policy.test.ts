import fc from 'fast-check';
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { checkUrl, URL_LENGTH_MAX, type UrlRefusalReason } from '../../src/domain/url-policy.ts';

const nowhere = (): boolean => false;
const everywhere = (): boolean => true;

const refusal = (text: string, isAllowed = everywhere): UrlRefusalReason | 'accepted' => {
  const checked = checkUrl(text, isAllowed);
  return isLeft(checked) ? checked.left.reason : 'accepted';
};

describe('checkUrl', () => {
  it.each([
    'http://partner.example/hook',
    'https://partner.example',
    'https://partner.example./hook',
    'HTTPS://Partner.Example/Hook?a=1&b=%20',
    'https://partner.example:443/',
    'http://partner.example:8080/',
    'https://partner.example:8443/',
    'https://partner.example:1024/',
    'https://partner.example:65535/',
    'https://xn--mnchen-3ya.example/',
    'https://münchen.example/straße',
    'https://under_score.example/@user',
    'https://partner.example/?next=http://user@10.0.0.1/',
    'https://local.example/',
    'https://internal.partner.example/',
    'http://93.184.216.34/hook',
    'http://[2606:4700:4700::1111]:8080/hook',
  ])('accepts %s', (text) => {
    const checked = checkUrl(text, everywhere);
    expect(isRight(checked) && checked.right.href).toBe(new URL(text).href);
  });

  it.each<[string, UrlRefusalReason]>([
    ['', 'scheme'],
    ['partner.example/hook', 'scheme'],
    ['//partner.example/hook', 'scheme'],
    ['ftp://partner.example/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['gopher://partner.example:70/', 'scheme'],
    ['ws://partner.example/', 'scheme'],
    ['http:partner.example', 'scheme'],
    ['http:/partner.example', 'scheme'],
    ['http:///partner.example', 'scheme'],
    ['http://', 'scheme'],
    ['http://?', 'scheme'],
    ['view-source:http://partner.example', 'scheme'],
    ['http://[::1', 'unreadable'],
    ['http://1.2.3.4.5/', 'unreadable'],
    ['http://256.1.1.1/', 'unreadable'],
    ['http://partner.example:99999/', 'unreadable'],
    ['http://part<ner.example/', 'unreadable'],
    ['http://[fe80::1%25eth0]/', 'unreadable'],
    [' http://partner.example/', 'unreadable'],
    ['http://partner.example/ ', 'unreadable'],
    ['http://partner.example/a b', 'unreadable'],
    ['http://partner.example/a\tb', 'unreadable'],
    ['http://partner.example/a\r\nb', 'unreadable'],
    ['ht\ntp://partner.example/', 'unreadable'],
    ['http://partner.example/\0', 'unreadable'],
    ['http://partner.example/\u00a0', 'unreadable'],
    ['http://partner.example/\u2028', 'unreadable'],
    ['http://lo\u00adcalhost.example/', 'unreadable'],
    ['http://part\u200bner.example/', 'unreadable'],
    ['http://partner.example\\@10.0.0.1/', 'unreadable'],
    ['http:\\\\partner.example/', 'unreadable'],
    ['http://user@partner.example/', 'user_info'],
    ['http://user:word@partner.example/', 'user_info'],
    ['http://:word@partner.example/', 'user_info'],
    ['http://@partner.example/', 'user_info'],
    ['http://:@partner.example/', 'user_info'],
    ['http://partner.example@10.0.0.1/', 'user_info'],
    ['http://partner.example/#top', 'fragment'],
    ['http://partner.example#', 'fragment'],
    ['http://localhost/', 'host'],
    ['http://LOCALHOST/', 'host'],
    ['http://localhost./', 'host'],
    ['http://localhost:8080/', 'host'],
    ['http://ｌｏｃａｌｈｏｓｔ/', 'host'],
    ['http://app.localhost/', 'host'],
    ['http://printer.local/', 'host'],
    ['http://printer.local./', 'host'],
    ['http://metadata.google.internal/computeMetadata/v1/', 'host'],
    ['http://vault.INTERNAL./', 'host'],
    ['http://local/', 'host'],
    ['http://intranet/', 'host'],
    ['http://intranet./', 'host'],
    ['http://intranet:8080/', 'host'],
    ['http://./', 'host'],
    ['http://../', 'host'],
    ['http://partner..example/', 'host'],
    ['http://.partner.example/', 'host'],
    ['http://partner.example../', 'host'],
    [`http://${'a'.repeat(64)}.example/`, 'host'],
    [`http://${'abcdefg.'.repeat(32)}example/`, 'host'],
    ['http://partner.example:0/', 'port'],
    ['http://partner.example:22/', 'port'],
    ['http://partner.example:25/', 'port'],
    ['http://partner.example:53/', 'port'],
    ['http://partner.example:81/', 'port'],
    ['http://partner.example:465/', 'port'],
    ['http://partner.example:587/', 'port'],
    ['http://partner.example:1023/', 'port'],
    ['http://partner.example:2113/', 'port'],
    ['http://partner.example:2375/', 'port'],
    ['http://partner.example:3306/', 'port'],
    ['http://partner.example:5432/', 'port'],
    ['http://partner.example:6379/', 'port'],
    ['http://partner.example:9200/', 'port'],
    ['http://partner.example:11211/', 'port'],
    ['http://partner.example:27017/', 'port'],
    ['http://93.184.216.34:22/', 'port'],
  ])('refuses %j: %s', (text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  it('counts the characters', () => {
    const start = 'https://partner.example/';
    expect(refusal(start + 'x'.repeat(URL_LENGTH_MAX - start.length))).toBe('accepted');
    expect(refusal(start + 'x'.repeat(URL_LENGTH_MAX - start.length + 1))).toBe('too_long');
  });

  it('asks about addresses in their one canonical spelling', () => {
    const asked: string[] = [];
    const note = (ip: string): boolean => {
      asked.push(ip);
      return false;
    };
    for (const host of ['0x7f.1', '2130706433', '127。0。0。1', '[::FFFF:127.0.0.1]', '[0:0::1]']) {
      checkUrl(`http://${host}/`, note);
    }
    expect(asked).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1', '::ffff:7f00:1', '::1']);
  });

  it('does not ask about names', () => {
    expect(refusal('https://not-yet-resolvable.example/', nowhere)).toBe('accepted');
    expect(refusal('https://10.0.0.1.nip.io/', nowhere)).toBe('accepted');
  });

  it('takes a private address that the operator opened, on the ports that are open to webhooks', () => {
    const check = (text: string): boolean => isRight(checkUrl(text, (ip) => ip === '127.0.0.1'));
    expect(['http://127.0.0.1/x', 'http://127.0.0.1:9000/x', 'http://2130706433:40001/'].map(check)).toEqual([
      true,
      true,
      true,
    ]);
    expect(
      [
        'http://127.0.0.1:22/',
        'http://127.0.0.1:6379/',
        'http://127.0.0.2:9000/',
        'http://localhost:9000/',
      ].map(check),
    ).toEqual([false, false, false, false]);
  });

  it('tells what to do, and never repeats a password', () => {
    const checked = checkUrl('http://user:hunter2@partner.example/', everywhere);
    expect(checked).toEqual({
      _tag: 'Left',
      left: {
        _tag: 'UrlRefused',
        reason: 'user_info',
        message: 'The URL holds a user name or password: remove all before the host and the @.',
      },
    });
  });

  it('accepts nothing that reads differently the second time', () => {
    const piece = fc.constantFrom(
      'http',
      's',
      ':',
      '/',
      '@',
      '#',
      '?',
      '.',
      '[',
      ']',
      '%',
      '\\',
      'a',
      '1',
      'ö',
      ' ',
      '\t',
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string({ unit: 'grapheme', maxLength: 2 })), { maxLength: 20 }),
        (parts) => {
          const checked = checkUrl(`http://${parts.join('')}`, everywhere);
          if (isLeft(checked)) return;
          const again = checkUrl(checked.right.href, everywhere);
          expect(isRight(again) && again.right.href).toBe(checked.right.href);
          expect(checked.right).toMatchObject({ username: '', password: '', hash: '' });
        },
      ),
      { numRuns: 500 },
    );
  });
});
