import { describe, expect, it } from 'vitest';
import type { Shadowed } from '../../../src/audit/shadow.ts';
import { shadowHtml, shadowJson, shadowText } from '../../../src/cli/audit/shadow-report.ts';

const HOSTILE = '<script>alert("1")</script>';
const outcomes = { delivered: 1, exhausted: 0, unknown: 0 };
const rounds = {
  compared: 1,
  attemptsBefore: 2,
  attemptsAfter: 1,
  waitedMsBefore: 1_500,
  waitedMsAfter: 0,
  before: outcomes,
  after: outcomes,
};
const counts = { equal: 4, differs: 1, only_before: 2, only_after: 3 };
const RESULT: Shadowed = {
  changes: 9,
  counts,
  rounds,
  webhooks: [
    {
      webhook: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a01',
      companyId: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a02',
      counts,
      rounds,
      examples: [
        {
          compared: 'differs',
          change: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03',
          changeType: 'event.update',
          recordedAtMs: 0,
          invocation: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a04',
          path: [{ resource: 'event', identifier: HOSTILE }],
          differences: [{ path: HOSTILE, before: undefined, after: HOSTILE }],
        },
      ],
      roundExamples: [
        {
          invocation: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a04',
          before: { startedAtMs: [0, 1_500], outcome: 'delivered' },
          after: { startedAtMs: [0], outcome: 'delivered' },
        },
      ],
    },
  ],
};

describe('the report of a shadow replay', () => {
  it('as HTML has no script, and nothing of the history but as text', () => {
    const page = shadowHtml({ template: HOSTILE }, RESULT);
    expect(page).not.toContain('<script');
    expect(page).not.toMatch(/\s(?:src|href|on\w+)=/);
    expect(page.split('&lt;script&gt;alert(&quot;1&quot;)').length - 1).toBe(4);
    expect(page).toContain('nothing');
  });

  it('as JSON says the same for programs', () => {
    expect(JSON.parse(shadowJson({ retries: '0' }, RESULT))).toMatchObject({
      tried: { retries: '0' },
      changes: 9,
      counts,
      rounds: { attempts: { before: 2, after: 1 }, waited_ms: { before: 1_500, after: 0 } },
      webhooks: [
        {
          examples: [
            {
              type: 'event.update',
              recorded_at: '1970-01-01T00:00:00.000Z',
              differences: [{ path: HOSTILE, before: null, after: HOSTILE }],
            },
          ],
          attempts: [{ before: { started_at: ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.500Z'] } }],
        },
      ],
    });
  });

  it('as text counts, and names the webhooks of which something is otherwise', () => {
    const text = shadowText({ retries: '0' }, RESULT);
    expect(text).toContain('        2  told then, and would not be');
    expect(text).toContain(
      'webhook 6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a01: 1 with another body, 2 less, 3 more',
    );
  });
});
