import type { JsonObject } from '../../domain/json.ts';
import {
  array,
  BOOLEAN,
  described,
  INTEGER,
  listOf,
  nullable,
  object,
  operation,
  TEXT,
  TIME,
} from './shape.ts';

const node = object({
  node: described(TEXT, 'One run of the program; "alone" where the store is not shared.'),
  name: described(TEXT, 'Of its data folder: the same after a restart.'),
  url: TEXT,
  version: TEXT,
  this_node: described(BOOLEAN, 'Whether it is the one that answers.'),
  joined_at: TIME,
  renewed_at: described(TIME, 'When it last renewed its lease.'),
  leaving: described(BOOLEAN, 'It is being stopped, and only finishes what it has in flight.'),
  partitions: described(INTEGER, 'How many of the 256 partitions of endpoints are its own.'),
  partition_ids: array(INTEGER),
  in_flight: described(INTEGER, 'Attempts running.'),
  read_up_to: described(INTEGER, 'Position up to which it shows the log.'),
  handled_up_to: described(
    INTEGER,
    'Position up to which all is scheduled that the log asks for in its partitions.',
  ),
  behind: described(INTEGER, 'How many positions its read models are behind the newest known.'),
  lease_ms: described(
    nullable(INTEGER),
    'How long it may be silent before others take over: its CALLBOARD_LEASE_MS. Null where the store is not shared, or it does not tell.',
  ),
  settings: described(
    nullable({ type: 'object', additionalProperties: TEXT }),
    'What all nodes should be given alike, by the name of the variable; rules as a digest. Null where an older version does not tell.',
  ),
  differs_in: described(
    array(TEXT),
    'In what it differs from the node that answers: names of variables, or "version". Empty when all is well.',
  ),
});

export const nodeSchemas: JsonObject = {
  Node: { ...node, description: 'One of the nodes that share the store.' },
};

export const nodePaths: JsonObject = {
  '/nodes': {
    get: operation({
      id: 'listNodes',
      tag: 'Service',
      summary: 'Which nodes share the work, and how far each has come',
      description:
        'Several servers on one EventStoreDB share its work. What is told of other nodes is as old as their last renewal.',
      roles: ['admin'],
      answer: {
        status: 200,
        description: 'The nodes.',
        schema: listOf({ $ref: '#/components/schemas/Node' }),
      },
    }),
  },
};
