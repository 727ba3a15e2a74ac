import { isLeft } from 'fp-ts/lib/Either.js';
import { readEnvironment } from '../main.ts';
import { runCheck } from './audit/check.ts';
import { GROUPINGS } from '../audit/conservation.ts';
import { isResource, type Resource, RESOURCES } from '../domain/resources.ts';
import { runConserve } from './audit/conserve.ts';
import { EXPORT_HELP, runExport } from './audit/export.ts';
import { runExplain } from './audit/explain.ts';
import { runProve } from './audit/prove.ts';
import { runRoot } from './audit/root.ts';
import { runSeal, runSealKey } from './audit/seal.ts';
import { runShadow, SHADOW_HELP } from './audit/shadow.ts';
import { runTimeline } from './audit/timeline.ts';
import { runVerify } from './audit/verify.ts';
import { type Command, failed, misused, parseOptions } from './command.ts';

const HELP = `callboard audit verify [--root FILE …] [--key FILE]
callboard audit conserve [--by company|webhook|day]
callboard audit explain CHANGE [--json]
callboard audit timeline ORDER [--company GUID] [--json]
callboard audit timeline RESOURCE ID [--company GUID] [--json]
callboard audit seal
callboard audit seal-key FILE
callboard audit root [--out FILE]
callboard audit prove GUID [--out FILE] [--root FILE]
callboard audit check FILE [--root FILE] [--key FILE]
callboard audit export --out FOLDER [...]
callboard audit export --check FOLDER
callboard audit shadow …

explain: says of every webhook of the change's company why it was told of the change or was not, and what came of it.
Webhooks and relations are those in force at the change; with --json one JSON object a webhook. Works with the server up or
down, from the log alone; a running server answers the same at once under /changes/{change}/explain.

timeline: everything that was reported of an order, or of another resource such as 'event 42': below each change what followed
from it, every attempt with its answer, and what was asked for by hand; with --json one JSON object a change, as under
/resources/{resource}/{id}/timeline. --company is needed where several companies have one of that name.

conserve: counts what became of every invocation, as one JSON object, and compares the invocations with the changes and the
webhooks that had to hear of them, by the rules in force now. Exit code 1 when something does not fit, with the change and
the webhook of each difference. With --by every company, each of its webhooks or each day (UTC, of the scheduling) is counted
apart, one JSON object a line, before the whole; a running server tells the same at once under /conservation. Works with the server up or down; writes nothing.

verify: checks the whole history: every stream's hash chain, revisions without gaps, and that what each seal covers is there as
it was. Works with the server up or down; writes and repairs nothing. Exit code 1 when something does not fit, with stream and
revision of each place. With --root (of several times, if there are several) also that the history still contains what was kept
then; with --key that every seal from the first signed one on is signed with that key.

In the embedded store also positions without gaps, and nothing missing at a stream's end. An EventStoreDB keeps no second
account of where a stream ends: events missing there are not found. A stream whose beginning is gone is accepted exactly
where 'callboard scavenge' has recorded the hash of the last event that went, and what remains fits it. Else it is one of
the places: from there on it is checked as any other.

In both, what is missing at the end of a stream, or a whole stream, is found as far as a seal covers it.

seal: seals what is new, as the server does from time to time (CALLBOARD_SEAL_EVERY_MS), signed if CALLBOARD_SEAL_KEY names a
key. With the embedded store only while the server is down. seal-key makes such a key: FILE, and FILE.pub for auditors.

root: the newest seal, which stands for all of the history up to it. Keep it where whoever runs Callboard cannot change it.

prove: a file that proves that an invocation, or a change, is part of what the newest seal covers, or that of --root.
check: checks such a file. Needs neither a store nor a server; --root is the root that you have kept, --key the operator's
public key. Exit code 1 when it does not hold.
`;

const OPTIONS = {
  json: { type: 'boolean', default: false },
  root: { type: 'string', multiple: true },
  key: { type: 'string' },
  out: { type: 'string' },
  by: { type: 'string' },
  company: { type: 'string' },
} as const;

type Option = keyof typeof OPTIONS;

/** What each action takes: how many names after it, and which options. */
const ACTIONS: Readonly<
  Record<string, { readonly takes: ReadonlyArray<number>; readonly options: ReadonlyArray<Option> }>
> = {
  verify: { takes: [0], options: ['root', 'key'] },
  conserve: { takes: [0], options: ['by'] },
  explain: { takes: [1], options: ['json'] },
  timeline: { takes: [1, 2], options: ['company', 'json'] },
  seal: { takes: [0], options: [] },
  'seal-key': { takes: [1], options: [] },
  root: { takes: [0], options: ['out'] },
  prove: { takes: [1], options: ['out', 'root'] },
  check: { takes: [1], options: ['root', 'key'] },
};

export const audit: Command = {
  summary:
    'verify, seal and prove the history, account for every invocation, explain a change, tell the story of an order, export',
  help: `${HELP}\n${EXPORT_HELP}\n${SHADOW_HELP}`,
  async run(args) {
    if (args[0] === 'export') return runExport(args.slice(1));
    if (args[0] === 'shadow') return runShadow(args.slice(1));
    const options = parseOptions(args, OPTIONS, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    const [what, ...more] = positionals;
    const action = what === undefined ? undefined : ACTIONS[what];
    if (action === undefined || !action.takes.includes(more.length)) {
      return misused(
        'audit takes: verify, conserve, explain CHANGE, timeline ORDER, timeline RESOURCE ID, seal, seal-key FILE, root, prove GUID, check FILE',
        HELP,
      );
    }
    const given = Object.keys(OPTIONS).filter((name): name is Option => Boolean(values[name as Option]));
    const stray = given.find((name) => !action.options.includes(name));
    if (stray !== undefined) return misused(`--${stray} is not for ${what}`, HELP);
    const [name = ''] = more;
    const { by, company } = values;
    const grouping = GROUPINGS.find((one) => one === by);
    if (by !== undefined && grouping === undefined) {
      return misused(`--by takes ${GROUPINGS.join(', ')}, not "${by}"`, HELP);
    }
    const [identifier = '', resource = 'order'] = more.toReversed();
    if (what === 'timeline' && !isResource(resource)) {
      return misused(`there is no resource "${resource}": ${RESOURCES.join(', ')}`, HELP);
    }
    const roots = values.root ?? [];
    if (what !== 'verify' && roots.length > 1) return misused(`${what} takes one --root`, HELP);
    const [root] = roots;
    // These two need no history.
    if (what === 'seal-key') return runSealKey(name);
    if (what === 'check') return runCheck(name, root, values.key);

    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const { store, rulesPath, sealKeyPath } = config.right;
    if (store.kind === 'memory')
      return failed('there is no history to audit in memory: CALLBOARD_STORE=memory:');
    switch (what) {
      case 'conserve':
        return runConserve({ store, rulesPath }, grouping);
      case 'explain':
        return runExplain({ store, rulesPath }, name, values.json);
      case 'timeline': {
        const ref = { resource: resource as Resource, identifier };
        return runTimeline(
          { store, rulesPath },
          { ref, companyId: company?.toLowerCase(), asJson: values.json },
        );
      }
      case 'seal':
        return runSeal(store, sealKeyPath);
      case 'root':
        return runRoot(store, values.out);
      case 'prove':
        return runProve(store, name, { out: values.out, root });
      default:
        return runVerify(store, { roots, key: values.key });
    }
  },
};
