import type { JsonObject } from '../../domain/json.ts';
import { inForms, WEBHOOK_IN_PATH } from './common.ts';
import { BOOLEAN, described, nullable, object, operation, ref, type Schema, TEXT } from './shape.ts';

const tag = 'Webhooks';
const roles = ['partner', 'admin'] as const;

const settings = object({
  enabled: BOOLEAN,
  ordering: described(
    { type: 'string', enum: ['none', 'per_resource'] },
    'per_resource: a later invocation for the same resource waits until the earlier one is settled.',
  ),
  coalesce: described(BOOLEAN, 'A newer invocation supersedes one that still waits for the same resource.'),
  retry_base_ms: described(
    { type: 'integer', minimum: 10, maximum: 3_600_000 },
    'The first wait; it doubles after every retry. The default of the server when none was set.',
  ),
  disabled_reason: described(
    nullable(TEXT),
    'Null while enabled; "by_request", or a sentence about the answer that disabled it.',
  ),
});

const settingsPatch: Schema = {
  ...object(
    {
      enabled: BOOLEAN,
      ordering: { type: 'string', enum: ['none', 'per_resource'] },
      coalesce: BOOLEAN,
      retry_base_ms: described(
        nullable({ type: 'integer', minimum: 10, maximum: 3_600_000 }),
        'Null goes back to the default of the server.',
      ),
    },
    ['enabled', 'ordering', 'coalesce', 'retry_base_ms'],
  ),
  additionalProperties: true,
};

export const settingsSchemas: JsonObject = { Settings: settings, SettingsPatch: settingsPatch };

export const settingsPaths: JsonObject = {
  '/webhook/{guid}/settings': {
    get: operation({
      id: 'getSettings',
      tag,
      summary: 'Read what the dialects do not have',
      roles,
      path: WEBHOOK_IN_PATH,
      answer: { status: 200, description: 'The settings.', schema: ref('Settings') },
      problems: [404],
    }),
    patch: operation({
      id: 'updateSettings',
      tag,
      summary: 'Change some settings',
      description:
        'All values are checked before any is stored. Disabling cancels what waits; while disabled, nothing is scheduled.',
      roles,
      path: WEBHOOK_IN_PATH,
      body: { ...inForms(ref('SettingsPatch')), 'application/merge-patch+json': ref('SettingsPatch') },
      answer: { status: 200, description: 'The settings as they are now.', schema: ref('Settings') },
      problems: [400, 404, 413, 415, 422],
    }),
  },
};
