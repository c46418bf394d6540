import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeWriter, readTable, refusesLoads } from './test-files.js';

const { write } = makeWriter();

describe('tables with a row for each choice of a token', () => {
  it('count each row as 1, whatever else the rows hold', async () => {
    const texts = [
      'token,layer,expert,weight\n7,3,1,0.5\n7,3,0,0.5\n8,3,1,0.9\n',
      'token_id;layer;expert\n7;3;1\n7;3;0\n8;3;1\n',
      'layer,expert,TokenIdx,gate_prob,rank\n3,1,7,0.5,0\n3,0,7,0.5,1\n3,1,8,0.9,0\n',
      'position,layer,expert,router_logit,value\n7,3,1,0.5,2\n7,3,0,0.5,2\n8,3,1,0.9,2\n',
    ];
    for (const [index, text] of texts.entries()) {
      const { counts, notes } = await readTable(write(`choices${index}.csv`, text));
      assert.deepEqual(counts, [1, 2], text);
      assert.ok(notes.includes('each row is taken as one choice of a token, and counted as 1'));
      assert.ok(!notes.some((note) => note.includes('more than once')));
    }
  });

  it('are none where a column counts tokens', async () => {
    const tokens = await readTable(write('tokens.csv', 'layer,expert,tokens\n0,0,5\n0,1,6\n'));
    assert.deepEqual(tokens.counts, [5, 6]);
    const counted = await readTable(write('counted.csv', 'token,layer,expert,hits\n9,0,0,5\n9,0,1,6\n'));
    assert.deepEqual(counted.counts, [5, 6]);
  });

  it('are refused where nothing tells, with what to do', async () => {
    const either = write('either.csv', 'layer,expert,token\n0,0,5\n0,1,6\n');
    await refusesLoads(either, /may count tokens, or number them .*: name it count .* or token_id/);
    const named = await readTable(write('either-count.csv', 'layer,expert,count\n0,0,5\n0,1,6\n'));
    assert.deepEqual(named.counts, [5, 6]);
    const wide = write('wide.csv', 'token,layer,expert_0,expert_1\n0,0,6,2\n0,1,1,6\n');
    await refusesLoads(wide, /its rows are of single tokens.*: give a row for each choice.*or leave 'token' out/);
    const without = await readTable(write('without.csv', 'layer,expert_0,expert_1\n0,6,2\n1,1,6\n'));
    assert.deepEqual(without.counts, [6, 2, 1, 6]);
  });
});
