import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from '../../api/rbac/v1/types.generated.ts';
import { CompiledRule, formatRules, rulesNotCovered } from './rules.ts';

const pods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log', '*/scale'] };
const named: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['a'] };
const paths: PolicyRule = { verbs: ['get'], nonResourceURLs: ['/healthz', '/metrics/*'] };
const everything: PolicyRule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };

interface Ask {
  readonly verb?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly path?: string;
}

const cases: [string, PolicyRule, Ask, boolean][] = [
  ['a listed verb and resource', pods, { resource: 'pods' }, true],
  ['another verb', pods, { resource: 'pods', verb: 'delete' }, false],
  ['another group', pods, { resource: 'pods', group: 'apps' }, false],
  ['a listed subresource', pods, { resource: 'pods', subresource: 'log' }, true],
  ['a subresource that is not listed', pods, { resource: 'pods', subresource: 'exec' }, false],
  ['a subresource of any resource', pods, { resource: 'deployments', subresource: 'scale' }, true],
  ['the listed name', named, { resource: 'secrets', name: 'a' }, true],
  ['another name', named, { resource: 'secrets', name: 'b' }, false],
  ['no name where names are listed', named, { resource: 'secrets' }, false],
  ['everything, with a subresource', everything, { resource: 'pods', subresource: 'exec', verb: 'create' }, true],
  ['a listed path', paths, { path: '/healthz' }, true],
  ['a path below a listed one', paths, { path: '/metrics/slis' }, true],
  ['another path', paths, { path: '/version' }, false],
  ['a path by a resource rule', everything, { path: '/healthz' }, false],
];

for (const [name, rule, ask, expected] of cases) {
  test(`a rule ${expected ? 'allows' : 'does not allow'} ${name}`, () => {
    const asked = { verb: 'get', group: '', resource: '', subresource: '', name: '', path: '', ...ask };
    assert.equal(new CompiledRule(rule).allows({ ...asked, isResourceRequest: ask.path === undefined }), expected);
  });
}

test('what one rule grants beyond others is found verb by verb', () => {
  const wanted: PolicyRule = { verbs: ['get', 'delete'], apiGroups: ['', 'apps'], resources: ['pods'] };
  const missing = rulesNotCovered([new CompiledRule(pods)], [wanted]);
  assert.equal(
    formatRules(missing),
    '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "delete"]}',
  );
});

test('a rule for one name does not cover the rule for all names', () => {
  const all: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };
  assert.equal(rulesNotCovered([new CompiledRule(named)], [all]).length, 1);
  assert.equal(rulesNotCovered([new CompiledRule(all)], [named]).length, 0);
});
