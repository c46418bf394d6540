import { parentPort, workerData } from 'node:worker_threads';
import { pinThread } from '../../device/index.js';
import { type MpiLaneData, serveMpiLane } from './lane.js';

const data = workerData as MpiLaneData;
pinThread(data.cores);
serveMpiLane(data, () => parentPort?.postMessage('started'));
