import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../base/index.js';
import { formatAction } from './action.js';
import { checkSchedule } from './check.js';
import { checkLowered } from './check-lowered.js';
import type { ScheduleIssue } from './issues.js';
import { finishesByBruteForce } from './test-brute-force.js';
import { type Base, createBase, type Lists, mutations, withLists } from './test-mutations.js';

const releases = [undefined, '2.14', '2.15'] as const;
const shapes = [
  ['gpipe', 3, 3],
  ['1f1b', 3, 5],
  ['interleaved', 2, 4],
  ['zb-v', 2, 4],
  ['dualpipev', 2, 4],
  ['dualpipe', 2, 4],
  ['dualpipe', 4, 8],
] as const;
const bases = shapes.flatMap(([name, ranks, microbatches]) =>
  releases.map((release) => createBase(name, ranks, microbatches, release)),
);

function check(base: Base, lists: Lists): ScheduleIssue[] {
  const lowered = withLists(base, lists);
  return base.isLowered ? checkLowered(lowered) : checkSchedule(lowered.schedule);
}

interface Mutant {
  readonly mutation: string;
  readonly base: Base;
  readonly lists: Lists;
}

/** Faulty schedules, the same every time: of each mutation and base, the first different ones that do not finish. */
function* createCorpus(each: number, attempts: number): Generator<Mutant> {
  for (const base of bases) {
    for (const [mutation, mutate] of Object.entries(mutations)) {
      const seen = new Set<string>();
      for (let attempt = 0; attempt < attempts && seen.size < each; attempt++) {
        const lists = mutate(base, createRandom(1, base.name, mutation, attempt));
        if (lists === undefined || finishesByBruteForce(base.schedule, lists)) continue;
        const text = lists.map((list) => list.map(formatAction).join()).join('\n');
        if (!seen.has(text)) yield { mutation, base, lists };
        seen.add(text);
      }
    }
  }
}

test('what is mutated is good before', () => {
  for (const base of bases) {
    assert.ok(finishesByBruteForce(base.schedule, base.lists), base.name);
    assert.deepEqual(check(base, base.lists), [], base.name);
  }
});

test('every schedule of a corpus of mutated ones is refused', (context) => {
  const byMutation = new Map<string, number>();
  const byRule = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  let total = 0;
  for (const { mutation, base, lists } of createCorpus(4, 12)) {
    const issues = check(base, lists);
    assert.ok(
      issues.length > 0,
      `${mutation}: ${base.name}\n${lists.map((list) => list.map(formatAction).join()).join('\n')}`,
    );
    for (const { message, rank, position } of issues) {
      assert.doesNotMatch(message, /undefined|NaN|\n/);
      assert.ok(rank === null || position === null || position < (lists[rank]?.length ?? 0));
    }
    total++;
    count(byMutation, mutation);
    for (const code of new Set(issues.map((issue) => issue.code))) count(byRule, code);
  }
  context.diagnostic(`${total} schedules; by mutation: ${describe(byMutation)}; by rule: ${describe(byRule)}`);
  assert.ok(total >= 200, `${total}`);
  assert.deepEqual(new Set(byMutation.keys()), new Set(Object.keys(mutations)));
  const codes = [
    'crossing',
    'deadlock',
    'duplicate',
    'missing',
    'order',
    'range',
    'rank',
    'reduction',
    'sharding',
    'split',
  ];
  assert.deepEqual(new Set(byRule.keys()), new Set(codes));
});

function describe(counts: Map<string, number>): string {
  return [...counts].map(([key, value]) => `${key} ${value}`).join(', ');
}

test('the checker accepts just what a brute-force execution brings to its end', () => {
  const names = Object.keys(mutations);
  // Neighbours are swapped most, which leaves many schedules good.
  const change = fc.oneof(
    { weight: 3, arbitrary: fc.constant('neighbours swapped') },
    { weight: 1, arbitrary: fc.constantFrom(...names) },
  );
  const counts = { finishes: 0, stops: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom(...bases),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 2 ** 30 }),
      (base, changes, seed) => {
        const random = createRandom(seed);
        let lists = base.lists;
        for (const name of changes) lists = mutations[name]?.({ ...base, lists }, random) ?? lists;
        const finishes = finishesByBruteForce(base.schedule, lists);
        counts[finishes ? 'finishes' : 'stops']++;
        const issues = check(base, lists);
        assert.equal(issues.length === 0, finishes, `${issues[0]?.message}`);
      },
    ),
    { numRuns: 5000 },
  );
  assert.ok(counts.finishes > 200 && counts.stops > 2000, JSON.stringify(counts));
});
