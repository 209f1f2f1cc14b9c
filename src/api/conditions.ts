interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
}

/** The condition of a type among a status' conditions. */
export function findCondition<C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
