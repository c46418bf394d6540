export { parseColour } from './colours.js';
export { colourPlace, columnsOfPixel, type HeatGrid, heatColours, largestIn, paintHeatRow } from './heat-map.js';
export { findUnknownNumber, parseNumber, type Refusal } from './parameters.js';
export { findLoads, type LoadsCandidate } from './placement/choose-loads.js';
export { describeCurrent, describeLoads, findFacts, type LoadsFacts } from './placement/facts.js';
export {
  describeMaps,
  hottestExperts,
  listFigures,
  listLayers,
  mapLoads,
} from './placement/figures.js';
export { asksForPart, problemOnPage, sayOnPage } from './placement/page-words.js';
export {
  type CurrentPlacement,
  engineFileNames,
  type PlacedLoads,
  placeLoads,
  readLoadsAt,
} from './placement/place-loads.js';
export {
  describeSlots,
  findPlacementRefusals,
  type PlacementSettings,
  parseGpuList,
  placementLimits,
  type ReadSettings,
  readPlacementSettings,
  readReadSettings,
} from './placement/settings.js';
export {
  baseName,
  mostPlannerBytes,
  type NamedBasis,
  type PlannerFile,
  readPlannerFiles,
} from './planner/files.js';
export {
  type FoundPlans,
  memoryShares,
  nameFields,
  type PlanColumnName,
  rejectionRows,
  type Share,
  type ShownPlan,
  showFound,
  stepShares,
} from './planner/found.js';
export {
  findPlannerRefusals,
  type PlannerState,
  plannerLimits,
  plannerParameters,
  readPlannerState,
  requestOf,
} from './planner/state.js';
export { formatRoute, parseRoute, type Route, type ViewName, viewNames } from './route.js';
export {
  describeMissingRuns,
  findRunRefusals,
  readCurveChoice,
  smoothingBounds,
} from './run/address.js';
export { listDifferences, readConfigValues } from './run/config-differences.js';
export { countPredicted } from './run/count-predicted.js';
export {
  type AlignedCurves,
  alignCurves,
  type Curve,
  type CurveAxis,
  logarithmicMarks,
  placesOf,
  positiveOnly,
  smoothCurve,
  tellMarks,
} from './run/curves.js';
export { formatTokens } from './run/format-tokens.js';
export { addNews, pickSteadily, strideFor, thinSteps } from './run/history.js';
export { gridOfExperts, gridOfRanks, type LoadChoice, listMoves, rankLoadsOf, type StepGrid } from './run/loads.js';
export { describeOutlook } from './run/outlook.js';
export { formatRunIds, hasRoomForRun, parseRunIds, passesFilter } from './run/run-ids.js';
export { parseRunShape, type RunShape } from './run/run-shape.js';
export { measuredShares, predictedShares, type StepShares } from './run/step-shares.js';
export {
  type FolderNews,
  fileAt,
  type MetricsNews,
  pathOf,
  type RunEntry,
  type RunEvent,
  type RunFileName,
  type RunListing,
  type RunPosition,
  serverMark,
} from './run/wire.js';
export { fitPair, leastPair, modelCosts, plainTimes, sumOfParts } from './schedules/costs.js';
export { type ExportFormat, exportPicture } from './schedules/export-picture.js';
export {
  describeDifference,
  describeSearch,
  formatActivations,
  shareTime,
} from './schedules/figures.js';
export { type ChosenCounts, fitCounts } from './schedules/fit.js';
export { areaPath, peakColumns } from './schedules/memory-columns.js';
export { mostCsvBytes, openSchedule } from './schedules/open-schedule.js';
export {
  activationCurve,
  countChunks,
  manyChunks,
  type PictureResult,
  type PictureSource,
  type SchedulePicture,
  tryPicture,
} from './schedules/picture.js';
export { findSchedulesRefusals, readSchedulesState, schedulesRoute } from './schedules/route.js';
export {
  type ChosenSchedule,
  chosenLimits,
  defaultSchedulesState,
  type SchedulesState,
  type ShareTimes,
  type StageTimes,
  scheduleChoices,
} from './schedules/state.js';
export { beginSentence } from './sentence.js';
export { type ChartLayout, findTrack, layOutTracks, placeTrack } from './timeline/chart-layout.js';
export { describeEvent, labelTexts } from './timeline/describe-event.js';
export { findAgain } from './timeline/find-again.js';
export {
  findEvent,
  firstEndingAfter,
  type IndexedTimeline,
  indexTimeline,
  type Selection,
  selectedEvent,
  type Track,
} from './timeline/index-timeline.js';
export { paintTrack, type TimeWindow } from './timeline/paint-track.js';
export { nextMatch, searchEvents } from './timeline/search-events.js';
export { type Area, type AreaRow, joinAreas, sumArea } from './timeline/sum-area.js';
export { fitWindow, formatWindow, listTicks, panWindow, parseWindow, zoomWindow } from './timeline/window.js';
