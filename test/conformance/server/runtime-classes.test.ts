import assert from 'node:assert/strict';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const pods = '/api/v1/namespaces/default/pods';
const classes = '/apis/node.k8s.io/v1/runtimeclasses';
const pod = (name: string, runtimeClassName: string): object => ({
  metadata: { name },
  spec: { runtimeClassName, containers: [{ name: 'main', image: 'example.test/none' }] },
});

behaviour('Pod with the non-existing RuntimeClass is rejected.', async () => {
  assert.match(
    await suite.api.refused(403, 'POST', pods, { body: pod('never', 'nonexistent') }),
    /pod rejected: RuntimeClass "nonexistent" not found/,
  );
});

behaviour('Pod with the deleted RuntimeClass is rejected.', async () => {
  await suite.api.create(classes, { metadata: { name: 'deleted' }, handler: 'runc' });
  await suite.api.create(pods, pod('before', 'deleted'));
  await suite.api.delete(`${classes}/deleted`);
  await suite.api.refused(403, 'POST', pods, { body: pod('after', 'deleted') });
});
