#!/usr/bin/env node
import { needsSupervisor, superviseRank } from '../dist/src/comm/index.js';

const started = new Date();
const describeLoss = async () => (await import('../dist/src/cli/go-on.js')).describeLostRun(process.argv, started);

// Of a process that only watches over a rank the rest of the program is not loaded.
process.exitCode = needsSupervisor()
  ? await superviseRank(describeLoss)
  : await (await import('../dist/src/cli/index.js')).main(process.argv);
