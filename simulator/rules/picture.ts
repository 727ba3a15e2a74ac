import type { ResourceRef } from '../../src/domain/resources.ts';
import { oracle, type Verdict } from './oracle.ts';
import type { Trial, Violation } from './properties.ts';
import type { Subject } from './subject.ts';
import { isReport, refText, type Relation, type Step, type Told, type Webhook } from './world.ts';

/** A world as a picture in text: what happened, what belongs to what at the moment in question, and who is told. */
export const picture = async (
  subject: Subject,
  { rules, world }: Trial,
  { reason, step, webhook, altered }: Violation,
): Promise<string> => {
  const report = step === undefined ? undefined : world.steps[step];
  const lines: string[] = [];
  if (report !== undefined && isReport(report) && step !== undefined) {
    const verdict = oracle(rules, world).find((one) => one.step === step);
    const heard = (await subject.hear(rules, world)).find((one) => one.step === step);
    lines.push(`What belongs to what in company ${report.company} when it happens`, '');
    lines.push(...indented(drawing(report.ref, verdict?.relations ?? [], heard?.told ?? [])), '');
    lines.push('What happens', '', ...indented(history(world.steps.slice(0, step + 1), verdict)), '');
    lines.push(
      'Webhooks',
      '',
      ...indented(table(world.webhooks, verdict?.told ?? [], heard?.told ?? [])),
      '',
    );
  } else {
    lines.push('Webhooks', '', ...indented(table(world.webhooks, [], [])), '');
  }
  if (altered !== undefined) lines.push(`Altered   ${altered}`);
  lines.push(`Violated  ${webhook === undefined ? '' : `${webhook}: `}${reason}`);
  return lines.join('\n');
};

const indented = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.map((line) => `  ${line}`.trimEnd());

/** The resource and, below it, all that it belongs to; ways that meet again are drawn once. */
const drawing = (
  origin: ResourceRef,
  relations: ReadonlyArray<Relation>,
  told: ReadonlyArray<Told>,
): ReadonlyArray<string> => {
  const lines: string[] = [];
  const drawn = new Set<string>();
  const notes = (ref: ResourceRef): string => {
    const names = told
      .filter(({ matched }) => matched.some((one) => refText(one.ref) === refText(ref)))
      .map((one) => one.webhook);
    return names.length === 0 ? '' : `   ◄ ${names.join(', ')}`;
  };
  const draw = (ref: ResourceRef, lead: string, below: string, mark: string): void => {
    const again = drawn.has(refText(ref));
    drawn.add(refText(ref));
    const parents = relations
      .filter(({ child }) => refText(child) === refText(ref))
      .map(({ parent }) => parent);
    const hint = again && parents.length > 0 ? ' (see above)' : '';
    lines.push(`${lead}${refText(ref)}${mark}${hint}${again ? '' : notes(ref)}`);
    if (again) return;
    parents.forEach((parent, at) => {
      const last = at === parents.length - 1;
      draw(parent, `${below}${last ? '└─ ' : '├─ '}`, `${below}${last ? '   ' : '│  '}`, '');
    });
  };
  draw(origin, '', '', '  changes');
  const elsewhere = relations.filter(({ child }) => !drawn.has(refText(child)));
  if (elsewhere.length > 0) {
    lines.push('', 'elsewhere');
    for (const { child, parent } of elsewhere) lines.push(`${refText(child)} ─ ${refText(parent)}`);
  }
  // Told through what it does not belong to at all.
  const astray = told.filter(({ matched }) => matched.some(({ ref }) => !drawn.has(refText(ref))));
  for (const { webhook, matched } of astray) {
    lines.push('', `${webhook} is told through ${matched.map(({ ref }) => refText(ref)).join(', ')}`);
  }
  return lines;
};

const history = (steps: ReadonlyArray<Step>, verdict: Verdict | undefined): ReadonlyArray<string> =>
  steps.map((step, at) => {
    const number = `${at + 1}.`.padEnd(4);
    if (step.step === 'retarget') {
      return `${number}${step.webhook} is turned to ${JSON.stringify(step.to)}`;
    }
    if (!isReport(step)) return `${number}${step.webhook} is ${PAST[step.step]}`;
    const { company, type, ref, relations, order } = step;
    const said = [
      ...(relations === undefined ? [] : [`belongs to ${relations.map(refText).join(', ') || 'nothing'}`]),
      ...(order?.event === undefined ? [] : [`its event ${order.event}`]),
      ...(order === undefined || order.ticketTypes.length === 0
        ? []
        : [`its ticket types ${order.ticketTypes.join(', ')}`]),
    ];
    const fires = verdict?.step === at ? `; fires ${verdict.triggers.join(', ')}` : '';
    return `${number}company ${company}  ${type} ${ref.identifier}${said.length > 0 ? `: ${said.join('; ')}` : ''}${fires}`;
  });

const PAST = { enable: 'enabled', disable: 'disabled', delete: 'deleted' } as const;

const table = (
  webhooks: ReadonlyArray<Webhook>,
  should: ReadonlyArray<Told>,
  does: ReadonlyArray<Told>,
): ReadonlyArray<string> => {
  const told = (some: ReadonlyArray<Told>, name: string): string => {
    const times = some.filter(({ webhook }) => webhook === name);
    return times.length === 0 ? 'no' : times.map(({ by }) => by).join(' + ');
  };
  const rows = webhooks.map((webhook) => [
    webhook.name,
    webhook.company,
    selectionText(webhook),
    told(should, webhook.name),
    told(does, webhook.name),
  ]);
  return columns([['', 'company', 'hears of', 'should be told', 'is told'], ...rows]);
};

const selectionText = (webhook: Webhook): string =>
  webhook.dialect === 'moshtix'
    ? webhook.systemEvents.join(', ')
    : `${webhook.resource}.${webhook.trigger} of ${webhook.identifier === '' ? 'any' : webhook.identifier}${webhook.byChildren ? ', by children' : ''}`;

const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};
