import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { describe, expect, it, vi } from 'vitest';
import { audit as command } from '../../src/cli/audit.ts';
import { append } from '../contract/event-store.ts';
import { openStore, temporaryPaths } from '../eventstore/temporary.ts';
import { COMPANY, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';
import { INHERITED } from '../support/inherited.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const GUID = /[0-9a-f]{8}-[0-9a-f-]{27}/g;

const newPath = temporaryPaths();

const audit = async (path: string, ...args: ReadonlyArray<string>) => {
  const env = {
    ...INHERITED,
    CALLBOARD_STORE: `sqlite:${path}`,
    CALLBOARD_DATA_DIR: join(path, '..'),
  };
  const child = spawn(process.execPath, [MAIN, 'audit', ...args], { env });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output, errors };
};

/** A change that a good and a bad endpoint are told of, lived in memory with its own time, and then stored. */
const story = async (path: string): Promise<void> => {
  const world = await World.started();
  const selection = {
    dialect: 'openticket',
    resource: 'event',
    trigger: 'update',
    identifier: '',
    triggeredByChildResources: true,
  } as const;
  await world.webhook({ selection });
  await world.webhook({ selection, url: 'https://bad.example/hook', retries: 1 });
  world.sender.at('https://bad.example/hook', answers(500));
  await world.report(
    world.change('ticket.update', 't1', { declared: [{ resource: 'event', identifier: 'e1' }] }),
  );
  await world.report(world.change('event.update', 'e9'));
  await world.clock.advance(60_000);
  const log = await world.store.readAll({ after: 0, limit: 1_000 })();
  if (isLeft(log)) throw new Error(log.left.message);
  const store = await openStore(path);
  for (const { stream, revision, event } of log.right.events) {
    await append(store, { stream, expectedRevision: revision - 1, events: [event] });
  }
  await store.close();
  world.kill();
};

const DEADLINE = { timeout: 60_000 };

describe('callboard audit timeline', () => {
  it('tells as a tree what was reported, what followed, and every attempt', DEADLINE, async () => {
    const path = newPath();
    await story(path);
    const { code, output } = await audit(path, 'timeline', 'ticket', 't1');
    expect(code).toBe(0);
    const lines = output
      .replaceAll(GUID, 'GUID')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/after \d+ ms( at [\w.]+)?/g, 'after N ms')
      .split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'ticket "t1" of company GUID',
      '',
      expect.stringMatching(/^TIME ticket.update fires update, relation: change GUID, revision 0$/) as string,
      expect.stringMatching(/^ {2}reported by platform in request GUID as /) as string,
    ]);
    expect(lines.filter((line) => line.includes(' is told '))).toHaveLength(2);
    const bad = lines.findIndex((line) => line.endsWith('exhausted'));
    expect(lines.slice(bad, bad + 6)).toEqual([
      '  TIME webhook GUID is told of event e1 update, ticket t1 → event e1: invocation GUID, exhausted',
      '    TIME attempt 1: POST https://bad.example/hook, webhook at revision 0',
      expect.stringMatching(
        /^ {6}TIME failed after N ms: answered 500.*; the next attempt not before TIME$/,
      ) as string,
      '    TIME attempt 2: POST https://bad.example/hook, webhook at revision 0',
      expect.stringMatching(/^ {6}TIME failed after N ms: answered 500.*; no attempt is left$/) as string,
      '    TIME given up: all attempts failed',
    ]);

    const json = await audit(path, 'timeline', 'ticket', 't1', '--json', '--company', COMPANY);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.output)).toMatchObject({
      type: 'ticket.update',
      revision: 0,
      more: false,
      invocations: [{ attempts: [{ number: 1 }] }, { attempts: [{ number: 1 }, { number: 2 }] }],
    });
  });

  it('says what it was asked wrongly, and what is not there', DEADLINE, async () => {
    const path = newPath();
    await story(path);
    for (const [args, words] of [
      [['timeline', 'o1'], 'nothing was reported of order "o1"'],
      [['timeline', 'ticket', 't1', '--company', COMPANY.replace('0', '1')], 'nothing was reported'],
    ] as const) {
      const got = await audit(path, ...args);
      expect([args, got.code]).toEqual([args, 1]);
      expect(got.errors).toContain(words);
    }
  });

  it('refuses what it is not made for', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    for (const [args, words] of [
      [['timeline', 'venue', '1'], 'there is no resource "venue"'],
      [['timeline'], 'timeline takes an order'],
      [['timeline', 'order', '1', '2'], 'timeline takes an order'],
      [[], 'audit what?'],
      [['repair'], 'there is no audit "repair"'],
      [['conserve', '--by', 'month'], '--by takes company, webhook, day'],
      [['verify', '--by', 'day'], "Unknown option '--by'"],
      [['verify', '--company', COMPANY], "Unknown option '--company'"],
      [['verify', '--json'], "Unknown option '--json'"],
      [['shadow', '--retries', '0', '--from', '2126-05-02T00:00:00Z'], '--from lies in the future'],
      [['shadow', '--retries', '0', '--to', '2126-05-02T00:00:00Z'], '--to lies in the future'],
    ] as const) {
      said.mockClear();
      expect([args, await command.run(args)]).toEqual([args, 2]);
      expect(String(said.mock.calls[0]?.[0])).toContain(words);
    }
    said.mockRestore();
  });
});

describe('callboard audit conserve', () => {
  it('prints one object, and with --by one before it for each group', DEADLINE, async () => {
    const path = newPath();
    await story(path);
    const objects = ({ output }: { readonly output: string }): ReadonlyArray<Record<string, unknown>> =>
      output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const whole = {
      scheduled: 4,
      delivered: 2,
      waiting: 0,
      in_flight: 0,
      exhausted: 2,
      cancelled: 0,
      superseded: 0,
    };
    expect(objects(await audit(path, 'conserve'))).toEqual([whole]);
    const byWebhook = await audit(path, 'conserve', '--by', 'webhook');
    expect(byWebhook.code).toBe(0);
    expect(objects(byWebhook)).toEqual([
      {
        ...whole,
        scheduled: 2,
        exhausted: 0,
        company_id: COMPANY,
        webhook: expect.any(String) as string,
        difference: 0,
      },
      {
        ...whole,
        scheduled: 2,
        delivered: 0,
        company_id: COMPANY,
        webhook: expect.any(String) as string,
        difference: 0,
      },
      whole,
    ]);
  });
});

describe('callboard audit, when its output goes nowhere', () => {
  const told = async (path: string, stdout: 'pipe' | number) => {
    const temporary = join(path, '../temporary');
    mkdirSync(temporary);
    const env = {
      ...INHERITED,
      CALLBOARD_STORE: `sqlite:${path}`,
      CALLBOARD_DATA_DIR: join(path, '..'),
      TMPDIR: temporary,
    };
    const child = spawn(process.execPath, [MAIN, 'audit', 'timeline', 'ticket', 't1'], {
      env,
      stdio: ['ignore', stdout, 'pipe'],
    });
    child.stdout?.destroy();
    let errors = '';
    child.stderr?.on('data', (chunk) => (errors += String(chunk)));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, errors: errors.replaceAll(/^read .*\n/gm, ''), left: readdirSync(temporary) };
  };

  it('says nothing when its reader has gone, and leaves nothing behind', DEADLINE, async () => {
    const path = newPath();
    await story(path);
    expect(await told(path, 'pipe')).toEqual({ code: 1, errors: '', left: [] });
  });

  it.runIf(existsSync('/dev/full'))('says that the disk is full', DEADLINE, async () => {
    const path = newPath();
    await story(path);
    const full = openSync('/dev/full', 'w');
    const { code, errors, left } = await told(path, full);
    closeSync(full);
    expect({ code, left }).toEqual({ code: 1, left: [] });
    expect(errors).toMatch(/^callboard: what was found cannot be written: ENOSPC.*\n$/);
  });
});
