import { hash } from 'node:crypto';

/**
 * How work is split between nodes: endpoints are spread over a fixed number of partitions, and each partition belongs to
 * one of the nodes that are alive. All webhooks with one endpoint are in one partition, so that its cap and the order of
 * what it is told hold however many nodes there are.
 */
export const PARTITIONS = 256;

/** Characters of a hash that are taken as a number: 52 bits, which a number holds exactly. */
const HASH_DIGITS = 13;

const hashOf = (text: string): number => Number.parseInt(hash('sha256', text).slice(0, HASH_DIGITS), 16);

/** The endpoint of a URL: origin and path. Webhooks with the same endpoint share its cap. */
export const endpointOf = (url: string): string => {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
};

/** From 0 to {@link PARTITIONS} − 1. A storage format: nodes of different versions must agree. */
export const partitionOf = (endpoint: string): number => hashOf(endpoint) % PARTITIONS;

/**
 * The node that a partition belongs to, by rendezvous hashing: when a node comes or goes, only its own partitions move.
 * Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous" (1996). Undefined without nodes.
 */
export const ownerOf = (partition: number, nodes: Iterable<string>): string | undefined => {
  let owner: string | undefined;
  let highest = -1;
  for (const node of nodes) {
    const weight = hashOf(`${node} ${partition}`);
    if (weight > highest || (weight === highest && node > (owner ?? ''))) {
      owner = node;
      highest = weight;
    }
  }
  return owner;
};
