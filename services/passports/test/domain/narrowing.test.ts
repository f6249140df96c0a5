import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Constraint, ServiceScope } from '@sallyport/contracts/objects/access.ts';
import type { Access } from '../../src/domain/access.ts';
import { ruleText } from '../../src/domain/constraints.ts';
import { narrow } from '../../src/domain/narrowing.ts';
import { readWanted } from '../../src/domain/wanted.ts';
import { implicitAccess } from './given.ts';

const SCOPES = ['repo', 'user', 'admin', 'read'];
const SLUGS = ['slack', 'notion', 'stripe'];
const rule: fc.Arbitrary<Constraint> = fc.record({
  path: fc.constantFrom('method', 'url.pathname', 'body.title'),
  op: fc.constantFrom('eq', 'starts_with'),
  value: fc.constantFrom('a', 'b', 'c'),
});
const rules = fc.array(rule, { maxLength: 4 });
const groups = fc.array(fc.array(rule, { minLength: 1, maxLength: 3 }), { maxLength: 2 });
const flows: fc.Arbitrary<string[]> = fc.oneof(fc.constant<string[]>(['*']), fc.subarray(SLUGS));

const access: fc.Arbitrary<Access> = fc
  .record({ scopes: fc.subarray(SCOPES, { minLength: 1 }), baseline: rules, own: rules, group: groups, flows })
  .map(({ scopes, baseline, own, group, flows: from }) => ({
    ...implicitAccess('github', { scopes: SCOPES, baseline_constraints: baseline }),
    explicit: true,
    scopes,
    constraints: [...baseline, ...own],
    own_constraints: own,
    any_of: group.length > 0 ? [group] : [],
    allow_data_from: from,
  }));
const entry: fc.Arbitrary<ServiceScope> = fc.record(
  { service: fc.constant('github'), scopes: fc.subarray(SCOPES), constraints: rules, any_of: groups, allow_data_from: fc.subarray(SLUGS) },
  { requiredKeys: ['service'] },
);

test('given any access and any request, when it is narrowed, then the passport holds no more than the access, or nothing', () => {
  fc.assert(
    fc.property(access, entry, (given, asked) => {
      const read = readWanted({ scopes: [asked] });
      assert.ok(read.ok);
      const result = narrow(read.wanted, { access: [given], declared: [], resources: () => [] });
      const [service] = result.ok ? result.services : [];
      if (!result.ok) {
        assert.equal(result.denial.code, 'SCOPE_ESCALATION');
        return;
      }
      assert.ok(service);
      assert.ok(service.scopes.every((scope) => given.scopes.includes(scope)));
      const held = new Set((service.constraints ?? []).map(ruleText));
      for (const one of [...given.constraints, ...(asked.constraints ?? [])]) assert.ok(held.has(ruleText(one)), 'a rule was lost');
      assert.equal(held.size, (service.constraints ?? []).length, 'a rule counts once');
      assert.deepEqual(service.any_of.slice(0, given.any_of.length), given.any_of, 'a group was lost');
      const from = service.allow_data_from ?? ['*'];
      assert.ok(given.allow_data_from.includes('*') || from.every((slug) => given.allow_data_from.includes(slug)));
    }),
  );
});

test('given a request that asks for nothing in particular, when it is narrowed, then the passport holds exactly the access', () => {
  fc.assert(
    fc.property(access, (given) => {
      const read = readWanted({});
      assert.ok(read.ok);
      const result = narrow(read.wanted, { access: [given], declared: [], resources: () => [] });
      assert.ok(result.ok);
      assert.deepEqual(result.services[0]?.scopes, given.scopes);
      assert.deepEqual(result.services[0]?.any_of, given.any_of);
    }),
  );
});

test('given 32 rules of a grant, when one more is asked for, then it is refused; one that is there already is not', () => {
  const own = Array.from({ length: 32 }, (_, n): Constraint => ({ path: 'body.n', op: 'not_eq', value: n }));
  const given = { ...implicitAccess('github'), explicit: true, own_constraints: own, constraints: own };
  const ask = (constraints: Constraint[]): boolean => {
    const read = readWanted({ scopes: [{ service: 'github', constraints }] });
    return read.ok && narrow(read.wanted, { access: [given], declared: [], resources: () => [] }).ok;
  };
  assert.equal(ask([{ path: 'method', op: 'eq', value: 'GET' }]), false);
  assert.equal(ask([{ value: 3, op: 'not_eq', path: 'body.n' }]), true);
});
