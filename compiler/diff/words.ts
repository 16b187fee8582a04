/** Four of a list, and how many more. */
export function shortList(items: readonly string[], most = 4): string {
  if (items.length === 0) return "nobody";
  if (items.length <= most) return items.join(", ");
  return `${items.slice(0, most).join(", ")} and ${items.length - most} more`;
}

export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
