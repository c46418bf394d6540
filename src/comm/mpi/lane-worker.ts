import { parentPort, workerData } from 'node:worker_threads';
import { type MpiLaneData, serveMpiLane } from './lane.js';

serveMpiLane(workerData as MpiLaneData, () => parentPort?.postMessage('started'));
