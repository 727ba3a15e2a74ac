import type { Comparison, Example, WebhookDifference } from '../../simulator/rules/compare.ts';

/** What a preview prints for people. */

const WEBHOOKS_MAX = 10;
const RULES_MAX = 20;

export const previewText = (
  named: { readonly history: string; readonly now: string; readonly proposed: string },
  compared: Comparison,
): string => {
  const { events, changes, webhooks, companies, from, to, byRule, byWebhook, refused, silenced } = compared;
  const period = from === null || to === null ? '' : `, ${from.slice(0, 10)} to ${to.slice(0, 10)}`;
  const lines = [
    `History   ${named.history}`,
    `          ${count(events)} events: ${count(changes)} changes in ${count(companies)} companies, ${count(webhooks)} webhooks${period}`,
    `Now       ${named.now}: ${count(compared.now)} invocations`,
    `Proposed  ${named.proposed}: ${count(compared.proposed)} invocations`,
    '',
    `  ${count(compared.more)} more, ${count(compared.less)} less, ${count(compared.otherwise)} through other resources`,
  ];
  if (byRule.length > 0) {
    lines.push('', 'What reaches more or less');
    for (const { rule, more, less } of byRule.slice(0, RULES_MAX)) {
      lines.push(`  ${rule.padEnd(28)} ${signed(more, less)}`);
    }
    if (byRule.length > RULES_MAX) lines.push(`  … and ${byRule.length - RULES_MAX} others`);
  }
  if (byWebhook.length > 0) {
    lines.push('', `Who is told more or less: ${count(byWebhook.length)} webhooks`);
    for (const one of byWebhook.slice(0, WEBHOOKS_MAX)) lines.push(...webhookLines(one));
    if (byWebhook.length > WEBHOOKS_MAX) {
      lines.push(`  … and ${count(byWebhook.length - WEBHOOKS_MAX)} others; --json lists them all`);
    }
  }
  if (silenced.length > 0) {
    lines.push('', `Could never fire again: ${count(silenced.length)} webhooks`);
    for (const { webhook, hearsOf } of silenced.slice(0, WEBHOOKS_MAX))
      lines.push(`  ${webhook}  ${hearsOf}`);
    if (silenced.length > WEBHOOKS_MAX) lines.push(`  … and ${count(silenced.length - WEBHOOKS_MAX)} others`);
  }
  if (refused.length > 0) {
    lines.push('', 'Would be refused when the platform reports it');
    for (const { type, changes: times } of refused)
      lines.push(`  ${type.padEnd(28)} ${count(times)} changes`);
  }
  if (changes === 0) lines.push('', 'There is no change in it: nothing could be compared.');
  else if (compared.more + compared.less + compared.otherwise === 0) {
    lines.push('', 'Nobody would be told anything else.');
  }
  return `${lines.join('\n')}\n`;
};

const count = (number: number): string => number.toLocaleString('en-GB');

const signed = (more: number, less: number): string =>
  [...(more > 0 ? [`+${count(more)}`] : []), ...(less > 0 ? [`-${count(less)}`] : [])].join('  ');

const webhookLines = ({
  webhook,
  company,
  name,
  hearsOf,
  more,
  less,
  moreExamples,
  lessExamples,
}: WebhookDifference): ReadonlyArray<string> => [
  '',
  `  ${webhook}  ${hearsOf}${name === '' ? '' : `  "${name}"`}   ${signed(more, less)}`,
  `    company ${company}`,
  ...moreExamples.map((example) => `    + ${exampleText(example)}`),
  ...lessExamples.map((example) => `    - ${exampleText(example)}`),
];

const exampleText = ({ change, type, at, path }: Example): string =>
  `${at}  ${type}  ${path.join(' → ')}  (change ${change})`;
