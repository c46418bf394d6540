import { workerData } from 'node:worker_threads';
import { pinThread } from '../../device/index.js';
import { serveThreadsLane, type ThreadsLaneData } from './lane.js';

const data = workerData as ThreadsLaneData;
pinThread(data.cores);
serveThreadsLane(data);
