import model from '../../../../configs/deepseek-v3.json?raw';
import calibration from '../../../../configs/h800-2048.calibration.toml?raw';
import cluster from '../../../../configs/h800-2048.toml?raw';
import { problemOf } from '../../../base/index.js';
import { adviseSearch, describeBasis, type PlanRequest, searchedCounts, searchLayouts } from '../../../plan/index.js';
import { type NamedBasis, readPlannerFiles, showFound } from '../../view/index.js';
import type { PlannerAnswer, PlannerOrder, PlannerOutcome, ReadFiles } from './messages.js';

/** DeepSeek-V3 on 2,048 H800. */
const example = [
  { name: 'deepseek-v3.json', text: model },
  { name: 'h800-2048.toml', text: cluster },
  { name: 'h800-2048.calibration.toml', text: calibration },
];

/** Often enough to see that it goes on. */
const progressMilliseconds = 100;

const answer = (message: PlannerAnswer) => postMessage(message);

addEventListener('message', ({ data }: MessageEvent<PlannerOrder>) => {
  try {
    const read = readPlannerFiles({ example, given: data.given, isCalibrated: data.isCalibrated });
    const files = nameFiles(read, data.request);
    answer({ kind: 'read', files });
    if (data.request !== undefined) answer(search(read, files, data.request));
  } catch (error) {
    answer({ kind: 'problem', problem: problemOf(error) });
  }
});

function nameFiles(read: NamedBasis, request: PlanRequest | undefined): ReadFiles {
  const { modelFile, clusterFile, calibrationFile, basis } = read;
  const words = request && describeBasis(basis, request);
  return { modelFile, clusterFile, calibrationFile, counts: searchedCounts(basis), words };
}

function search(read: NamedBasis, files: ReadFiles, request: PlanRequest): PlannerOutcome {
  const start = performance.now();
  const result = searchLayouts(read.basis, request, reportTo(start));
  const seconds = (performance.now() - start) / 1000;
  if (result.plans.length > 0) return { kind: 'found', found: showFound({ ...read, request, result }), files, seconds };
  return { kind: 'nothing', rejected: result.rejected, advice: adviseSearch(read.basis, request, result) };
}

function reportTo(start: number): (done: number, layouts: number) => void {
  let last = start;
  return (done, layouts) => {
    const now = performance.now();
    if (now - last < progressMilliseconds) return;
    last = now;
    answer({ kind: 'progress', done, layouts });
  };
}
