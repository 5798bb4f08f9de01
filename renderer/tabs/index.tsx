// The views of a run that are not charts, and the comparison of several.
export { ComparePage } from "./ComparePage.tsx";
export { FilesTab } from "./FilesTab.tsx";
export { LogTab } from "./LogTab.tsx";
export { SpecTab } from "./SpecTab.tsx";
