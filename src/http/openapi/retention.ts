import type { JsonObject } from '../../domain/json.ts';
import { MONTHS_MAX, MONTHS_MIN } from '../../domain/retention.ts';
import { inForms } from './common.ts';
import { described, GUID, INTEGER, nullable, object, operation, ref, type Schema, TIME } from './shape.ts';

const tag = 'Accounts';
const path = [{ name: 'company_id', description: 'The company.', schema: GUID }];

const MONTHS = described(
  nullable({ type: 'integer', minimum: MONTHS_MIN, maximum: MONTHS_MAX }),
  'Calendar months after which a settled invocation loses its body and its attempts but for the last event; null: never.',
);
const FOR_EVER = described(
  { type: 'null' },
  'Changes are facts: they are kept for ever, and nothing else can be set.',
);

const patch: Schema = {
  ...object({ invocations_months: MONTHS, changes_months: FOR_EVER }, [
    'invocations_months',
    'changes_months',
  ]),
  additionalProperties: true,
};

export const retentionSchemas: JsonObject = {
  Retention: object({
    company_id: GUID,
    invocations_months: MONTHS,
    changes_months: FOR_EVER,
    in_force_from: described(
      nullable(TIME),
      'A day after it was set: until then it can be taken back and nothing has gone. Null: nothing goes.',
    ),
    removed: described(
      nullable(object({ invocations: INTEGER, events: INTEGER, bytes: INTEGER, last_at: TIME })),
      'What the policy has removed so far; null: nothing.',
    ),
  }),
  RetentionPatch: patch,
};

export const retentionPaths: JsonObject = {
  '/accounts/{company_id}/retention': {
    get: operation({
      id: 'getRetention',
      tag,
      summary: 'How long a company keeps invocations, and what of them has gone',
      roles: ['partner', 'admin'],
      path,
      answer: { status: 200, description: 'The policy.', schema: ref('Retention') },
      problems: [404],
    }),
    patch: operation({
      id: 'updateRetention',
      tag,
      summary: 'Set how long a company keeps invocations',
      description:
        'In force after a day. Removed is what an invocation holds besides its last event, once it was settled (delivered, exhausted, cancelled, superseded) for so long: it cannot be read or retried any more. Its hash stays in the history, which can still be verified.',
      roles: ['admin'],
      path,
      body: { ...inForms(ref('RetentionPatch')), 'application/merge-patch+json': ref('RetentionPatch') },
      answer: { status: 200, description: 'The policy as it is now.', schema: ref('Retention') },
      problems: [400, 404, 413, 415, 422],
    }),
  },
};
