import assert from 'node:assert/strict';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const core = '/api/v1/namespaces/default';
const template = {
  metadata: { labels: { app: 'template' } },
  spec: { containers: [{ name: 'main', image: 'example.test/none' }] },
};

behaviour('ConfigMap, with empty-key', async () => {
  const body = { metadata: { name: 'empty-key' }, data: { '': 'value-1' } };
  assert.match(await suite.api.refused(422, 'POST', `${core}/configmaps`, { body }), /data\[\]: Invalid value: ""/);
});

behaviour('Secrets, with empty-key', async () => {
  const body = { metadata: { name: 'empty-key' }, data: { '': 'dmFsdWUtMQ==' } };
  assert.match(await suite.api.refused(422, 'POST', `${core}/secrets`, { body }), /data\[\]: Invalid value: ""/);
});

behaviour('ConfigMap Update', async () => {
  await suite.api.create(`${core}/configmaps`, { metadata: { name: 'updated' }, data: { 'data-1': 'value-1' } });
  await suite.api.change(`${core}/configmaps/updated`, (object) => {
    object['data'] = { 'data-1': 'value-2', 'data-2': 'value-2' };
  });
  assert.deepEqual((await suite.api.get(`${core}/configmaps/updated`))['data'], {
    'data-1': 'value-2',
    'data-2': 'value-2',
  });
});

for (const [name, resource, data, changed] of [
  ['ConfigMap Volume, immutability', 'configmaps', { key: 'value' }, { key: 'other' }],
  ['Secrets Volume, immutability', 'secrets', { key: 'dmFsdWU=' }, { key: 'b3RoZXI=' }],
] as const) {
  behaviour(name, async () => {
    const path = `${core}/${resource}/immutable`;
    await suite.api.create(`${core}/${resource}`, { metadata: { name: 'immutable' }, data });
    await suite.api.change(path, (object) => {
      object['data'] = changed;
    });
    const sealed = await suite.api.change(path, (object) => {
      object['immutable'] = true;
    });
    const refusal = /field is immutable when `immutable` is set/;
    for (const body of [
      { ...sealed, data },
      { ...sealed, immutable: false },
    ]) {
      assert.match(await suite.api.refused(422, 'PUT', path, { body }), refusal);
    }
    await suite.api.patch(path, { metadata: { labels: { still: 'changeable' } } });
    await suite.api.delete(path);
  });
}

behaviour('PodTemplate, delete a collection', async () => {
  const listed = `${core}/podtemplates?labelSelector=podtemplate-set%3Dtrue`;
  for (const name of ['set-1', 'set-2', 'set-3']) {
    await suite.api.create(`${core}/podtemplates`, {
      metadata: { name, labels: { 'podtemplate-set': 'true' } },
      template,
    });
  }
  assert.equal((await suite.api.items(listed)).length, 3);
  await suite.api.delete(listed);
  assert.deepEqual(await suite.api.items(listed), []);
});

behaviour('PodTemplate, replace', async () => {
  await suite.api.create(`${core}/podtemplates`, { metadata: { name: 'replaced' }, template });
  await suite.api.change(`${core}/podtemplates/replaced`, (object) => {
    object.metadata.annotations = { updated: 'true' };
  });
  const read = await suite.api.get(`${core}/podtemplates/replaced`);
  assert.deepEqual(
    [read.metadata.annotations, at(read, 'template.spec.containers.0.name')],
    [{ updated: 'true' }, 'main'],
  );
});
