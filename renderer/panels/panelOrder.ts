// The order of a panel's figures: what a person arranged, and where new ones go.

/** `ids` in the order of `stored`; ids that it doesn't know come where they are by default, those gone are left out. */
export function orderedIds(ids: readonly string[], stored: readonly string[]): string[] {
  const result = stored.filter((id, i) => ids.includes(id) && stored.indexOf(id) === i);
  ids.forEach((id, index) => {
    if (!result.includes(id)) result.splice(Math.min(index, result.length), 0, id);
  });
  return result;
}

/** `moved` takes the place of `target`; those between make room. */
export function orderAfterDrop(ids: readonly string[], moved: string, target: string): string[] {
  const to = ids.indexOf(target);
  const rest = ids.filter((id) => id !== moved);
  if (to < 0) return [...ids];
  rest.splice(to, 0, moved);
  return rest;
}
