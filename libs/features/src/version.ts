/** Version of the extractors of this library (`feat.xv`, detectors.md §1.4). Raise it when any output changes for any input. */
export const XV = 1;
