import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../client/contract.ts';
import { silentLogger } from '../../machinery/logger.ts';
import { notFound } from '../../machinery/status-error.ts';
import { ServerAwayError } from '../server-away.ts';
import { ObjectReferences } from './object-references.ts';

function setUp(): { references: ObjectReferences; answer: (next: () => unknown) => void } {
  let answer: () => unknown = () => undefined;
  const client = {
    resource: () => ({
      get: async () => answer(),
      list: () => Promise.reject(new Error('no watch here')),
    }),
  } as unknown as Client;
  return {
    references: new ObjectReferences({ client, logger: silentLogger, changed: () => undefined }),
    answer: (next) => {
      answer = next;
    },
  };
}

const away = (): never => {
  throw new Error('connect ECONNREFUSED');
};

test('what was known last is answered while the server is away', async () => {
  const { references, answer } = setUp();
  const object = { metadata: { name: 'c', namespace: 'ns', resourceVersion: '1' }, data: { a: '1' } };
  answer(() => object);
  assert.equal(await references.configMap('u', 'ns', 'c'), object);
  answer(away);
  assert.equal(await references.configMap('u', 'ns', 'c'), object);
  await assert.rejects(references.configMap('u', 'ns', 'other'), ServerAwayError);
  references.close();
});

test('an object that does not exist is an answer, not an outage', async () => {
  const { references, answer } = setUp();
  answer(() => {
    throw notFound({ group: '', resource: 'secrets' }, 's');
  });
  assert.equal(await references.secret('u', 'ns', 's'), undefined);
  references.close();
});
