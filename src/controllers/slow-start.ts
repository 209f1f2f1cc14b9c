/**
 * Runs `count` calls in batches that double while all succeed, so that a quota or a refusal meets one call and not a
 * thousand. Resolves with how many succeeded and the first failure; the rest is not tried after a failed batch.
 */
export async function slowStart(
  count: number,
  call: (index: number) => Promise<unknown>,
): Promise<{ succeeded: number; failure?: unknown }> {
  let succeeded = 0;
  for (let batch = 1; succeeded < count; batch *= 2) {
    const size = Math.min(batch, count - succeeded);
    const first = succeeded;
    const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => call(first + index)));
    for (const result of results) if (result.status === 'fulfilled') succeeded++;
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) return { succeeded, failure: failed.reason };
  }
  return { succeeded };
}
