import type { JsonObject } from '../../domain/json.ts';
import { WEBHOOK_IN_PATH } from './common.ts';
import { described, nullable, object, operation, ref, type Schema, TIME } from './shape.ts';

const tag = 'Signing secrets';
const roles = ['partner', 'admin'] as const;

const SECRET: Schema = { type: 'string', pattern: '^whsec_[A-Za-z0-9+/=]+$' };

export const secretSchemas: JsonObject = {
  Secret: object({
    secret: described(SECRET, 'Signs every request.'),
    previous: described(nullable(SECRET), 'The secret before the last rotation, while it signs too.'),
    previous_until: described(nullable(TIME), 'Until when the previous secret signs.'),
  }),
};

export const secretPaths: JsonObject = {
  '/webhook/{guid}/secret': {
    get: operation({
      id: 'getSecret',
      tag,
      summary: 'Read the signing secret',
      roles,
      path: WEBHOOK_IN_PATH,
      answer: { status: 200, description: 'The secrets that sign now.', schema: ref('Secret') },
      problems: [404],
    }),
  },
  '/webhook/{guid}/secret/rotate': {
    post: operation({
      id: 'rotateSecret',
      tag,
      summary: 'Replace the signing secret',
      description:
        'For 24 hours a secret that was replaced goes on signing beside the new one, so that a receiver can change over. This also holds when another rotation follows sooner; at most 10 replaced secrets sign at a time.',
      roles,
      path: WEBHOOK_IN_PATH,
      answer: { status: 200, description: 'The secrets that sign now.', schema: ref('Secret') },
      problems: [404, 409],
    }),
  },
};
