#!/usr/bin/env node
import { needsSupervisor, superviseRank } from '../dist/src/comm/index.js';

// Of a process that only watches over a rank the rest of the program is not loaded.
process.exitCode = needsSupervisor()
  ? await superviseRank()
  : await (await import('../dist/src/cli/index.js')).main(process.argv);
