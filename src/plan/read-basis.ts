import { parseCalibration, parseCluster, parsePlanningModel } from '../config/index.js';
import { type Calibration, noCalibration } from './calibration.js';
import { fitCalibration } from './fit-calibration.js';
import type { CostBasis } from './part-segments.js';
import { deriveEfficiencies } from './profile.js';

/** Paths of the files that a prediction starts from. */
export interface BasisFiles {
  /** A model's config.json. */
  readonly model: string;
  /** A cluster's TOML. */
  readonly cluster: string;
  /** A measured step's TOML, or `none`; left out, the one that the cluster's file names, if it does. */
  readonly calibration?: string;
}

/** Where files come from; each of these throws `InputError` for a file that is not there or not in its format. */
export interface TableReader {
  readonly readJson: (path: string) => unknown;
  readonly readToml: (path: string) => unknown;
  /** The path that `path` means when it stands in the file `inFile`. */
  readonly resolve: (path: string, inFile: string) => string;
}

/** What all predictions share, and where its calibration came from: a path, or `none`. */
export interface ReadBasis {
  readonly basis: CostBasis;
  readonly calibrationFile: string;
}

/** Reads a model, a cluster and its calibration, with the files that they name. Throws `InputError` with the file for what is missing or cannot be. */
export function readBasis(files: BasisFiles, { readJson, readToml, resolve }: TableReader): ReadBasis {
  const besides = (inFile: string) => (path: string) => resolve(path, inFile);
  const readModel = (path: string) => parsePlanningModel(readJson(path), path);
  const model = readModel(files.model);
  const cluster = parseCluster(readToml(files.cluster), files.cluster, besides(files.cluster));
  const efficiencies = deriveEfficiencies(cluster, readModel(cluster.profile.model));
  const calibrationFile = files.calibration ?? (cluster.calibration === '' ? 'none' : cluster.calibration);
  const readCalibration = (file: string): Calibration => {
    const run = parseCalibration(readToml(file), file, besides(file));
    return fitCalibration({ run, model: readModel(run.model), cluster, efficiencies, where: `${file}, [measured]` });
  };
  const calibration = calibrationFile === 'none' ? noCalibration : readCalibration(calibrationFile);
  return { basis: { model, cluster, efficiencies, calibration }, calibrationFile };
}
