import { formatCount } from '../../../base/index.js';
import { modelFlops, parseTrainingConfig } from '../../../config/index.js';
import { parseToml } from '../../../formats/browser.js';

/** What the config of a run says about it. */
export interface RunShape {
  /** The last step. */
  readonly steps: number;
  /** Ranks that share experts. */
  readonly expert: number;
  /** `7.2 M parameters, dualpipev on 4 ranks` */
  readonly words: string;
}

/** The shape of a run from the text of its `config.toml`. Throws `InputError` for what is no config. */
export function parseRunShape(text: string): RunShape {
  const { model, data, parallel, schedule, train } = parseTrainingConfig({
    tables: parseToml(text, 'config.toml'),
    where: 'config.toml',
  });
  const { totalParameters } = modelFlops(model, data.sequenceLength);
  const ranks = parallel.pipeline * parallel.expert;
  const shared = parallel.expert === 1 ? '' : `, experts shared by ${parallel.expert}`;
  return {
    steps: train.steps,
    expert: parallel.expert,
    words:
      `${formatCount(totalParameters)} parameters, ${schedule.name} with ${schedule.microbatches} microbatches ` +
      `on ${ranks} ${ranks === 1 ? 'rank' : 'ranks'}${shared}`,
  };
}
