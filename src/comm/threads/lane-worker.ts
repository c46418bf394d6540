import { workerData } from 'node:worker_threads';
import { serveThreadsLane, type ThreadsLaneData } from './lane.js';

serveThreadsLane(workerData as ThreadsLaneData);
