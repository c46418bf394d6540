import { type BalanceRequest, type BalanceSolution, solveBalance } from '../balance/index.js';
import { createReporter } from './progress.js';

/** Solves a request, and says on standard error how far it is. Throws as `solveBalance`. */
export function watchBalance(request: BalanceRequest): BalanceSolution {
  const reporter = createReporter();
  const solution = solveBalance(request, {
    now: () => performance.now(),
    onLayer: (done, layers, search, searches) =>
      reporter.show(
        searches === 1
          ? `placing layer ${done} of ${layers}`
          : `search ${search} of ${searches}: layer ${done} of ${layers}`,
      ),
  });
  reporter.end();
  return solution;
}
