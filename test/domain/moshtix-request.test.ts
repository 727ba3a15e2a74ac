import { describe, expect, it } from 'vitest';
import {
  compileRequest,
  customHeaders,
  DEFAULT_TEMPLATE,
  renderSavedBody,
  savedEvent,
} from '../../src/domain/moshtix-request.ts';

const header = (name: string, value: string) => ({ id: 1, name, value });

describe('the body', () => {
  it('is the printed one', () => {
    const compiled = compileRequest({ headers: [], body: DEFAULT_TEMPLATE });
    const fields = {
      systemEvent: 'ORDER_SAVED',
      contextId: '37228036',
      dataJson: '{"id":37228036}',
    } as const;
    expect(renderSavedBody(compiled, fields)).toBe(
      '{ "eventType": "order-saved-prepare-full-message", "contextId": 37228036, "data": {"id":37228036}}',
    );
  });

  it('is filled as its Content-Type needs it, whatever the case of that name', () => {
    const compiled = compileRequest({
      headers: [header('CONTENT-type', 'application/x-www-form-urlencoded')],
      body: 'id=@contextId&data=@data',
    });
    const fields = { systemEvent: 'EVENT_SAVED', contextId: 'a&b', dataJson: '{"a":"b c"}' } as const;
    const body = new URLSearchParams(renderSavedBody(compiled, fields));
    expect([...body]).toEqual([
      ['id', 'a&b'],
      ['data', '{"a":"b c"}'],
    ]);
  });

  it('of a template that no version may have saved is a defect', () => {
    expect(() => compileRequest({ headers: [], body: '@nothing' })).toThrow('a saved template is refused');
  });
});

describe('the headers', () => {
  const headers = (...own: ReadonlyArray<ReturnType<typeof header>>) =>
    customHeaders({
      request: { headers: own, body: '' },
      invocation: 'guid',
      timestampSeconds: 7,
      version: '1.2.3',
    });

  it('are its own and those of Standard Webhooks', () => {
    expect(headers(header('X-Key', 'k'))).toEqual({
      'Content-Type': 'application/json',
      'User-Agent': 'Callboard/1.2.3',
      'X-Key': 'k',
      'webhook-id': 'guid',
      'webhook-timestamp': '7',
    });
  });

  it('leave out what it names itself', () => {
    expect(headers(header('content-type', 'text/plain'), header('USER-AGENT', 'mine'))).toEqual({
      'content-type': 'text/plain',
      'USER-AGENT': 'mine',
      'webhook-id': 'guid',
      'webhook-timestamp': '7',
    });
  });
});

describe('the saved event', () => {
  it('has the printed fields in the printed order, then what else was reported', () => {
    const event = {
      identifier: '132218',
      data: {
        venue: 'Hall',
        tags: { items: ['a'] },
        endDate: '2023-12-31T23:30:00.000Z',
        name: 'Test API Event',
        relations: [],
        startDate: '2023-12-31T22:30:00.000Z',
      },
    };
    const ticketTypes = [{ identifier: '360875', data: { name: 'free', price: 0 } }];
    expect(JSON.stringify(savedEvent(event, ticketTypes))).toBe(
      '{"id":132218,"name":"Test API Event","startDate":"2023-12-31T22:30:00.000Z",' +
        '"endDate":"2023-12-31T23:30:00.000Z","client":null,"tags":{"items":["a"]},"venue":"Hall",' +
        '"ticketTypes":{"items":[{"id":360875,"name":"free","tags":{"items":[]},"price":0}]}}',
    );
  });

  it('has nulls where nothing was reported, and an id that is no number as text', () => {
    expect(savedEvent({ identifier: 'ev-1', data: undefined }, [])).toEqual({
      id: 'ev-1',
      name: null,
      startDate: null,
      endDate: null,
      client: null,
      tags: { items: [] },
      ticketTypes: { items: [] },
    });
    expect(savedEvent({ identifier: '007', data: undefined }, [])).toMatchObject({ id: '007' });
    expect(savedEvent({ identifier: '99999999999999999', data: { id: 5 } }, [])).toMatchObject({ id: 5 });
  });
});
